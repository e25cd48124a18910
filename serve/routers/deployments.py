"""`/v1/deployments`: plan who goes where, edit, approve, export."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from features.errors import ForbiddenError
from features.vocabulary import Language
from response.deployment import plan
from response.deployment_request import Request as PlanRequest
from response.deployment_words import assumptions
from serve import documented
from serve.auth import Now, OpenSession, Reader, allowed, audit_read, request_id
from serve.deployment_schemas import (
    DEPLOYMENT_ID,
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
from serve.language import Wanted
from store import deployments, reading
from store.deployment_files import MEDIA, FileKind, export
from store.deployment_schema import Deployment, DeploymentVersion
from store.deployment_tables import moves_since, table
from store.deployments import By
from store.roles import Action
from store.tokens import Caller

router = APIRouter(prefix="/v1", tags=["deployments"])

DeploymentId = Annotated[
    str, Path(description="Id of a deployment", examples=[DEPLOYMENT_ID], max_length=200)
]
Number = Annotated[
    int | None, Query(ge=1, le=1_000_000, description="Version; the newest when none is named")
]


def _whole(caller: Caller) -> Caller:
    """Let pass who sees every unit: a deployment speaks of them all.

    Raises:
        ForbiddenError: the token is for some areas.
    """
    if caller.areas:
        raise ForbiddenError(
            "expected a token without areas, since a deployment speaks of every unit, got one for "
            f"{', '.join(caller.areas)}; ask for another one"
        )
    return caller


def planner(caller: Annotated[Caller, Depends(allowed(Action.PLAN))]) -> Caller:
    """Let in who may draft deployments."""
    return _whole(caller)


def approver(caller: Annotated[Caller, Depends(allowed(Action.APPROVE))]) -> Caller:
    """Let in who may approve deployments."""
    return _whole(caller)


Drafter = Annotated[Caller, Depends(planner)]
Approver = Annotated[Caller, Depends(approver)]


def _by(request: Request, caller: Caller, now: Now, reason: str) -> By:
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


@router.get("/deployments", responses=documented.errors(422), summary="Deployments")
def list_deployments(
    session: OpenSession,
    _caller: Reader,
    election_id: Annotated[str | None, Query(examples=["MLI-2018-PRES-1"], max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
) -> Deployments:
    """Deployments with their newest version, the newest first."""
    found = deployments.deployments(session, election_id, limit)
    return Deployments(
        deployments=[DeploymentLine.model_validate(_line(session, row)) for row in found]
    )


@router.post(
    "/deployments",
    status_code=201,
    responses=documented.errors(400, 404, 409, 422),
    summary="Plan a deployment",
)
def plan_deployment(
    request: Request,
    session: OpenSession,
    caller: Drafter,
    now: Now,
    language: Wanted,
    asked: PlanAsk,
) -> DeploymentOut:
    """The plan that covers most of the incidents expected, kept as a draft.

    409 names the constraints that clash where no plan keeps them all.
    """
    bulletin = reading.bulletin(session, asked.bulletin_id)
    before = deployments.version(session, asked.follows) if asked.follows else None
    known = deployments.situation(session, bulletin, before)
    found = plan(known, asked.request)
    by = _by(request, caller, now, asked.reason)
    kept = deployments.write_plan(session, bulletin, known, found, by, before)
    return _out(session, kept, caller, language)


@router.get(
    "/deployments/{deployment_id}",
    responses=documented.errors(404, 422),
    summary="A plan: its posts, what it covers, what was assumed",
)
def one_deployment(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: Wanted,
    deployment_id: DeploymentId,
    version: Number = None,
) -> DeploymentOut:
    """A version of a deployment. A token with areas sees the posts in them, and no totals."""
    kept = deployments.version(session, deployment_id, version)
    answer = _out(session, kept, caller, language)
    audit_read(request, now, caller.token_id, answer.bulletin_id)
    return answer


@router.get(
    "/deployments/{deployment_id}/versions",
    responses=documented.errors(404, 422),
    summary="Every version of a deployment",
)
def deployment_versions(
    session: OpenSession, _caller: Reader, deployment_id: DeploymentId
) -> Versions:
    """Who made or changed the plan, in which role, when and why."""
    deployments.deployment(session, deployment_id)
    every = deployments.versions(session, deployment_id)
    return Versions(
        deployment_id=deployment_id, versions=[_version(session, kept) for kept in every]
    )


@router.post(
    "/deployments/{deployment_id}/versions",
    status_code=201,
    responses=documented.errors(400, 404, 409, 422),
    summary="Edit a plan, with a reason",
)
def edit_deployment(
    request: Request,
    session: OpenSession,
    caller: Drafter,
    now: Now,
    language: Wanted,
    deployment_id: DeploymentId,
    asked: EditAsk,
) -> DeploymentOut:
    """A new version; `figures.broken` names the constraints that it does not keep."""
    changes = [change.model_dump() for change in asked.changes]
    by = _by(request, caller, now, asked.reason)
    kept = deployments.edit(session, deployment_id, asked.version, changes, by)
    return _out(session, kept, caller, language)


@router.post(
    "/deployments/{deployment_id}/approval",
    status_code=201,
    responses=documented.errors(400, 404, 409, 422),
    summary="Approve the newest version",
)
def approve_deployment(
    request: Request,
    session: OpenSession,
    caller: Approver,
    now: Now,
    language: Wanted,
    deployment_id: DeploymentId,
    asked: ApproveAsk,
) -> DeploymentOut:
    """From then on mediators stand where it says, until another version is approved."""
    by = _by(request, caller, now, asked.reason)
    deployments.approve(session, deployment_id, asked.version, by)
    kept = deployments.version(session, deployment_id, asked.version)
    return _out(session, kept, caller, language)


@router.get(
    "/deployments/{deployment_id}/moves",
    responses=documented.errors(404, 422),
    summary="Who moves where",
)
def deployment_moves(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    deployment_id: DeploymentId,
    version: Number = None,
) -> Moves:
    """Moves from the plan that it follows, or from its own first version."""
    kept = deployments.version(session, deployment_id, version)
    found = moves_since(session, kept, caller.areas)
    bulletin_id = deployments.deployment(session, deployment_id).bulletin_id
    audit_read(request, now, caller.token_id, bulletin_id)
    rows = [Move.model_validate(_plain(row)) for row in found.to_dict("records")]
    return Moves(deployment_id=deployment_id, version=kept.version, moves=rows)


_FILES: dict[int | str, dict[str, Any]] = {
    **documented.errors(404, 422),
    200: {
        "description": "The file",
        "content": {
            media.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for media in MEDIA.values()
        },
    },
}


@router.get(
    "/deployments/{deployment_id}/file",
    responses=_FILES,
    response_class=Response,
    summary="A plan as CSV, XLSX or sheets to print",
)
def deployment_file(
    request: Request,
    session: OpenSession,
    caller: Reader,
    now: Now,
    language: Wanted,
    deployment_id: DeploymentId,
    kind: Annotated[FileKind, Query(alias="format")] = FileKind.CSV,
    region: Annotated[str | None, Query(max_length=100, description="Id of a region")] = None,
    version: Number = None,
) -> Response:
    """A file to keep: `html` has one printable sheet per region, with places to watch."""
    kept = deployments.version(session, deployment_id, version)
    content = export(session, kept, kind, language, region=region, areas=caller.areas)
    bulletin_id = deployments.deployment(session, deployment_id).bulletin_id
    audit_read(request, now, caller.token_id, bulletin_id)
    name = f"{deployment_id}.v{kept.version}.{kind}"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=MEDIA[kind], headers=disposition)
