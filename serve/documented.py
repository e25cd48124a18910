"""The OpenAPI document: errors in their real shape, and examples that fit the models."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from serve.errors import MEDIA_TYPE
from serve.schemas import Problem

_SAYS = {
    400: "The request cannot be read",
    401: "No token, or one that does not count",
    404: "There is no such thing",
    406: "None of the formats asked for is offered",
    409: "It cannot be done as things stand",
    422: "The request is not valid",
    503: "The service is not usable",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route for these statuses."""
    return {status: _response(status) for status in statuses}


def _response(status: int) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    example = {"type": "about:blank", "title": title, "status": status, "detail": _SAYS[status]}
    described: dict[str, Any] = {
        "description": _SAYS[status],
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }
    if status == 401:
        described["headers"] = {
            "WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}
        }
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
