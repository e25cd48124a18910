"""Schemathesis holds the API to its own OpenAPI document, on a real seeded store."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection

from serve.app import create_app
from serve.settings import Settings

# The operations must be known when tests are collected; the store comes with the fixture.
APP = create_app(Settings())
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@pytest.fixture(autouse=True)
def _point_to_the_seeded_store(app: FastAPI) -> None:
    for name in ("settings", "engine", "sessions", "gate", "audit", "shelf"):
        setattr(APP.state, name, getattr(app.state, name))


@schema.parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_operation_keeps_the_document(case: Any, seeded: Any) -> None:
    # Our token takes the place of a generated one, so a wrong header does not reach the server.
    header = case.meta.components.get(ParameterLocation.HEADER)
    replaced = header is not None and header.mode.is_negative
    case.call_and_validate(
        headers=seeded.headers, excluded_checks=[negative_data_rejection] if replaced else []
    )


@schema.parametrize()
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_what_exists_keeps_the_document_too(case: Any, seeded: Any) -> None:
    """Ids that are made up meet only 404: here they are those of the store."""
    real = {"bulletin_id": seeded.bulletin_id, "unit_id": "XX0101"}
    for parameters in (case.path_parameters, case.query):
        for name in set(parameters or ()) & set(real):
            parameters[name] = real[name]
    case.call_and_validate(headers=seeded.headers, excluded_checks=[negative_data_rejection])
