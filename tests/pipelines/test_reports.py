"""`vigie reports`: servers of forms read again, paper, the form and the queue."""

from __future__ import annotations

import base64
import io
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from PIL import Image
from sqlalchemy import select
from typer.testing import CliRunner

from features.errors import ConfigError, ConflictError, ContractError, NotFoundError
from pipelines.cli import app
from pipelines.form_servers import KoboServer
from pipelines.report_pull import pull
from pipelines.schedules import crons
from pipelines.settings import Settings
from response.form_fields import from_kobo
from response.vocabulary import Intake
from store import bulletins, database, report_photos, report_queue
from store.landing import receive
from store.report_arrivals import from_form
from store.report_places import places
from store.report_reading import photos
from store.report_schema import ReportInbox, ReportPhoto
from store.report_versions import State
from store.reporters import Reporters
from store.reports import report_history

KIT = Path(__file__).parents[1] / "kit" / "form_servers.py"
NOW = datetime(2018, 7, 20, 12, tzinfo=UTC)


def units() -> pd.DataFrame:
    ids = ["XX0101", "XX0102", "XX0201"]
    return pd.DataFrame(
        {
            "unit_id": ids,
            "name": ["=A", "B", "C"],
            "parent_id": [i[:4] for i in ids],
            "parent_name": ["Mopti", "Mopti", "Gao"],
            "region_id": "XX",
            "region_name": "Région",
            "iso3": "XXA",
            "lon": [0.5, 1.5, 0.5],
            "lat": [0.5, 0.5, 1.5],
            "area_km2": 1.0,
            "valid_from": pd.NaT,
            "valid_to": pd.NaT,
        }
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that knows a country of three communes."""
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.delenv("VIGIE_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    database.migrate(engine)
    with database.sessions(engine).begin() as session:
        empty = pd.DataFrame({"unit_id": [], "geometry_wkb": []})
        bulletins.write_registry(
            session,
            registry=units(),
            polygons=empty,
            country="Testland",
            synthetic=True,
            created_at=NOW,
        )
    engine.dispose()
    return tmp_path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a process that answers as servers of forms do, and its file of state."""
    state = tmp_path_factory.mktemp("forms") / "state.json"
    state.write_text('{"kobo": [], "odk": [], "files": {}}', encoding="utf-8")
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = subprocess.Popen([sys.executable, KIT, "--port", str(port), "--state", state])
    try:
        for _ in range(100):
            with closing(socket.socket()) as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        else:
            pytest.fail("the server of forms does not answer")
        yield f"http://127.0.0.1:{port}", state
    finally:
        program.terminate()
        program.wait(10)


def answers(**how: Any) -> dict[str, Any]:
    return {
        "end": "2018-07-20T10:00:00.000+00:00",
        "unit": "XX0101",
        "kind": "warning_sign",
        "sign": "threats",
        "severity": "3",
        "seen_at": "2018-07-20T08:00:00.000+00:00",
        **how,
    }


def kobo_row(k: int, **how: Any) -> dict[str, Any]:
    return {
        "_id": k,
        "_xform_id_string": "aX",
        "_uuid": f"k{k}",
        "meta/instanceID": f"uuid:k{k}",
        "_submission_time": "2018-07-20T10:01:00",
        "_submitted_by": "moussa",
        "_attachments": [],
        **answers(**how),
    }


def odk_row(k: int, *, edited: str | None = None, deleted: str | None = None, **how: Any) -> Any:
    system = {
        "submissionDate": "2018-07-20T10:01:00.000Z",
        "updatedAt": edited,
        "deletedAt": deleted,
        "submitterId": "5",
        "submitterName": "Moussa",
    }
    name = f"uuid:o{k}" if edited is None else f"uuid:o{k}-edited"
    return {
        "__id": f"uuid:o{k}",
        "__system": system,
        "meta": {"instanceID": name},
        **answers(**how),
    }


def settings_for(home: Path, url: str) -> Settings:
    sources: dict[str, Any] = {
        "mopti": {"kind": "kobo", "url": url, "form": "aX", "token": "kobo-token", "page_size": 2},
        "gao": {
            "kind": "odk",
            "url": f"{url}/",
            "form": "vigie",
            "project": 1,
            "email": "vigie@example.org",
            "password": "secret",
            "page_size": 2,
        },
    }
    return Settings(home=home, report_sources=sources)


def _tell(state: Path, **what: Any) -> None:
    kept = json.loads(state.read_text(encoding="utf-8"))
    state.write_text(json.dumps({**kept, **what}), encoding="utf-8")


def _history(home: Path) -> pd.DataFrame:
    engine = database.connect(f"sqlite:///{home / 'vigie.db'}")
    with database.sessions(engine)() as session:
        found = report_history(session)
    engine.dispose()
    return found


def test_edits_on_kobotoolbox_are_found_without_a_webhook(
    home: Path, server: tuple[str, Path]
) -> None:
    url, state = server
    settings = settings_for(home, url)
    rows = [kobo_row(k) for k in range(5)]
    _tell(state, kobo=[*rows, kobo_row(9, unit="nowhere")])
    assert pull(settings, "mopti", NOW) == {"landed": 5, "queued": 1}
    assert pull(settings, "mopti", NOW + timedelta(hours=1)) == {"duplicate": 6}
    # Two edits since: Kobo tells of the last one only, and of no time of editing.
    edited = kobo_row(3, severity="5") | {
        "meta/instanceID": "uuid:k3c",
        "meta/deprecatedID": "uuid:k3b",
    }
    _tell(state, kobo=[*rows[:3], edited, rows[4]])
    assert pull(settings, "mopti", NOW + timedelta(days=29)) == {"duplicate": 4, "edited": 1}
    assert pull(settings, "mopti", NOW + timedelta(days=61)) == {"duplicate": 5}
    assert pull(settings, "mopti", NOW + timedelta(days=62)) == {}
    assert pull(settings, "mopti", NOW + timedelta(days=61), everything=True)["duplicate"] == 5
    history = _history(home)
    assert history["severity"].tolist().count(5) == 1
    assert set(history["intake"]) == {"kobo"}
    assert history["report_id"].nunique() == 5
    engine = database.connect(settings.database)
    with database.sessions(engine)() as session:
        assert len(session.scalars(select(ReportInbox)).all()) == 7  # no row for a duplicate
    engine.dispose()


def test_edits_and_deletions_on_odk_central_are_found(home: Path, server: tuple[str, Path]) -> None:
    url, state = server
    settings = settings_for(home, url)
    _tell(state, odk=[odk_row(k) for k in range(5)])
    assert pull(settings, "gao", NOW) == {"landed": 5}
    later = "2018-07-21T09:00:00.000Z"
    changed = [odk_row(k) for k in range(3)]
    changed += [odk_row(3, edited=later, severity=5), odk_row(4, deleted=later)]
    _tell(state, odk=changed)
    assert pull(settings, "gao", NOW + timedelta(days=1)) == {"edited": 1, "withdrawn": 1}
    assert pull(settings, "gao", NOW + timedelta(days=2)) == {}
    history = _history(home)
    assert history["withdrawn"].sum() == 1
    assert history["severity"].max() == 5


def _picture() -> str:
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "blue").save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()


