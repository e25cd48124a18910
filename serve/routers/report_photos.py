"""`/v1/reports/{report_id}/photos`: add, look at and destroy photos of field reports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from serve import documented
from serve.auth import Now, OpenSession, Reporter, Verifier, audit_change
from serve.receiving import Body
from serve.report_schemas import PhotoOut
from serve.routers.reports import ReportId, audit_read, require_own
from store import report_photos, report_reading
from store.report_places import places

router = APIRouter(prefix="/v1", tags=["reports"])

Sha256 = Annotated[str, Path(description="Digest of a photo", pattern="^[0-9a-f]{64}$")]
_PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp")
        },
    }
}


@router.post(
    "/reports/{report_id:report}/photos",
    status_code=201,
    responses=documented.errors(400, 404, 422),
    openapi_extra=_PICTURE,
    summary="Add a photo to a report",
)
def add_photo(
    request: Request,
    session: OpenSession,
    caller: Reporter,
    now: Now,
    report_id: ReportId,
    content: Body,
) -> PhotoOut:
    """JPEG, PNG or WebP. Kept without place, device and all other marks; seen by verifiers only."""
    found = report_reading.require_seen(session, report_id, places(session), caller.areas)
    require_own(found, caller, request.app.state.settings)
    home = request.app.state.settings.home
    sha256 = report_photos.keep(session, home, report_id, content, now)
    audit_change(request, session, now, caller, "report.photo added", report_id)
    return PhotoOut(sha256=sha256)


@router.get(
    "/reports/{report_id:report}/photos/{sha256}",
    responses={
        **documented.errors(404, 422),
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    },
    response_class=Response,
    summary="A photo of a report",
)
def photo(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    now: Now,
    report_id: ReportId,
    sha256: Sha256,
) -> Response:
    """For those who may verify; each look is audited."""
    report_reading.require_seen(session, report_id, places(session), caller.areas)
    content = report_photos.read(session, request.app.state.settings.home, report_id, sha256)
    audit_read(request, now, caller)
    return Response(content, media_type="image/jpeg")


@router.delete(
    "/reports/{report_id:report}/photos/{sha256}",
    status_code=204,
    responses=documented.errors(404, 422),
    summary="Destroy a photo",
)
def remove_photo(
    request: Request,
    session: OpenSession,
    caller: Verifier,
    now: Now,
    report_id: ReportId,
    sha256: Sha256,
) -> None:
    """For one that puts somebody at risk: the picture is gone, that there was one stays."""
    report_reading.require_seen(session, report_id, places(session), caller.areas)
    home = request.app.state.settings.home
    report_photos.remove(session, home, report_id, sha256, actor=caller.token_id, now=now)
    audit_change(request, session, now, caller, "report.photo removed", report_id)
