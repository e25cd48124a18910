"""Signing in with an organisation's account, on a real OpenID Connect provider."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from serve.settings import Settings

GROUPS = {
    "desk": {"role": "planner"},
    "mopti": {"role": "field", "areas": ["X0"]},
}


@pytest.fixture(scope="module")
def provider(process: Any) -> Iterator[str]:
    """A provider as a process of its own, with three accounts."""
    command = [str(Path(sys.executable).with_name("oidc-provider-mock"))]
    for name, groups in (("ana", ["desk"]), ("ali", ["mopti", "x"]), ("eve", ["x"])):
        claims = {"sub": name, "email": f"{name}@example.org", "groups": groups}
        command += ["--user-claims", json.dumps(claims)]
    with process(command, "/.well-known/openid-configuration") as (address, _):
        yield address


@pytest.fixture(scope="module")
def url(provider: str, seeded: Any, serving: Any) -> Iterator[str]:
    environment = {
        "VIGIE_OIDC_ISSUER": provider,
        "VIGIE_OIDC_CLIENT_ID": "vigie",
        "VIGIE_OIDC_CLIENT_SECRET": "between-us",
        "VIGIE_OIDC_GROUPS": json.dumps(GROUPS),
    }
    with serving(seeded.settings.home, **environment) as (address, _):
        yield address


def _to_the_provider(client: httpx2.Client, account: str) -> httpx2.Response:
    """Go to the provider and sign in there; what comes back is its redirect to Vigie."""
    start = client.get("/organisation/sign-in")
    assert start.status_code == 302
    assert "code_challenge_method=S256" in start.headers["location"]
    return client.post(start.headers["location"], data={"sub": account})


@pytest.mark.parametrize(
    ("account", "role", "areas", "units"),
    [("ana", "planner", [], 40), ("ali", "field", ["X0"], 24)],
)
def test_an_account_reads_what_its_groups_may(
    url: str, seeded: Any, account: str, role: str, areas: list[str], units: int
) -> None:
    with httpx2.Client(base_url=url) as client:
        assert client.get("/v1/session").json()["organisation"] is True
        back = client.get(_to_the_provider(client, account).headers["location"])
        assert (back.status_code, back.headers["location"]) == (303, "/")
        cookie = next(c for c in back.headers.get_list("set-cookie") if "vigie_session" in c)
        assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
        session = client.get("/v1/session").json()
        assert (session["label"], session["role"]) == (f"account {account}@example.org", role)
        assert session["areas"] == areas
        scores = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores").json()
        assert scores["matched"] == units


def test_an_account_in_no_group_is_refused(url: str) -> None:
    with httpx2.Client(base_url=url) as client:
        back = client.get(_to_the_provider(client, "eve").headers["location"])
        assert back.status_code == 403
        assert back.headers["content-type"] == "application/problem+json"
        assert "in one of the groups" in back.json()["detail"]
        assert client.get("/v1/session").json()["signed_in"] is False


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(url: str) -> None:
    with httpx2.Client(base_url=url) as client, httpx2.Client(base_url=url) as other:
        stolen = _to_the_provider(client, "ana").headers["location"]
        for address in (stolen, "/organisation/back?code=x&state=y", "/organisation/back"):
            refused = other.get(address)
            assert refused.status_code == 401
        assert other.get("/v1/session").json()["signed_in"] is False


def test_without_a_provider_there_is_no_such_address(client: Any) -> None:
    assert Settings().oidc_issuer == ""
    assert client.get("/organisation/sign-in").status_code == 404
    assert client.get("/v1/session").json()["organisation"] is False