def test_a_photo_comes_with_its_report(home: Path, server: tuple[str, Path]) -> None:
    url, state = server
    files = {"/api/v2/assets/aX/data/1/attachments/77/": _picture()}
    attached = [{"id": 77, "filename": "moussa/attachments/p.png", "mimetype": "image/png"}]
    with_photo = kobo_row(1, photo="p.png") | {"_attachments": attached}
    lost = kobo_row(2, photo="q.png") | {"_attachments": attached}
    _tell(state, kobo=[with_photo, lost], files=files)
    settings = settings_for(home, url)
    assert pull(settings, "mopti", NOW) == {"landed": 2, "photo": 1, "photo missing": 1}
    engine = database.connect(settings.database)
    with database.sessions(engine)() as session:
        (photo,) = session.scalars(select(ReportPhoto)).all()
        assert (home / "photos" / f"{photo.sha256}.jpg").is_file()
    engine.dispose()


def test_a_photo_of_a_form_that_a_webhook_brought_comes_with_the_pull(
    home: Path, server: tuple[str, Path]
) -> None:
    url, state = server
    settings = settings_for(home, url)
    attached = [{"id": 77, "filename": "moussa/attachments/p.png", "mimetype": "image/png"}]
    row = kobo_row(1, photo="p.png") | {"_attachments": attached}
    _tell(state, kobo=[row], files={"/api/v2/assets/aX/data/1/attachments/77/": _picture()})
    hashes = Reporters.of(home, "")
    engine = database.connect(settings.database)
    with database.sessions(engine).begin() as session:
        arrival = from_form(from_kobo(row), Intake.KOBO, row, hashes)
        assert receive(session, arrival, places(session), NOW).state is State.LANDED
    engine.dispose()
    assert pull(settings, "mopti", NOW) == {"duplicate": 1, "photo": 1}
    assert pull(settings, "mopti", NOW) == {"duplicate": 1}


