"""`/v1/deployments`: plan who goes where, edit, approve, export."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from features.errors import ForbiddenError
from serve import documented, plans_kept
from serve.auth import Now, OpenSession, Reader, allowed, audit_read
from serve.deployment_schemas import (
    DEPLOYMENT_ID,
    ApproveAsk,
    DeploymentOut,
    Deployments,
    EditAsk,
    Moves,
    PlanAsk,
    Versions,
)
from serve.language import Wanted
from store.deployment_schema import MEDIA, FileKind
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


@router.get("/deployments", responses=documented.errors(422), summary="Deployments")
def list_deployments(
    session: OpenSession,
    _caller: Reader,
    election_id: Annotated[str | None, Query(examples=["MLI-2018-PRES-1"], max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most to return")] = 50,
) -> Deployments:
    """Deployments with their newest version, the newest first."""
    return plans_kept.listed(session, election_id, limit)


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
    from serve import planning  # heavy

    who = plans_kept.by(request, caller, now, asked.reason)
    return planning.planned(session, asked, who, caller, language)


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
    answer = plans_kept.one(session, deployment_id, version, caller, language)
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
    return plans_kept.every_version(session, deployment_id)


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
    from serve import planning  # heavy

    who = plans_kept.by(request, caller, now, asked.reason)
    return planning.edited(session, deployment_id, asked, who, caller, language)


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
    who = plans_kept.by(request, caller, now, asked.reason)
    return plans_kept.approved(session, deployment_id, asked, who, caller, language)


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
    from serve import plans_moved  # pandas

    return plans_moved.moved(request, session, now, caller, deployment_id, version)


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
    from serve import planning  # heavy

    content, name = planning.written(
        request, session, now, caller, deployment_id, version, kind, region, language
    )
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=MEDIA[kind], headers=disposition)
