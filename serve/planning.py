"""Plans made, changed and written as files, behind `/v1/deployments`.

It brings pandas and SciPy along, so the router imports it when it is first asked.
"""

from __future__ import annotations

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment import plan
from serve.auth import audit_read
from serve.deployment_schemas import DeploymentOut, EditAsk, PlanAsk
from serve.plans_kept import out
from store import deployments, plans, reading
from store.deployment_files import export
from store.deployment_schema import FileKind
from store.deployments import By
from store.tokens import Caller


def planned(
    session: Session, asked: PlanAsk, who: By, caller: Caller, language: Language
) -> DeploymentOut:
    """A plan made and kept.

    Raises:
        InfeasibleError: no plan keeps every constraint.
    """
    bulletin = reading.bulletin(session, asked.bulletin_id)
    before = deployments.version(session, asked.follows) if asked.follows else None
    reports = plans.reports_of(session, before, who.at)
    known = plans.situation(session, bulletin, before, reports)
    found = plan(known, asked.request)
    kept = plans.write_plan(session, bulletin, known, found, who, before)
    return out(session, kept, caller, language)


def edited(
    session: Session,
    deployment_id: str,
    asked: EditAsk,
    who: By,
    caller: Caller,
    language: Language,
) -> DeploymentOut:
    """A plan that a person changed, kept as the next version."""
    changes = [change.model_dump() for change in asked.changes]
    kept = plans.edit(session, deployment_id, asked.version, changes, who)
    return out(session, kept, caller, language)


def written(
    request: Request,
    session: Session,
    now: datetime,
    caller: Caller,
    deployment_id: str,
    number: int | None,
    kind: FileKind,
    region: str | None,
    language: Language,
) -> tuple[bytes, str]:
    """A version as a file, and its name; the read is audited."""
    kept = deployments.version(session, deployment_id, number)
    content = export(session, kept, kind, language, region=region, areas=caller.areas)
    bulletin_id = deployments.deployment(session, deployment_id).bulletin_id
    audit_read(request, now, caller.token_id, bulletin_id)
    return content, f"{deployment_id}.v{kept.version}.{kind}"
