"""`vigie deploy`: from a bulletin to an approved plan in files, on the command line."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from features.errors import ConfigError
from pipelines.cli import app
from pipelines.deploy_commands import load_request
from response.submissions import Arrival
from response.vocabulary import Intake
from store import bulletins, database, landing, plans
from store.report_places import places


def test_requests_are_read_from_files(tmp_path: Path) -> None:
    toml = tmp_path / "c.toml"
    toml.write_text(
        'mediators = 10\nmust_cover = ["A"]\n[areas.R]\nminimum = 2\n[unreachable]\nB = "flood"\n'
        '[[bases]]\nname = "x"\nunit_id = "A"\nmediators = 4\nmax_km = 100\nlanguages = ["ful"]\n'
    )
    found = load_request(toml, None)
    assert (found.mediators, found.areas["R"].minimum, found.bases[0].max_km) == (10, 2, 100)
    assert load_request(toml, 12).mediators == 12
    as_json = tmp_path / "c.json"
    as_json.write_text(json.dumps({"mediators": 3, "team_size": 1}))
    assert load_request(as_json, None).team_size == 1
    for text, says in (
        ("mediators = 3\ncolour = 1", "colour"),
        ("mediators = ", "expected TOML"),
        ("team_size = 1", "mediators"),
        ("mediators = -1", "mediators"),
    ):
        toml.write_text(text)
        with pytest.raises(ConfigError, match=says):
            load_request(toml, None)
    with pytest.raises(ConfigError, match="no such file"):
        load_request(tmp_path / "none.toml", 1)


def made_up() -> Any:
    """The made-up country that the service is tested with."""
    file = Path(__file__).parents[1] / "serve" / "conftest.py"
    spec = importlib.util.spec_from_file_location("made_up_country", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bulletin_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("VIGIE_HOME", str(tmp_path))
    monkeypatch.delenv("VIGIE_DATABASE_URL", raising=False)
    country = made_up()
    registry = country.units()
    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    database.migrate(engine)
    with database.sessions(engine).begin() as session:
        registry_id = bulletins.write_registry(
            session,
            registry=registry,
            polygons=country.polygons(registry),
            country="Testland",
            synthetic=True,
            created_at=country.CREATED,
        )
        bulletins.write_elections(session, country.elections(), synthetic=True)
        head = country.head(registry_id, country.AS_OF)
        found = bulletins.write_bulletin(session, head, country.scores(registry), country.CREATED)
    engine.dispose()
    return found


def vigie(*words: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["deploy", *words], env={"COLUMNS": "200"})
    assert result.exit_code == status, result.output
    return result.output


def test_a_plan_goes_from_bulletin_to_paper(bulletin_id: str, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    printed = vigie("plan", bulletin_id, "--mediators", "6", "--json", str(figures))
    said = json.loads(figures.read_text())
    one = said["deployment_id"]
    assert one in printed
    assert "claims no causal effect" in printed
    assert "not compared: the population of units was not known on the bulletin's day" in printed
    assert "ahead" in printed
    assert said["sent"] == 6
    assert "no" in vigie("list", "--election", "XXA-2018-PRES-1")
    edited = vigie(*("edit", one, "--version", "1", "--reason", "seen there"), "--put", "XX0405=2")
    assert "not kept: 6 mediators in all" in edited
    assert "come from home" in edited
    assert "approved version 2" in vigie("approve", one, "--version", "2")
    assert "version 2" in vigie("list")
    assert "approved as coordinator" in vigie("show", one)
    assert "XX0405" in vigie("moves", one)
    for ending in ("csv", "xlsx", "html"):
        file = tmp_path / "out" / f"plan.{ending}"
        vigie("export", one, str(file))
        assert file.stat().st_size > 300
    assert "Déploiement des médiateurs" in (tmp_path / "out/plan.html").read_text()
    second = vigie("plan", bulletin_id, "--mediators", "2", "--follows", one)
    assert "go home" in second
    engine = database.connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    with database.sessions(engine)() as session:
        posts = plans.approved_posts(session, "XXA-2018-PRES-1")
    engine.dispose()
    assert posts["mediators"].sum() == 8


def reported(home: Path, *unit_ids: str) -> None:
    """Keep one grave report of each unit."""
    engine = database.connect(f"sqlite:///{home / 'vigie.db'}")
    with database.sessions(engine).begin() as session:
        for unit_id in unit_ids:
            fields = {"unit": unit_id, "kind": "incident", "sign": "clash", "severity": 4}
            fields["seen_at"] = "2018-07-20T08:00:00Z"
            arrival = Arrival(Intake.API, "t", unit_id, fields, fields)
            landing.receive(session, arrival, places(session), datetime(2018, 7, 20, 9, tzinfo=UTC))
    engine.dispose()


def test_a_second_plan_covers_what_reports_of_the_first_told(
    bulletin_id: str, tmp_path: Path
) -> None:
    constraints = tmp_path / "second.toml"
    constraints.write_text("cover_reports_from = 4")
    words = ("plan", bulletin_id, "--mediators", "6", "--constraints", str(constraints))
    first = vigie(*words).rpartition(" version 1")[0].rpartition("\n")[2]
    assert "XX0402" not in vigie(*words, "--follows", first)
    reported(tmp_path, "XX0402")
    assert "XX0402" in vigie(*words, "--follows", first)
    assert "XX0402" not in vigie(*words)


def test_wrong_words_are_refused(bulletin_id: str, tmp_path: Path) -> None:
    for words in (
        ("plan", "none", "--mediators", "2"),
        ("plan", bulletin_id),
        ("export", "none", str(tmp_path / "x.pdf")),
        ("edit", "none", "--version", "1", "--reason", "x", "--put", "XX0101"),
    ):
        vigie(*words, status=1)
