"""Deployments as they are kept: their versions, read and approved.

Reading brings no table along: `store.plans` makes plans. Each function works inside the caller's
transaction: it flushes, the caller commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import ConflictError, ForbiddenError, NotFoundError
from store import audit
from store.deployment_schema import Deployment, DeploymentApproval, DeploymentVersion
from store.roles import ALLOWED, Action, Role


@dataclass(frozen=True)
class By:
    """Who does something, when and why.

    Attributes:
        role: what is shown to people.
        actor: id of a token, or who runs a command, for the audit.
        reason: why, in their own words.
        request_id: under which the log speaks of it.
    """

    role: Role
    actor: str
    at: datetime
    reason: str
    request_id: str | None = None

    def entry(self, action: str, subject: str, bulletin_id: str) -> audit.Entry:
        """The same for the audit."""
        return audit.Entry(self.at, self.actor, action, subject, bulletin_id, self.request_id)


def approve(session: Session, deployment_id: str, number: int, by: By) -> DeploymentApproval:
    """Approve the newest version of a deployment.

    Raises:
        ConflictError: it is not the newest, or approved already.
        ForbiddenError: the role may not approve.
        NotFoundError: there is no such version.
    """
    require_role(by, Action.APPROVE)
    version(session, deployment_id, number)
    newest = version(session, deployment_id).version
    if number != newest:
        raise ConflictError(
            f"deployment {deployment_id}: expected the newest version, {newest}, to be approved, "
            f"got {number}; look at the newest"
        )
    if session.get(DeploymentApproval, (deployment_id, number)) is not None:
        raise ConflictError(f"deployment {deployment_id}, version {number}: approved already")
    approval = DeploymentApproval(
        deployment_id=deployment_id,
        version=number,
        role=str(by.role),
        actor=by.actor,
        reason=by.reason,
        approved_at=by.at,
    )
    session.add(approval)
    session.flush()
    kept = session.get_one(Deployment, deployment_id)
    subject = f"{deployment_id}/{number}"
    audit.record(session, by.entry("deployment.approved", subject, kept.bulletin_id))
    return approval


def require_role(by: By, action: Action) -> None:
    """Let pass who may do something.

    Raises:
        ForbiddenError: the role may not.
    """
    if action not in ALLOWED[by.role]:
        roles = " or ".join(role for role, actions in ALLOWED.items() if action in actions)
        raise ForbiddenError(f"expected a role that may {action} ({roles}), got {by.role}")


def deployments(
    session: Session, election_id: str | None = None, limit: int = 50
) -> list[Deployment]:
    """Deployments, the newest first."""
    query = select(Deployment).order_by(Deployment.created_at.desc(), Deployment.deployment_id)
    if election_id is not None:
        query = query.where(Deployment.election_id == election_id)
    return list(session.scalars(query.limit(limit)))


def deployment(session: Session, deployment_id: str) -> Deployment:
    """One deployment.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = session.get(Deployment, deployment_id)
    if found is None:
        raise NotFoundError(
            f"expected the id of a deployment, got {deployment_id!r}; "
            "GET /v1/deployments or 'vigie deploy list' lists them"
        )
    return found


def versions(session: Session, deployment_id: str) -> list[DeploymentVersion]:
    """Every version of a deployment, the oldest first."""
    query = select(DeploymentVersion).where(DeploymentVersion.deployment_id == deployment_id)
    return list(session.scalars(query.order_by(DeploymentVersion.version)))


def version(session: Session, deployment_id: str, number: int | None = None) -> DeploymentVersion:
    """One version of a deployment, the newest when none is named.

    Raises:
        NotFoundError: there is no such deployment or version.
    """
    deployment(session, deployment_id)
    every = versions(session, deployment_id)
    found = [v for v in every if number is None or v.version == number]
    if not found:
        raise NotFoundError(
            f"expected a version of {deployment_id}, 1 to {len(every)}, got {number}"
        )
    return found[-1]


def approval(session: Session, kept: DeploymentVersion) -> DeploymentApproval | None:
    """The approval of a version, if it has one."""
    return session.get(DeploymentApproval, (kept.deployment_id, kept.version))


def approved_version(
    session: Session, election_id: str, as_of: datetime | None = None
) -> DeploymentVersion | None:
    """The version approved last for a round, by a moment where one is given; None while none is."""
    known = () if as_of is None else (DeploymentApproval.approved_at <= as_of,)
    found: DeploymentVersion | None = session.scalar(
        select(DeploymentVersion)
        .join(
            DeploymentApproval,
            (DeploymentApproval.deployment_id == DeploymentVersion.deployment_id)
            & (DeploymentApproval.version == DeploymentVersion.version),
        )
        .join(Deployment, Deployment.deployment_id == DeploymentVersion.deployment_id)
        .where(Deployment.election_id == election_id, *known)
        .order_by(
            DeploymentApproval.approved_at.desc(),
            DeploymentApproval.version.desc(),
            DeploymentApproval.deployment_id,
        )
        .limit(1)
    )
    return found
