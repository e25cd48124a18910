"""The API as its users meet it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from features import errors as vigie_errors
from serve import auth, errors
from serve.app import create_app
from serve.formats import choose
from serve.settings import Settings
from store import database, tokens
from store.schema import ReadAudit

PROBLEM = {"type", "title", "status", "detail"}


def _problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= PROBLEM
    assert body["status"] == status
    assert body["detail"]
    return body


def test_serving_imports_nothing_heavy() -> None:
    heavy = {"mlflow", "sklearn", "xgboost", "pandas", "pandera", "numpy", "shapely", "models"}
    code = "import sys, serve.app as a; a.create_app().openapi(); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert "serve.app" in loaded
    assert loaded.isdisjoint(heavy | {"pipelines"})


# Health


def test_health_is_open_and_says_what_is_there(anyone: TestClient, seeded: Any) -> None:
    body = anyone.get("/health").json()
    assert (body["status"], body["reasons"], body["synthetic"]) == ("ok", [], True)
    assert body["newest_bulletin"]["bulletin_id"] in (seeded.bulletin_id, seeded.older_id)
    assert body["newest_bulletin"]["age_days"] > 0


def test_health_is_503_without_a_database(empty_home: Settings) -> None:
    response = TestClient(create_app(empty_home)).get("/health")
    assert response.status_code == 503
    assert response.json()["database"] == "not usable"


def test_health_says_that_there_is_no_bulletin_yet(empty_home: Settings) -> None:
    database.migrate(database.connect(empty_home.database))
    body = TestClient(create_app(empty_home)).get("/health").json()
    assert body["status"] == "degraded"
    assert body["newest_bulletin"] is None
    assert body["reasons"] == ["no bulletin yet: issue one"]


def test_health_says_that_the_database_is_empty_of_tables(empty_home: Settings) -> None:
    empty_home.home.mkdir()
    assert TestClient(create_app(empty_home)).get("/health").status_code == 503


def test_health_says_that_the_newest_bulletin_is_stale(seeded: Any) -> None:
    settings = seeded.settings.model_copy(update={"stale_after_days": 1})
    body = TestClient(create_app(settings)).get("/health").json()
    assert body["status"] == "degraded"
    assert "days old" in body["reasons"][0]


def test_health_says_that_the_database_is_behind(
    seeded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "is_current", lambda _engine: False)
    body = TestClient(create_app(seeded.settings)).get("/health").json()
    assert body["status"] == "degraded"
    assert "newest revision" in body["reasons"][0]


# Errors


def test_every_error_of_vigie_has_a_status() -> None:
    kinds = {k for k in vars(vigie_errors).values() if isinstance(k, type)}
    mine = {k for k in kinds if issubclass(k, vigie_errors.VigieError)}
    assert mine - {vigie_errors.VigieError} == set(errors.STATUS)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/bulletins/no", 404),
        ("GET", "/v1/bulletins/no/scores", 404),
        ("GET", "/v1/units/no", 404),
        ("GET", "/v1/units/XX0000?bulletin_id=no", 404),
        ("GET", "/v1/units/XX0000?as_of=2018-05-31", 404),
        ("POST", "/v1/bulletins", 405),
        ("GET", "/v1/bulletins?limit=0", 422),
        ("GET", "/v1/bulletins?as_of=0", 422),
        ("GET", "/static/app/nothing.js", 404),
    ],
)
def test_every_error_has_the_one_shape(
    client: TestClient, method: str, path: str, status: int
) -> None:
    _problem(client.request(method, path), status)


def test_an_unforeseen_error_has_the_one_shape_and_tells_nothing(seeded: Any) -> None:
    app = create_app(seeded.settings)

    def broken() -> None:
        raise ZeroDivisionError("a secret")

    app.dependency_overrides[auth.now] = broken
    client = TestClient(app, raise_server_exceptions=False, headers=seeded.headers)
    assert "secret" not in _problem(client.get("/v1/elections"), 500)["detail"]


def test_the_api_is_503_without_a_database(empty_home: Settings, seeded: Any) -> None:
    client = TestClient(create_app(empty_home), headers=seeded.headers)
    _problem(client.get("/v1/elections"), 503)


# Sign-in


@pytest.mark.parametrize(
    "path", ["elections", "bulletins", "bulletins/x", "bulletins/x/scores", "units/x"]
)
@pytest.mark.parametrize("header", [None, "Bearer vigie_wrong", "Basic eDp5", "Bearer"])
def test_nothing_is_read_without_a_token(anyone: TestClient, path: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    response = anyone.get(f"/v1/{path}", headers=headers)
    _problem(response, 401)
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_expired_and_revoked_tokens_do_not_count(seeded: Any, anyone: TestClient) -> None:
    engine = database.connect(seeded.settings.database)
    now = auth.now()
    with database.sessions(engine).begin() as session:
        _, old = tokens.create(session, label="old", now=now, expires_at=now - timedelta(days=1))
        gone, revoked = tokens.create(session, label="gone", now=now)
        tokens.revoke(session, gone.token_id, now)
    for secret, says in ((old, "expired"), (revoked, "revoked")):
        response = anyone.get("/v1/elections", headers={"Authorization": f"Bearer {secret}"})
        assert says in _problem(response, 401)["detail"]


def test_every_read_of_scores_is_audited(client: TestClient, seeded: Any) -> None:
    engine = database.connect(seeded.settings.database)

    def audited() -> list[tuple[str, str | None]]:
        with database.sessions(engine)() as session:
            return [(r.path, r.bulletin_id) for r in session.scalars(select(ReadAudit))]

    before = len(audited())
    for path in (
        f"/v1/bulletins/{seeded.bulletin_id}/scores",
        f"/v1/bulletins/{seeded.bulletin_id}/scores?format=csv",
        "/v1/units/XX0000",
    ):
        assert client.get(path).status_code == 200
    client.get("/v1/bulletins")
    rows = audited()[before:]
    assert [path for path, _ in rows] == [
        f"/v1/bulletins/{seeded.bulletin_id}/scores",
        f"/v1/bulletins/{seeded.bulletin_id}/scores",
        "/v1/units/XX0000",
    ]
    assert {bulletin_id for _, bulletin_id in rows} == {seeded.bulletin_id}


# Bulletins and scores


def test_bulletins_are_found_by_filters(client: TestClient, seeded: Any) -> None:
    body = client.get("/v1/bulletins").json()
    assert [b["bulletin_id"] for b in body["bulletins"]] == [seeded.bulletin_id, seeded.older_id]
    assert body["bulletins"][0]["country"] == "Testland"
    paged = client.get("/v1/bulletins?limit=1&offset=1").json()
    assert ([b["as_of"] for b in paged["bulletins"]], paged["total"]) == (["2018-06-01"], 2)
    assert client.get("/v1/bulletins?as_of=2018-06-01&target=any").json()["total"] == 1
    assert client.get("/v1/bulletins?target=no").json()["total"] == 0
    assert client.get(f"/v1/bulletins/{seeded.older_id}").json()["synthetic"] is True


def test_elections_are_listed(client: TestClient) -> None:
    (one,) = client.get("/v1/elections").json()["elections"]
    assert (one["election_id"], one["polling_date"]) == ("XXA-2018-PRES-1", "2018-07-29")


def test_scores_as_json_come_by_rank_with_drivers(client: TestClient, seeded: Any) -> None:
    body = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores").json()
    assert body["synthetic"] is True
    assert [s["rank"] for s in body["scores"]] == [*range(1, 40), None]
    assert len(body["scores"][0]["drivers"]) == 4
    last = body["scores"][-1]
    numbers = ("probability", "lower", "upper", "expected_incidents", "baseline_probability")
    assert {last[name] for name in numbers} == {None}
    assert (last["band"], last["coverage"]) == ("abstained", "none")


def test_scores_as_csv_are_safe_to_open(client: TestClient, seeded: Any) -> None:
    response = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores?format=csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert seeded.bulletin_id in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(rows) == 40
    assert {row["synthetic"] for row in rows} == {"true"}
    assert {row["bulletin_id"] for row in rows} == {seeded.bulletin_id}
    names = [row["name"] for row in rows]
    assert "'=HYPERLINK(1)" in names
    assert not any(name.startswith(("=", "+", "-", "@")) for name in names)
    abstained = next(row for row in rows if row["band"] == "abstained")
    assert abstained["probability"] == ""
    assert "incidents in the last 12 months" in rows[0]["main_drivers"]
    assert "starts" not in rows[0]["main_drivers"]


def test_scores_as_geojson_have_outlines(client: TestClient, seeded: Any) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    response = client.get(path, headers={"Accept": "application/geo+json"})
    assert response.headers["content-type"] == "application/geo+json"
    body = response.json()
    assert (body["type"], body["synthetic"], len(body["features"])) == (
        "FeatureCollection",
        True,
        40,
    )
    first = body["features"][0]
    assert first["id"] == first["properties"]["unit_id"]
    assert first["geometry"]["type"] in ("Polygon", "MultiPolygon")
    assert first["properties"]["rank"] == 1


@pytest.mark.parametrize(
    ("accept", "asked", "got"),
    [
        (None, None, "json"),
        ("*/*", None, "json"),
        ("text/csv", None, "csv"),
        ("text/*", None, "csv"),
        ("application/geo+json, */*;q=0.1", None, "geojson"),
        ("application/json;q=0.2, text/csv;q=0.9", None, "csv"),
        ("text/html, application/json;q=0.5", None, "json"),
        ("text/html", "csv", "csv"),
        ("text/csv;q=oops", None, "csv"),
    ],
)
def test_the_format_is_chosen(accept: str | None, asked: str | None, got: str) -> None:
    assert choose(accept, asked) == got


@pytest.mark.parametrize(
    ("query", "accept"),
    [("", "text/html"), ("?format=xml", "*/*"), ("", "application/json;q=0")],
)
def test_a_format_not_offered_is_406(
    client: TestClient, seeded: Any, query: str, accept: str
) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores{query}"
    body = _problem(client.get(path, headers={"Accept": accept}), 406)
    assert "text/csv" in body["detail"]


# Units


def test_a_unit_has_score_drivers_and_history(client: TestClient, seeded: Any) -> None:
    body = client.get(f"/v1/units/XX0101?bulletin_id={seeded.bulletin_id}").json()
    assert body["synthetic"] is True
    assert body["unit"]["parent_name"] == "Cercle 1"
    assert len(body["score"]["drivers"]) == 4
    assert body["scored_count"] == 39
    history = body["history"]
    assert history["incidents_count"] == len(history["incidents"]) == 10
    assert [m["month"] for m in history["monthly"]][::35] == ["2015-08", "2018-07"]
    counts = [m["political_violence_count"] + m["other_count"] for m in history["monthly"]]
    assert sum(counts) == 10
    assert history["incidents"][0]["geo_precision_says"] == "at the place itself"


def test_history_does_not_know_what_was_not_yet_known(client: TestClient, seeded: Any) -> None:
    body = client.get(f"/v1/units/XX0000?bulletin_id={seeded.bulletin_id}").json()
    known = [date.fromisoformat(i["known_on"]) for i in body["history"]["incidents"]]
    assert max(known) <= date.fromisoformat(body["as_of"])
    assert body["history"]["incidents_count"] == 9
    # A later day does not open what the bulletin could not know.
    later = client.get(f"/v1/units/XX0000?bulletin_id={seeded.bulletin_id}&as_of=2020-01-01")
    assert later.json()["history"] == body["history"]
    # Nor does it without naming the bulletin, and the answer says which day it holds.
    free = client.get("/v1/units/XX0000?as_of=2020-01-01").json()
    assert (free["as_of"], free["history"]["incidents_count"]) == ("2018-07-01", 9)


def test_without_a_bulletin_the_newest_by_that_day_counts(client: TestClient, seeded: Any) -> None:
    assert client.get("/v1/units/XX0000").json()["as_of"] == "2018-07-01"
    body = client.get("/v1/units/XX0000?as_of=2018-06-15").json()
    assert body["bulletin"]["bulletin_id"] == seeded.older_id
    assert body["as_of"] == body["bulletin"]["as_of"] < "2018-06-15"


# Languages


@pytest.mark.parametrize(
    ("accept", "asked", "got"),
    [
        (None, None, "en"),
        ("", None, "en"),
        ("fr", None, "fr"),
        ("fr-ML, en;q=0.8", None, "fr"),
        ("en-GB, fr;q=0.9", None, "en"),
        ("bm, fr;q=0.5, en;q=0.4", None, "fr"),
        ("bm", None, "en"),
        ("en;q=0, *;q=0.1", None, "fr"),
        ("fr;q=oops", None, "en"),
        ("fr", "en", "en"),
        ("en", "fr", "fr"),
    ],
)
def test_the_language_is_chosen(accept: str | None, asked: Any, got: str) -> None:
    from serve.language import choose as choose_language

    assert choose_language(accept, asked) == got


def test_every_word_comes_in_the_language_asked_for(client: TestClient, seeded: Any) -> None:
    path = f"/v1/units/XX0101?bulletin_id={seeded.bulletin_id}"
    english = client.get(path)
    for response in (client.get(f"{path}&lang=fr"), client.get(path, headers=_FRENCH)):
        assert response.headers["content-language"] == "fr"
        assert "Accept-Language" in response.headers["vary"]
        body = response.json()
        driver = body["score"]["drivers"][1]
        assert driver["family"] == "incidents passés ici"
        assert driver["says"].endswith("incidents violents ici au cours des 12 derniers mois")
        assert body["score"]["coverage_says"].startswith("40 signalements")
        assert body["bulletin"]["target_says"] == "au moins un incident de violence politique"
        assert body["history"]["incidents"][0]["geo_precision_says"] == "au lieu même"
        # What was never translated stays as it is, and numbers do not depend on the language.
        assert body["bulletin"]["vintage"] == english.json()["bulletin"]["vintage"]
        assert [d["contribution"] for d in body["score"]["drivers"]] == [
            d["contribution"] for d in english.json()["score"]["drivers"]
        ]
    assert english.headers["content-language"] == "en"
    assert english.json()["score"]["drivers"][1]["family"] == "history"
    assert "translations" not in english.text


def test_lists_and_files_come_in_the_language_too(client: TestClient, seeded: Any) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}"
    assert "inventées" in client.get(f"{path}?lang=fr").json()["notes"]
    assert "inventées" in client.get("/v1/bulletins?lang=fr").json()["bulletins"][0]["notes"]
    for format_ in ("csv", "json", "geojson"):
        response = client.get(f"{path}/scores?format={format_}", headers=_FRENCH)
        assert response.headers["content-language"] == "fr"
        assert {"Accept", "Accept-Language"} <= {
            v.strip() for v in response.headers["vary"].split(",")
        }
        assert "40 signalements dans cette région" in response.content.decode()
    _problem(client.get(f"{path}?lang=bm"), 422)


def test_scores_say_how_many_incidents_to_expect(client: TestClient, seeded: Any) -> None:
    first, *_, last = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores").json()["scores"]
    assert (first["incidents_p50"], first["incidents_p90"]) == (1, 3)
    assert first["two_or_more"] == pytest.approx(0.6 * first["probability"])
    assert last["five_or_more"] is None


_FRENCH = {"Accept-Language": "fr-ML,fr;q=0.9,en;q=0.5"}


# The page


def test_the_page_and_its_parts_are_served(anyone: TestClient) -> None:
    page = anyone.get("/")
    assert page.status_code == 200, page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for part in ("/static/app/app.js", "/static/app/style.css", "/static/leaflet/leaflet.css"):
        assert anyone.get(part).status_code == 200
    assert anyone.get("/static/app/../package.json").status_code == 404


def test_the_page_says_what_to_do_without_leaflet(seeded: Any, tmp_path: Any) -> None:
    settings = seeded.settings.model_copy(update={"leaflet_dir": tmp_path / "dist"})
    body = _problem(TestClient(create_app(settings)).get("/"), 503)
    assert "make web" in body["detail"]


def test_the_document_describes_every_error(app: FastAPI) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["tags"]
            if path != "/health":
                assert {"401", "503"} <= set(operation["responses"])
                assert operation["security"] == [{"token": []}]
