"""Nowcasts by HTTP: made from the reports that came in, read in every format, by area."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet
import pytest
from fastapi.testclient import TestClient

from response.vocabulary import Intake
from store import audit, database, tokens
from store.report_schema import ReportVersion

MOMENT = "2018-07-16T12:00:00Z"
UNIT = "XX0106"


@pytest.fixture(scope="module", autouse=True)
def _told(seeded: Any) -> None:
    """Two people saw armed men in one commune, a day before the moment; a third comes after."""
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        for number, hour in enumerate((8, 10, 23)):
            seen = datetime(2018, 7, 15 if hour < 23 else 16, hour, tzinfo=UTC)
            session.add(
                ReportVersion(
                    report_id=f"nowcast-{number}",
                    version=1,
                    known_at=seen,
                    unit_id=UNIT,
                    kind="warning_sign",
                    sign="armed_presence",
                    severity=4,
                    seen_at=seen,
                    sent_at=seen,
                    verification="corroborated",
                    withdrawn=False,
                    intake=str(Intake.API),
                    reporter=f"p{number}",
                    sender="t",
                    change="landed",
                    actor="t",
                    reason="",
                )
            )
    engine.dispose()


@pytest.fixture
def made(client: TestClient, seeded: Any) -> dict[str, Any]:
    asked = {"bulletin_id": seeded.bulletin_id, "moment": MOMENT}
    response = client.post("/v1/nowcasts", json=asked)
    assert response.status_code == 201, response.text
    body: dict[str, Any] = response.json()
    assert response.headers["location"] == f"/v1/nowcasts/{body['nowcast_id']}"
    return body


def test_reports_move_a_unit_and_the_bulletin_stays(
    client: TestClient, seeded: Any, made: dict[str, Any]
) -> None:
    before = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores").content
    body = client.get(made["scores"]).json()
    by_id = {score["unit_id"]: score for score in body["scores"]}
    told = by_id[UNIT]
    assert told["probability"] > told["bulletin_probability"]
    assert told["says"].startswith("2 reports of armed presence (at best corroborated) raised")
    assert sum(u["reports"] for u in told["updates"] if not u["near"]) == 2
    assert by_id["XX0407"]["probability"] == by_id["XX0407"]["bulletin_probability"]
    assert (made["moved"] >= 1, made["reports"]) == (True, 2)
    assert body["synthetic"] is made["synthetic"] is True
    again = client.get(f"/v1/bulletins/{seeded.bulletin_id}/scores").content
    assert again == before


def test_it_speaks_french(client: TestClient, made: dict[str, Any]) -> None:
    response = client.get(made["scores"], headers={"Accept-Language": "fr"})
    assert response.headers["content-language"] == "fr"
    told = next(s for s in response.json()["scores"] if s["unit_id"] == UNIT)
    assert told["says"].startswith("présence armée, 2 signalements (au mieux recoupé)")
    assert any("présence armée" in update["says"] for update in told["updates"])


def test_formats(client: TestClient, made: dict[str, Any]) -> None:
    text = client.get(made["scores"] + "?format=csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["unit_id"] == "#adm3+code"
    line = next(row for row in rows if row["unit_id"] == UNIT)
    assert line["moment"] == MOMENT
    assert float(line["probability"]) > float(line["bulletin_probability"])
    drawn = client.get(made["scores"] + "?format=geojson").json()
    assert {f["geometry"]["type"] for f in drawn["features"]} == {"Polygon"}
    assert len(drawn["features"]) == drawn["matched"] == made["units"]
    packed = client.get(made["scores"] + "?format=parquet").content
    table = pyarrow.parquet.read_table(io.BytesIO(packed))
    assert table.num_rows == made["units"]
    assert json.loads(table.schema.metadata[b"nowcast"])["nowcast_id"] == made["nowcast_id"]
    assert client.get(made["scores"] + "?format=xml").status_code == 406


def test_pages_and_etag(client: TestClient, made: dict[str, Any]) -> None:
    first = client.get(made["scores"] + "?limit=25")
    rest = client.get(first.json()["next"]).json()
    seen = [s["unit_id"] for s in [*first.json()["scores"], *rest["scores"]]]
    assert len(set(seen)) == made["units"]
    assert rest["next"] is None
    kept = client.get(
        made["scores"] + "?limit=25", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (kept.status_code, kept.content) == (304, b"")
    assert client.get(made["scores"] + "?cursor=x").status_code == 422


def test_newest_and_list(client: TestClient, seeded: Any, made: dict[str, Any]) -> None:
    path = f"/v1/bulletins/{seeded.bulletin_id}/nowcasts/latest"
    assert client.get(f"{path}?moment={MOMENT}").json()["nowcast_id"] == made["nowcast_id"]
    early = client.get(f"{path}?moment=2018-07-02T00:00:00Z")
    assert early.status_code == 404
    assert client.get(f"/v1/bulletins/{seeded.older_id}/nowcasts/latest").status_code == 404
    listed = client.get(f"/v1/nowcasts?bulletin_id={seeded.bulletin_id}&limit=1").json()
    assert len(listed["nowcasts"]) == 1
    assert client.get(f"/v1/nowcasts/{made['nowcast_id']}").json() == made
    assert client.get("/v1/nowcasts/none").status_code == 404


def test_what_cannot_be_asked(client: TestClient, seeded: Any) -> None:
    asked = {"bulletin_id": seeded.bulletin_id}
    for changes, status in (
        ({"moment": "2999-01-01T00:00:00Z"}, 409),
        ({"moment": "2018-06-01T00:00:00Z"}, 409),
        ({"moment": "2018-07-20"}, 422),
        ({"bulletin_id": "none"}, 404),
        ({"surprise": 1}, 422),
    ):
        assert client.post("/v1/nowcasts", json={**asked, **changes}).status_code == status


@pytest.fixture
def scoped(seeded: Any) -> Iterator[dict[str, str]]:
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine).begin() as session:
        now = datetime.now(UTC)
        _, secret = tokens.create(session, label="f", now=now, role="field", areas=["XX02"])
    yield {"Authorization": f"Bearer {secret}"}
    engine.dispose()


def test_a_token_sees_its_areas_and_no_more(
    anyone: TestClient, seeded: Any, made: dict[str, Any], scoped: dict[str, str]
) -> None:
    for format_ in ("json", "csv", "geojson", "parquet"):
        response = anyone.get(f"{made['scores']}?format={format_}", headers=scoped)
        assert UNIT.encode() not in response.content
        assert format_ == "parquet" or b"XX0204" in response.content
    assert anyone.get(made["scores"], headers=scoped).json()["matched"] == 8
    asked = {"bulletin_id": seeded.bulletin_id}
    assert anyone.post("/v1/nowcasts", json=asked, headers=scoped).status_code == 403


def test_it_is_audited(client: TestClient, seeded: Any, made: dict[str, Any]) -> None:
    client.get(made["scores"])
    client.app.state.audit.stop()  # type: ignore[attr-defined]
    client.app.state.audit.start()  # type: ignore[attr-defined]
    engine = database.connect(seeded.settings.database)
    with database.sessions(engine)() as session:
        read = audit.entries(session, action=audit.READ, bulletin_id=seeded.bulletin_id)
        done = audit.entries(session, action="nowcast.made")
    engine.dispose()
    assert made["scores"] in {entry.subject for entry in read}
    assert made["nowcast_id"] in {entry.subject for entry in done}
