"""`/`, `/plan`, `/reports` and `/alerts`: the planners' pages."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from serve.errors import problem

WEB = Path(__file__).parent.parent / "web"
router = APIRouter(include_in_schema=False)


@router.get("/reports")
def reports() -> Response:
    """The page of field reports."""
    return FileResponse(WEB / "reports.html", media_type="text/html")


@router.get("/")
def page(request: Request) -> Response:
    """The page, or what to do when Leaflet is not installed."""
    leaflet: Path = request.app.state.settings.leaflet_dir
    if not (leaflet / "leaflet-src.esm.js").is_file():
        return problem(
            503, f"the page needs Leaflet, which is not in {leaflet.name}/: run `make web`"
        )
    return FileResponse(WEB / "index.html", media_type="text/html")


@router.get("/alerts")
def alerts() -> Response:
    """Alerts: drafts to sign, those that went out, who was told."""
    return FileResponse(WEB / "alerts.html", media_type="text/html")


@router.get("/plan")
def plan() -> Response:
    """Deployments: made, looked at, edited and approved."""
    return FileResponse(WEB / "plan.html", media_type="text/html")
