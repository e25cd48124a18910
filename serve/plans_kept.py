"""Plans that are kept, behind `/v1/deployments`, as the API says them.

Nothing here brings pandas or SciPy along: reading a plan is quick from the first time on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment_assumed import assumptions
from response.deployment_request import Request as PlanRequest
from serve.auth import request_id
from serve.deployment_schemas import (
    Approval,
    ApproveAsk,
    DeploymentLine,
    DeploymentOut,
    Deployments,
    Post,
    VersionOut,
    Versions,
)
from store import deployments, reading
from store.deployment_posts import post_rows
from store.deployment_schema import Deployment, DeploymentVersion
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


def out(
    session: Session, kept: DeploymentVersion, caller: Caller, language: Language
) -> DeploymentOut:
    """A version with its posts; for a token with areas the posts in them, and no totals."""
    row = deployments.deployment(session, kept.deployment_id)
    asked = PlanRequest.model_validate(kept.request)
    whole = not caller.areas
    return DeploymentOut(
        **_line(session, row),
        shown=_version(session, kept),
        request=kept.request if whole else {"mediators": asked.mediators},
        assumptions=assumptions(asked, kept.figures, language),
        figures=kept.figures if whole else None,
        posts=[
            Post.model_validate(row) for row in post_rows(session, kept, language, caller.areas)
        ],
    )


def listed(session: Session, election_id: str | None, limit: int) -> Deployments:
    """Deployments with their newest version, the newest first."""
    found = deployments.deployments(session, election_id, limit)
    lines = [DeploymentLine.model_validate(_line(session, row)) for row in found]
    return Deployments(deployments=lines)


def one(
    session: Session, deployment_id: str, number: int | None, caller: Caller, language: Language
) -> DeploymentOut:
    """A version with its posts, the newest when none is named."""
    kept = deployments.version(session, deployment_id, number)
    return out(session, kept, caller, language)


def every_version(session: Session, deployment_id: str) -> Versions:
    """All versions of a deployment, the oldest first."""
    deployments.deployment(session, deployment_id)
    kept = deployments.versions(session, deployment_id)
    said = [_version(session, one_of_them) for one_of_them in kept]
    return Versions(deployment_id=deployment_id, versions=said)


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
