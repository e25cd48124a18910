"""One shape for every error (RFC 9457, `application/problem+json`), one table of statuses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from features import errors
from serve.schemas import Problem

STATUS: dict[type[errors.VigieError], int] = {
    errors.NotFoundError: 404,
    errors.NotAuthorisedError: 401,
    errors.ForbiddenError: 403,
    errors.ConflictError: 409,
    errors.ContractError: 422,
    errors.ConfigError: 500,
    errors.SourceError: 422,
    errors.LeakError: 500,
    errors.TooFewPositivesError: 409,
    errors.CorruptSnapshotError: 500,
}
"""The status of each error that a user can act on; a test holds the table complete."""

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("vigie.serve")


def problem(
    status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A response that says what went wrong.

    Args:
        status: HTTP status.
        detail: a sentence for the person who reads it.
        headers: further headers.
        **more: further members, for example `errors` of a validation.
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **more,
    }
    return JSONResponse(body, status, headers=headers, media_type=MEDIA_TYPE)


_UNFORESEEN = "an error that Vigie did not foresee; the log has its trace"


def fault(kind: type | None, detail: str, instance: str) -> Problem:
    """What went wrong in a job, in the shape of every other error.

    Args:
        kind: the error's class; None for one that is not ours, whose words stay inside.
        detail: what it said.
        instance: id of the job, to find it in the worker's log.
    """
    status = STATUS.get(kind, 500) if kind is not None else 500
    if kind is None:
        detail = f"{_UNFORESEEN} (job {instance}); ask again, or tell the person who runs Vigie"
    title = HTTPStatus(status).phrase
    return Problem(type="about:blank", title=title, status=status, detail=detail)


def install(app: FastAPI) -> None:
    """Give every error of `app` the one shape."""
    app.add_exception_handler(errors.VigieError, _vigie)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(Exception, _unforeseen)


def _vigie(request: Request, error: Exception) -> JSONResponse:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    # Phones that fill forms know no bearer tokens: they send a password when asked for one.
    scheme = "Basic" if request.url.path.startswith("/openrosa/") else "Bearer"
    headers = {"WWW-Authenticate": f'{scheme} realm="vigie"'} if status == 401 else None
    return problem(status, str(error), headers=headers)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    detail = error.detail
    if error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"nothing is at {request.url.path}; see /openapi.json"
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
        detail = f"{request.method} is not allowed at {request.url.path}; see the Allow header"
    return problem(error.status_code, detail, headers=headers)


def _methods(request: Request) -> set[str]:
    """What may be done at an address: Starlette names the methods of its first route only."""
    found: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        regex = getattr(context, "path_regex", None)
        if regex is not None and regex.match(request.url.path):
            found |= set(context.methods or ())
    return found


def _validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [
        {"where": ".".join(str(part) for part in fault["loc"]), "says": fault["msg"]}
        for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['where']}: {fault['says']}" for fault in faults)
    return problem(422, detail, errors=faults)


def _database(request: Request, error: Exception) -> JSONResponse:
    _log.error("database not usable", path=request.url.path, error=str(error))
    return problem(503, "the database is not usable; /health says more")


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    _log.error("unforeseen error", path=request.url.path, exc_info=error)
    return problem(500, _UNFORESEEN)