@pytest.mark.parametrize("name", ["mopti", "gao"])
def test_a_photo_of_a_form_that_waits_is_with_the_report_that_a_person_makes_of_it(
    home: Path, server: tuple[str, Path], name: str
) -> None:
    url, state = server
    attached = [{"id": 77, "filename": "moussa/attachments/p.png", "mimetype": "image/png"}]
    kobo = kobo_row(1, unit="nowhere", photo="p.png") | {"_attachments": attached}
    files = {
        "/api/v2/assets/aX/data/1/attachments/77/": _picture(),
        "/v1/projects/1/forms/vigie/submissions/uuid%3Ao1/attachments/p.png": _picture(),
    }
    _tell(state, kobo=[kobo], odk=[odk_row(1, unit="nowhere", photo="p.png")], files=files)
    settings = settings_for(home, url)
    assert pull(settings, name, NOW) == {"queued": 1, "photo": 1}
    engine = database.connect(settings.database)
    with database.sessions(engine)() as session:
        (waiting,) = report_queue.waiting(session, [])
        fields = {**answers(), "unit": "XX0101"}
        landed = report_queue.resolve(
            session, waiting.inbox_id, fields, places(session), actor="desk", now=NOW
        )
        (sha256,) = photos(session, [landed.report_id])[landed.report_id]
        assert report_photos.read(session, home, landed.report_id, sha256)
    engine.dispose()


def test_a_photo_that_comes_after_its_form_is_fetched_and_one_destroyed_stays_so(
    home: Path, server: tuple[str, Path]
) -> None:
    url, state = server
    settings = settings_for(home, url)
    path = "/v1/projects/1/forms/vigie/submissions/uuid%3Ao1/attachments/p.png"
    _tell(state, odk=[odk_row(1, photo="p.png")], files={})
    sent = datetime(2018, 7, 20, 10, 30, tzinfo=UTC)
    assert pull(settings, "gao", sent) == {"landed": 1, "photo missing": 1}
    assert pull(settings, "gao", sent + timedelta(minutes=15)) == {"duplicate": 1}
    _tell(state, files={path: _picture()})
    assert pull(settings, "gao", sent + timedelta(minutes=30)) == {"duplicate": 1, "photo": 1}
    engine = database.connect(settings.database)
    with database.sessions(engine).begin() as session:
        (photo,) = session.scalars(select(ReportPhoto)).all()
        report_photos.remove(session, home, photo.report_id, photo.sha256, actor="desk", now=sent)
    assert pull(settings, "gao", sent + timedelta(minutes=45)) == {"duplicate": 1}
    edited = odk_row(1, edited="2018-07-20T11:10:00.000Z", severity=5, photo="p.png")
    _tell(state, odk=[edited])
    assert pull(settings, "gao", sent + timedelta(hours=1))["edited"] == 1
    assert list((home / "photos").iterdir()) == []
    engine.dispose()


def test_a_server_that_refuses_says_so_and_nothing_is_marked_as_read(
    home: Path, server: tuple[str, Path]
) -> None:
    url, state = server
    _tell(state, kobo=[kobo_row(1)])
    settings = settings_for(home, url)
    wrong = settings.report_sources["mopti"]
    assert isinstance(wrong, KoboServer)
    broken = wrong.model_copy(update={"token": type(wrong.token)("no")})
    with pytest.raises(ConfigError, match="401"):
        pull(settings.model_copy(update={"report_sources": {"mopti": broken}}), "mopti", NOW)
    assert pull(settings, "mopti", NOW + timedelta(days=100)) == {"landed": 1}
    with pytest.raises(ConfigError, match="expected one of mopti, gao"):
        pull(settings, "elsewhere", NOW)


