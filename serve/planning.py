"""Deployments behind `/v1/deployments`: plans made and read, as the API says them.

It brings pandas and scipy along, so the router imports it when it is first asked.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment import plan
from response.deployment_request import Request as PlanRequest
from response.deployment_words import assumptions
from serve.auth import audit_read, request_id
from serve.deployment_schemas import (
    Approval,
    ApproveAsk,
    DeploymentLine,
    DeploymentOut,
    Deployments,
    EditAsk,
    Move,
    Moves,
    PlanAsk,
    Post,
    VersionOut,
    Versions,
)
from store import deployments, reading
from store.deployment_files import export
from store.deployment_schema import Deployment, DeploymentVersion, FileKind
from store.deployment_tables import moves_since, table
from store.deployments import By
from store.tokens import Caller


def by(request: Request, caller: Caller, now: datetime, reason: str) -> By:
    """Who asks, as the store keeps it."""
    return By(caller.role, caller.token_id, now, reason, request_id(request))


def _version(session: Session, kept: DeploymentVersion) -> VersionOut:
    found = deployments.approval(session, kept)
    said = {c: getattr(kept, c) for c in VersionOut.model_fields if c != "approval"}
    approval = None
    if found is not None:
        approval = Approval(role=found.role, reason=found.reason, approved_at=found.approved_at)
    return VersionOut(**said, approval=approval)


def _line(session: Session, row: Deployment) -> dict[str, Any]:
    every = [_version(session, v) for v in deployments.versions(session, row.deployment_id)]
    return {
        "deployment_id": row.deployment_id,
        "election_id": row.election_id,
        "bulletin_id": row.bulletin_id,
        "follows": row.follows,
        "synthetic": reading.bulletin(session, row.bulletin_id).synthetic,
        "created_at": row.created_at,
        "newest": every[-1],
        "approved_version": max((v.version for v in every if v.approval), default=None),
    }


def _out(
    session: Session, kept: DeploymentVersion, caller: Caller, language: Language
) -> DeploymentOut:
    row = deployments.deployment(session, kept.deployment_id)
    asked = PlanRequest.model_validate(kept.request)
    listed = table(session, kept, language, caller.areas)
    whole = not caller.areas
    return DeploymentOut(
        **_line(session, row),
        shown=_version(session, kept),
        request=kept.request if whole else {"mediators": asked.mediators},
        assumptions=assumptions(asked, kept.figures, language),
        figures=kept.figures if whole else None,
        posts=[Post.model_validate(_plain(r)) for r in listed.to_dict("records")],
    )


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """A row of a table, its missing numbers as None."""
    return {str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}


def listed(session: Session, election_id: str | None, limit: int) -> Deployments:
    """Deployments with their newest version, the newest first."""
    found = deployments.deployments(session, election_id, limit)
    lines = [DeploymentLine.model_validate(_line(session, row)) for row in found]
    return Deployments(deployments=lines)


def planned(
    session: Session, asked: PlanAsk, who: By, caller: Caller, language: Language
) -> DeploymentOut:
    """A plan made and kept.

    Raises:
        InfeasibleError: no plan keeps every constraint.
    """
    bulletin = reading.bulletin(session, asked.bulletin_id)
    before = deployments.version(session, asked.follows) if asked.follows else None
    reports = deployments.reports_of(session, before, who.at)
    known = deployments.situation(session, bulletin, before, reports)
    found = plan(known, asked.request)
    kept = deployments.write_plan(session, bulletin, known, found, who, before)
    return _out(session, kept, caller, language)


def one(
    session: Session, deployment_id: str, number: int | None, caller: Caller, language: Language
) -> DeploymentOut:
    """A version with its posts, the newest when none is named."""
    kept = deployments.version(session, deployment_id, number)
    return _out(session, kept, caller, language)


def every_version(session: Session, deployment_id: str) -> Versions:
    """All versions of a deployment, the oldest first."""
    deployments.deployment(session, deployment_id)
    kept = deployments.versions(session, deployment_id)
    said = [_version(session, one_of_them) for one_of_them in kept]
    return Versions(deployment_id=deployment_id, versions=said)


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
    kept = deployments.edit(session, deployment_id, asked.version, changes, who)
    return _out(session, kept, caller, language)


def approved(
    session: Session,
    deployment_id: str,
    asked: ApproveAsk,
    who: By,
    caller: Caller,
    language: Language,
) -> DeploymentOut:
    """A version, approved."""
    deployments.approve(session, deployment_id, asked.version, who)
    return one(session, deployment_id, asked.version, caller, language)


def moved(
    request: Request,
    session: Session,
    now: datetime,
    caller: Caller,
    deployment_id: str,
    number: int | None,
) -> Moves:
    """The moves of a version; the read is audited."""
    kept = deployments.version(session, deployment_id, number)
    found = moves_since(session, kept, caller.areas)
    bulletin_id = deployments.deployment(session, deployment_id).bulletin_id
    audit_read(request, now, caller.token_id, bulletin_id)
    rows = [Move.model_validate(_plain(row)) for row in found.to_dict("records")]
    return Moves(deployment_id=deployment_id, version=kept.version, moves=rows)


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
