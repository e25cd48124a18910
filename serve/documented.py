"""The OpenAPI document: errors in their real shape, and examples that fit the models."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from serve.errors import MEDIA_TYPE
from serve.schemas import Problem

_SAYS = {
    400: "The body is not text that can be read",
    401: "No token, or one that does not count",
    403: "The token counts, but not for this",
    404: "There is no such thing",
    406: "None of the formats asked for is offered",
    409: "It cannot be done as things stand",
    413: "The body is too large",
    422: "The request is not valid",
    429: "Too many requests; `Retry-After` says when to come back",
    503: "The service is not usable",
}
KEPT: dict[str, Any] = {
    "ETag": {"schema": {"type": "string"}, "description": "Of this answer in this encoding"},
    "Content-Language": {"schema": {"type": "string"}, "description": "Of the words"},
    "Cache-Control": {"schema": {"type": "string"}, "description": "It may be kept for ever"},
    "Link": {"schema": {"type": "string"}, "description": 'The next page, rel="next"'},
}
"""Headers of answers that never change."""


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route behind a token: these statuses, and those that all have."""
    return open_errors(401, 403, *statuses)


def open_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that is open to all."""
    return {status: _response(status) for status in sorted({*statuses, 413, 429, 503})}


def _response(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "detail": _SAYS[status]}
    described: dict[str, Any] = {
        "description": _SAYS[status],
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }
    header = {401: "WWW-Authenticate", 429: "Retry-After"}.get(status)
    if header:
        described["headers"] = {header: {"schema": {"type": "string"}}}
    return described


def install(app: FastAPI) -> None:
    """Add the shape of errors, which no route returns as a model, to the document."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts = shape.pop("$defs", {})
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update({**parts, "Problem": shape})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