def test_servers_of_forms_are_on_the_schedule(home: Path) -> None:
    assert "pull" not in crons(Settings(home=home))
    assert crons(settings_for(home, "http://127.0.0.1:1"))["pull"] == "*/15 * * * *"


@pytest.fixture
def vigie(home: Path) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["reports", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def test_pull_on_the_command_line(
    vigie: Callable[..., str],
    home: Path,
    server: tuple[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, state = server
    now = datetime.now(UTC).isoformat()
    _tell(state, kobo=[kobo_row(1, seen_at=now, end=now)])
    sources = {"mopti": {"kind": "kobo", "url": url, "form": "aX", "token": "kobo-token"}}
    monkeypatch.setenv("VIGIE_REPORT_SOURCES", json.dumps(sources))
    assert vigie("pull").strip() == "mopti: 1 landed"
    assert vigie("pull", "mopti").strip() == "mopti: nothing new"


def test_paper_is_loaded_verified_and_its_bad_rows_are_worked(
    vigie: Callable[..., str], tmp_path: Path
) -> None:
    day = (datetime.now(UTC) - timedelta(days=1)).strftime("%d/%m/%Y")
    file = tmp_path / "paper.csv"
    rows = [
        "Commune;Type;Signe;Gravité;Date",
        f"MOP01;signe d'alerte;menaces;2;{day}",
        f"MOP09;incident;bagarre;4;{day}",
        f"MOP02;guerre;;;{day}",
    ]
    file.write_text("\n".join(rows), encoding="utf-8")
    said = vigie("load", str(file), "--lang", "fr")
    assert "row 3: queued: la commune (MOP09) n'est pas dans la liste" in said
    assert said.strip().endswith("1 landed, 2 queued")
    assert vigie("load", str(file)).strip().endswith("3 duplicate")
    listed = vigie("list")
    (report_id,) = re.findall(r"\b[0-9a-f]{16}\b", listed)
    assert "confirmed, version 2" in vigie("verify", report_id, "confirmed", "--version", "1")
    with pytest.raises(ConflictError, match="newest version, 2"):
        vigie("verify", report_id, "refuted", "--version", "1")
    waiting = vigie("queue")
    assert "guerre" in waiting
    fields = ["unit=MOP02", "kind=RIEN", f"seen_at={day}"]
    options = [part for field in fields for part in ("--field", field)]
    assert "landed" in vigie("resolve", "3", *options, "--reason", "read again")
    with pytest.raises(ContractError, match="name=value"):
        vigie("resolve", "2", "--field", "unit")
    assert "dismissed" in vigie("dismiss", "2", "--reason", "no such commune")
    assert vigie("queue").strip() == "nothing waits"
    counted = vigie("count")
    for state in ("landed", "resolved", "dismissed", "duplicate"):
        assert state in counted


def test_codes_and_form_are_of_the_country_or_a_part_of_it(
    vigie: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "codes.csv"
    assert "MOP02" in vigie("codes", "--csv", str(file))
    assert len(file.read_text(encoding="utf-8").splitlines()) == 4
    assert "MOP" not in vigie("codes", "--area", "XX02")
    form = tmp_path / "form.xlsx"
    assert "3 communes, checked by pyxform" in vigie("form", str(form)).replace("\n", " ")
    book = openpyxl.load_workbook(form)
    assert book.sheetnames == ["survey", "choices", "settings"]
    names = [row[1].value for row in book["choices"].iter_rows() if row[0].value == "unit"]
    assert names == ["XX0101", "XX0102", "XX0201"]
    labels = [c for row in book["choices"].iter_rows() for c in row if c.value == "=A"]
    assert [c.data_type for c in labels] == ["s", "s"]
    xml = tmp_path / "form.xml"
    vigie("form", str(xml), "--area", "XX02")
    assert "XX0201" in xml.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ends in \.xlsx"):
        vigie("form", str(tmp_path / "form.doc"))
    with pytest.raises(NotFoundError, match="a country of XXA, got MLI"):
        vigie("codes", "--iso3", "MLI")
