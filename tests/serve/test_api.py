"""The API as its users meet it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from datetime import date
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
from serve.shelf import Shelf, packs, write
from store import database
from store.schema import Audit

PROBLEM = {"type", "title", "status", "detail"}


def _problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) >= PROBLEM
    assert body["status"] == status
    assert body["detail"]
    return body


FOR_PROGRAMS = {"/v1/reports/kobo", "/v1/reports/odk", "/v1/sms/{gateway}"}
"""Webhooks: no browser with a session calls these."""


def test_serving_imports_nothing_heavy() -> None:
    heavy = {
        "mlflow",
        "alembic",
        "authlib",
        "pyarrow",
        "sklearn",
        "xgboost",
        "pandas",
        "pandera",
        "numpy",
        "shapely",
        "models",
    }
    code = "import sys, serve.app as a; a.create_app().openapi(); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert "serve.app" in loaded
    assert loaded.isdisjoint(heavy | {"pipelines"})


def test_a_plan_that_is_kept_is_read_without_tables_and_solvers(seeded: Any) -> None:
    paths = ["", f"/{seeded.deployment_id}", f"/{seeded.deployment_id}/versions"]
    code = f"""
import sys
from fastapi.testclient import TestClient
from serve.app import create_app
from serve.settings import Settings
headers = {{"Authorization": "Bearer {seeded.secret}"}}
with TestClient(create_app(Settings()), headers=headers) as client:
    print(*(client.get("/v1/deployments" + path).status_code for path in {paths}))
    print(*sys.modules)
