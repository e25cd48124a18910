"""Schemathesis holds the API to its own OpenAPI document, on a real seeded store."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from serve import auth
from serve.app import create_app
from serve.report_schemas import EXAMPLE
from serve.settings import Settings
from store import database, tokens
from store.jobs import Jobs

# The operations must be known when tests are collected; the store comes with the fixture.
APP = create_app(Settings())
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@pytest.fixture(scope="module")
def seeded(new_store: Any) -> Any:
    """A store of its own: what is thrown at it must not meet what other tests look for."""
    return new_store("")


@pytest.fixture(scope="module")
def app(seeded: Any) -> FastAPI:
    return create_app(seeded.settings)


@pytest.fixture(scope="module", autouse=True)
def _in_place() -> Iterator[None]:
    """Work that goes to other threads is done at once: one asks at a time, and waking is slow."""

    async def at_once(function: Callable[..., Any], *args: Any, **_how: Any) -> Any:
        return function(*args)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("anyio.to_thread.run_sync", at_once)
        yield


@pytest.fixture(autouse=True)
def _point_to_the_seeded_store(app: FastAPI) -> None:
    for name in ("settings", "engine", "sessions", "gate", "audit", "shelf", "jobs"):
        setattr(APP.state, name, getattr(app.state, name))


ROLES = ("monitor", "field", "planner", "coordinator", "admin")
OTHERS = tuple(role for role in ROLES if role != "planner")


@pytest.fixture(scope="module")
def headers(seeded: Any, queue: Jobs) -> dict[str, dict[str, str]]:
    """A token for each role; the planner's is for everywhere, so that it may ask for forecasts."""
    engine = database.connect(seeded.settings.database)
    found = {}
    with database.sessions(engine).begin() as session:
        for role in ROLES:
            areas = [] if role == "planner" else ["X0"]
            _, secret = tokens.create(session, label=role, now=auth.now(), role=role, areas=areas)
            found[role] = {"Authorization": f"Bearer {secret}"}
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def real(seeded: Any, app: FastAPI, headers: Any, drafted: Any) -> dict[str, Any]:
    """Ids of the store by the names of parameters; one report waits for a person."""
    now = auth.now().isoformat()
    whole = {**EXAMPLE, "unit": "XX0101", "seen_at": now, "sent_at": now}
    sent = [{"unit": "XX0101"}, whole]
    answer = TestClient(app).post("/v1/reports", json={"reports": sent}, headers=headers["admin"])
    waiting, landed = answer.json()["results"]
    assert (waiting["state"], landed["state"]) == ("queued", "landed")
    with app.state.sessions.begin() as session:
        alert_id = drafted(session, "XX0101")
    return {
        "bulletin_id": seeded.bulletin_id,
        "unit_id": "XX0101",
        "election_id": "XXA-2018-PRES-1",
        "lessons_id": seeded.lessons_id,
        "report_id": landed["report_id"],
        "inbox_id": waiting["inbox_id"],
        "gateway": "generic",
        "alert_id": alert_id,
        "target": "any",
    }


def _quick(examples: int) -> settings:
    every = list(HealthCheck)
    return settings(
        max_examples=examples, deadline=None, derandomize=True, suppress_health_check=every
    )


def _excluded(case: Any) -> list[Any]:
    # Our token takes the place of a generated one, so a wrong header does not reach the server.
    header = case.meta.components.get(ParameterLocation.HEADER)
    excluded = [negative_data_rejection] if header is not None and header.mode.is_negative else []
    # To OpenAPI a cursor, a box and the id of an area are any text; to us they are not.
    # A csv and a message may be empty texts, which are bodies too.
    empty = case.operation.path in ("/v1/reports/csv", "/v1/sms/{gateway}")
    if {"cursor", "bbox"} & set(case.query or ()) or case.body or empty:
        excluded.append(positive_data_acceptance)
    return excluded


_refused_without: set[tuple[str, str]] = set()


def _held(case: Any, token: dict[str, str], *excluded: Any) -> int:
    """Ask, and hold the answer to the document; its status.

    Schemathesis asks again without the token, and with a wrong one, whenever it was let in. Once
    for each operation and token is enough, as in its own command line, which remembers it.
    """
    asked = (case.operation.label, token["Authorization"])
    known = [ignored_auth] if asked in _refused_without else []
    answer = case.call_and_validate(
        headers=token, excluded_checks=[*excluded, *known, *_excluded(case)]
    )
    if answer.status_code < 300:
        _refused_without.add(asked)
    return int(answer.status_code)


def _of_the_store(case: Any, real: dict[str, Any]) -> Any:
    """The same case about what exists: ids that are made up meet only 404."""
    known = case.derive()
    for parameters in (known.path_parameters, known.query):
        for name in set(parameters) & set(real):
            parameters[name] = real[name]
    return known


def _other(case: Any) -> str:
    """The role that asks beside the planner: it differs from operation to operation."""
    return OTHERS[zlib.crc32(case.operation.label.encode()) % len(OTHERS)]


@pytest.mark.parametrize(
    "everybody", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["few", "everybody"]
)
@schema.parametrize()
@_quick(6)
def test_every_operation_keeps_the_document(
    case: Any, headers: Any, real: dict[str, Any], everybody: bool
) -> None:
    """A planner asks; then one of the others, and an admin about what exists.

    What has the wrong form is refused whoever asks, and about whatever: every day that is asked
    once.
    """
    well_formed = _held(case, headers["planner"]) not in (405, 422)
    if well_formed or everybody:
        for role in OTHERS if everybody else (_other(case),):
            _held(case, headers[role])
        _held(_of_the_store(case, real), headers["admin"], negative_data_rejection)