"""
    home = {**os.environ, "VIGIE_HOME": str(seeded.settings.home)}
    home["VIGIE_DATABASE_URL"] = seeded.settings.database
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=home
    )
    answered, _, loaded = out.stdout.strip().rpartition("\n")
    assert answered.rpartition("\n")[2] == "200 200 200"
    assert set(loaded.split()).isdisjoint({"pandas", "scipy", "numpy", "pandera"})


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


# Audit


def test_every_read_of_scores_is_audited(client: TestClient, seeded: Any, app: FastAPI) -> None:
    engine = database.connect(seeded.settings.database)

    def audited() -> list[Audit]:
        app.state.audit.flush()
        with database.sessions(engine)() as session:
            reads = select(Audit).where(Audit.action == "scores.read").order_by(Audit.id)
            return list(session.scalars(reads))

    before = len(audited())
    scores = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    etag = ""
    for path in (scores, scores, f"{scores}?format=csv", "/v1/units/XX0000", "/v1/bulletins"):
        answer = client.get(path, headers={"X-Request-ID": "r1"})
        assert answer.status_code == 200
        etag = etag or answer.headers["etag"]
        app.state.audit.flush()
    assert client.get(scores, headers={"If-None-Match": etag}).status_code == 304
    rows = audited()[before:]
    assert [row.subject for row in rows] == [*[scores] * 3, "/v1/units/XX0000", scores]
    assert {row.bulletin_id for row in rows} == {seeded.bulletin_id}
    assert [row.request_id for row in rows[:4]] == ["r1"] * 4
    assert {row.reads for row in rows} == {1}
    assert len({row.actor for row in rows}) == 1
    engine.dispose()


# Bulletins and scores


def test_bulletins_are_found_by_filters(client: TestClient, seeded: Any) -> None:
    body = client.get("/v1/bulletins").json()
    assert [b["bulletin_id"] for b in body["bulletins"]] == [seeded.bulletin_id, seeded.older_id]
    assert body["bulletins"][0]["country"] == "Testland"
    assert body["next"] is None
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
    tags, *rows = csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")))
    assert len(rows) == 40
    assert tags["region_id"] == "#adm1+code"
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


@pytest.mark.parametrize("format_", ["json", "csv", "geojson", "parquet"])
def test_answers_kept_ready_keep_the_languages_apart(
    client: TestClient, seeded: Any, format_: str
) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores?format={format_}&limit=7"

    def read(**how: Any) -> Any:
        return client.get(path, **how)

    english, french = read(), read(headers=_FRENCH)
    asked = client.get(f"{path}&lang=fr")
    for first, headers in ((english, {}), (french, _FRENCH)):  # now from the fast lane
        again = read(headers=headers)
        assert again.content == first.content
        assert again.headers["content-language"] == first.headers["content-language"]
        unchanged = read(headers={**headers, "If-None-Match": first.headers["etag"]})
        assert unchanged.status_code == 304
    assert english.content != french.content
    assert english.headers["etag"] != french.headers["etag"]
    assert asked.headers["content-language"] == "fr"
    crossed = read(headers={**_FRENCH, "If-None-Match": english.headers["etag"]})
    assert crossed.status_code == 200
    if format_ == "json":
        assert asked.json()["scores"] == french.json()["scores"]
        assert "lang=fr" in asked.json()["next"]


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
            assert operation["summary"]
            if path.startswith("/v1/") and not path.startswith(("/v1/session", "/v1/public")):
                assert {"401", "403", "413", "429", "503"} <= set(operation["responses"])
                ways = [{"token": []}, {"basic": []}]
                if path not in FOR_PROGRAMS:
                    ways.append({"session": []})
                assert operation["security"] == ways


# Pages, filters and what is kept


@pytest.mark.parametrize(
    ("path", "key", "name", "count"),
    [
        ("/v1/bulletins?limit=1", "bulletins", "bulletin_id", 2),
        ("/v1/bulletins/{id}/scores?limit=7", "scores", "unit_id", 40),
        ("/v1/bulletins/{id}/scores?limit=7&format=geojson", "features", "id", 40),
        ("/v1/bulletins/{id}/scores?limit=5&region=X1", "scores", "unit_id", 16),
    ],
)
def test_pages_hold_everything_once(
    client: TestClient, seeded: Any, path: str, key: str, name: str, count: int
) -> None:
    path = path.format(id=seeded.bulletin_id)
    whole = client.get(path.replace("limit=1", "limit=100").replace("limit=7", "limit=5000")).json()
    seen, following = [], path
    while following:
        response = client.get(following)
        body = response.json()
        seen += [row[name] for row in body[key]]
        following = body["next"]
        if key != "bulletins":
            link = f'<{following}>; rel="next"' if following else None
            assert response.headers.get("link") == link
    assert len(seen) == len(set(seen)) == count
    if "region" not in path:
        assert seen == [row[name] for row in whole[key]]


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("region=X1", lambda s: s["region_id"] == "X1"),
        ("parent=XX02", lambda s: s["parent_id"] == "XX02"),
        ("band=high", lambda s: s["band"] == "high"),
        ("band=abstained", lambda s: s["band"] == "abstained"),
        ("region=X0&band=low", lambda s: s["region_id"] == "X0" and s["band"] == "low"),
        ("parent=XX02&region=X1", lambda s: s is None),
    ],
)
def test_scores_are_filtered(client: TestClient, seeded: Any, query: str, keep: Any) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    wanted = [s for s in client.get(path).json()["scores"] if keep(s)]
    body = client.get(f"{path}?{query}").json()
    assert body["scores"] == wanted
    assert body["matched"] == len(wanted)
    assert len(wanted) < 40


def test_a_box_holds_the_units_whose_centre_lies_within(client: TestClient, seeded: Any) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    body = client.get(f"{path}?bbox=-4,14,-3,15").json()
    assert {s["unit_id"] for s in body["scores"]} == {"XX0000", "XX0001", "XX0100", "XX0101"}
    for wrong in ("1,2,3", "a,b,c,d", "3,0,1,2", "0,0,999,1", "nan,0,1,1"):
        _problem(client.get(f"{path}?bbox={wrong}"), 422)


def test_a_cursor_that_nobody_wrote_is_refused(client: TestClient, seeded: Any) -> None:
    for path in ("bulletins", "elections", f"bulletins/{seeded.bulletin_id}/scores"):
        for cursor in ("x", "e30", "WyJ4Il0", "W251bGxd", "é", "WzFlMzBd"):
            _problem(client.get(f"/v1/{path}", params={"cursor": cursor}), 422)


def test_scores_are_kept_for_ever_and_asked_for_once(client: TestClient, seeded: Any) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores"
    first, second = client.get(path), client.get(path)
    assert first.content == second.content
    for response in (first, second):
        assert response.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert response.headers["content-encoding"] == "gzip"
        assert {"Accept", "Authorization"} <= set(response.headers["vary"].split(", "))
    etag = first.headers["etag"]
    same = client.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != etag
    assert plain.content == first.content
    assert client.get("/v1/bulletins").headers["cache-control"] == "no-store"


def test_the_fast_lane_answers_what_the_route_answers(client: TestClient, seeded: Any) -> None:
    shelf = client.app.state.shelf  # type: ignore[attr-defined]
    path = f"/v1/bulletins/{seeded.bulletin_id}/scores?limit=3&format="
    for format_ in ("json", "geojson", "csv", "parquet"):
        slow = client.get(path + format_)
        hits = shelf.hits
        fast = client.get(path + format_)
        assert shelf.hits == hits + 1
        assert (fast.status_code, fast.content) == (200, slow.content)
        ours = {"x-request-id", "date"}
        for one in (slow, fast):
            for name in ours:
                one.headers.pop(name, None)
        assert dict(fast.headers) == dict(slow.headers)


@pytest.mark.parametrize(
    ("said", "yes"),
    [
        (None, False),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.8", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0.0, br", False),
        ("br", False),
    ],
)
def test_only_who_takes_gzip_gets_it(said: str | None, yes: bool) -> None:
    assert packs(said) is yes


def test_the_shelf_throws_out_what_was_used_least() -> None:
    def answer(name: str) -> Any:
        body = name.encode() * 200
        return write(body, bulletin_id="b", language="en", media_type="text/plain", pack=False)

    shelf = Shelf(4 * 1200)
    for name in "abcd":
        shelf.put(name, answer(name))
    assert shelf.get("a") is not None
    shelf.put("e", answer("e"))
    assert shelf.get("b") is None
    assert {name for name in "acde" if shelf.get(name)} == set("acde")
    assert shelf.size == 4 * 1200
    shelf.put(
        "large",
        write(b"x" * 1201, bulletin_id="b", language="en", media_type="text/plain", pack=False),
    )
    assert shelf.get("large") is None


# The newest


def test_latest_says_how_old_it_is(client: TestClient, seeded: Any) -> None:
    body = client.get("/v1/elections/XXA-2018-PRES-1/latest").json()
    assert body["bulletin"]["bulletin_id"] == seeded.bulletin_id
    assert body["age_days"] >= 0
    assert 1 <= body["as_of_age_days"] - body["age_days"] <= 2
    assert body["stale"] is False
    scores = client.get(body["scores"])
    assert len(scores.json()["scores"]) == 40
    past = client.get("/v1/elections/XXA-2018-PRES-1/latest?as_of=2018-06-30").json()
    assert past["bulletin"]["bulletin_id"] == seeded.older_id


def test_latest_is_404_with_nothing_behind_it(client: TestClient) -> None:
    for path in (
        "XXA-2018-PRES-1/latest?target=no",
        "NO/latest",
        "XXA-2018-PRES-1/latest?as_of=2018-05-01",
        "NO/latest/scores",
    ):
        _problem(client.get(f"/v1/elections/{path}"), 404)


def test_latest_scores_lead_to_the_address_where_they_stay(client: TestClient, seeded: Any) -> None:
    path = "/v1/elections/XXA-2018-PRES-1/latest/scores?format=csv&target=any&limit=2"
    response = client.get(path, follow_redirects=False)
    assert response.status_code == 307
    assert response.headers["location"] == (
        f"/v1/bulletins/{seeded.bulletin_id}/scores?format=csv&limit=2"
    )
    assert client.get(path).headers["content-type"].startswith("text/csv")
