"""Lessons of a synthetic round: gathered, printed, written, kept; the pages in a real browser."""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright
from typer.testing import CliRunner

from features.errors import ConfigError, NotFoundError
from features.vocabulary import Language
from models.baselines import BASELINES
from models.counts import COLUMNS
from pipelines import lessons as module
from pipelines.cli import app
from pipelines.ingest import Ingested
from pipelines.lessons import Learned, chosen, lessons
from pipelines.lessons_page.pictures import reliability_picture
from pipelines.lessons_page.words import WORDS, day, word
from pipelines.pack import PastDeployment, load_pack
from pipelines.question import windows
from pipelines.run import Workshop
from pipelines.settings import Settings
from pipelines.synthetic import make_country
from response.alerts import Draft, Step
from response.bands import banded
from response.cap import Certainty, Severity, Urgency, Words
from response.deployment import plan
from response.deployment_request import Request, Risk
from response.rules import AreaKind, Channel
from response.submissions import Arrival
from response.vocabulary import Intake, Level
from store import alerts, bulletins, deployments, plans
from store.database import connect, migrate, sessions
from store.landing import receive
from store.lessons import keep_lessons, lessons_of_round
from store.report_places import places
from store.roles import Role

NOW = datetime(2025, 1, 15, tzinfo=UTC)
ROUND = "XVG-2024-PRES-1"
AS_OF = date(2025, 1, 1)
CHROMIUM = Path(os.environ.get("VIGIE_TEST_CHROMIUM", "/usr/bin/chromium"))


@dataclass(frozen=True)
class Made:
    file: Path
    workshop: Workshop
    ingested: Ingested
    start: date
    issued: dict[date, str]


def scores(units: pd.DataFrame, rise: float) -> pd.DataFrame:
    p = np.linspace(0.6, 0.01, len(units)) * rise
    return banded(
        pd.DataFrame(
            {
                "unit_id": units["unit_id"],
                "probability": p,
                "lower": p / 2,
                "upper": (1 + p) / 2,
                "expected_incidents": p * 1.2,
                **dict.fromkeys(COLUMNS, 0.0),
                "baseline_probability": p[::-1],
                "drivers": [[]] * len(units),
                "coverage": ["none", *["good"] * (len(units) - 1)],
                "coverage_says": "",
                "translations": [{}] * len(units),
            }
        )
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A home with three bulletins of the round: two from before its window, one from within."""
    folder, home = tmp_path_factory.mktemp("country"), tmp_path_factory.mktemp("home")
    make_country(folder, seed=3, units=50, years=5)
    file = folder / "country.toml"
    text = file.read_text(encoding="utf-8")
    told = f'[deployments."{ROUND}"]\nmediators = 12\nregions = ["%s"]\nsource = "made up"\n'
    settings = Settings(home=home, tracking_uri=f"sqlite:///{home / 'm.db'}")
    workshop = Workshop(load_pack(file), settings, NOW, lambda _: None)
    ingested = workshop.ingest()
    units = ingested.tables.units
    file.write_text(f"{text}\n{told % units['region_id'].min()}", encoding="utf-8")
    workshop = Workshop(load_pack(file), settings, NOW, lambda _: None)
    calendar = windows(workshop.pack, ingested.tables.elections)
    round_ = calendar.set_index("election_id").loc[ROUND]
    start, end = round_["window_start"].date(), round_["window_end"].date()
    engine = connect(settings.database)
    migrate(engine)
    issued = {}
    with sessions(engine).begin() as session:
        registry_id = bulletins.write_registry(
            session,
            registry=units,
            polygons=ingested.polygons,
            country="Exland",
            synthetic=True,
            created_at=NOW,
        )
        bulletins.write_elections(session, calendar, synthetic=True)
        for number, back in enumerate((20, 1, -5)):
            as_of = start - timedelta(days=back)
            head = bulletins.BulletinHead(
                election_id=ROUND,
                registry_id=registry_id,
                iso3="XVG",
                target="any",
                target_says="",
                as_of=as_of,
                window_start=max(start, as_of + timedelta(days=1)),
                window_end=end,
                model_name="m",
                model_version="1",
                model_kind="average",
                model_digest="m",
                data_digest="d",
                baseline_name="count_365d",
                base_rate=0.1,
                interval_level=0.9,
                vintage="",
                synthetic=True,
                notes="",
            )
            rows = scores(units, 1 - number / 10)
            issued[as_of] = bulletins.write_bulletin(session, head, rows, NOW)
    yield Made(file, workshop, ingested, start, issued)
    engine.dispose()


@pytest.fixture(scope="module")
def learned(made: Made) -> Learned:
    return lessons(made.workshop, ROUND, "any", None, AS_OF)


def test_the_newest_bulletin_from_before_the_window_is_judged(made: Made, learned: Learned) -> None:
    eve = made.start - timedelta(days=1)
    assert learned.document["about"]["bulletin_id"] == made.issued[eve]
    with sessions(connect(made.workshop.settings.database))() as session:
        within = made.issued[made.start + timedelta(days=5)]
        assert chosen(session, ROUND, "any", within).bulletin_id == within
        with pytest.raises(NotFoundError, match="expected the id of a round"):
            chosen(session, "XVG-1900-PRES-1", "any", None)
        with pytest.raises(NotFoundError, match="expected a bulletin of target 'lethal'"):
            chosen(session, ROUND, "lethal", None)
        with pytest.raises(ConfigError, match="expected a bulletin of XVG-2024-PRES-2"):
            chosen(session, "XVG-2024-PRES-2", "any", within)


def test_outcomes_are_counted_from_the_snapshots(made: Made, learned: Learned) -> None:
    rows = made.ingested.tables.incidents
    days = rows["event_date"].between(
        pd.Timestamp(made.start), pd.Timestamp(learned.document["about"]["window_end"])
    )
    kinds = ["battle", "explosion", "violence_against_civilians", "riot"]
    known = rows["known_on"] <= pd.Timestamp(AS_OF)
    expected = rows.loc[days & known & rows["event_type"].isin(kinds)]
    assert learned.document["totals"]["incidents"] == len(expected) > 0
    told = {u["unit_id"]: u["incidents"] for u in learned.document["units"] if u["incidents"]}
    assert told == expected.groupby("unit_id").size().to_dict()


def test_every_baseline_is_fitted_again(learned: Learned) -> None:
    models = [row["model"] for row in learned.document["forecast"]["scores"]]
    assert models[0] == "bulletin"
    assert set(models[1:]) == set(BASELINES)


def test_what_the_pack_tells_of_mediators_is_bounded(made: Made, learned: Learned) -> None:
    found = learned.document["deployment"]
    assert (found["status"], found["mediators"]) == ("regions", 12)
    assert isinstance(made.workshop.pack.deployments[ROUND], PastDeployment)
    sent = next(p for p in found["plans"] if p["plan"] == "sent")
    assert sent["low"] <= sent["value"] <= sent["high"]


def test_the_store_keeps_them_with_both_pages(made: Made, learned: Learned) -> None:
    with sessions(connect(made.workshop.settings.database)).begin() as session:
        pages = dict.fromkeys(Language, "")
        assert keep_lessons(session, learned.document, pages, NOW) == learned.lessons_id
        (kept,) = [
            x for x in lessons_of_round(session, ROUND) if x.lessons_id == learned.lessons_id
        ]
        assert kept.document == learned.document
        assert "Leçons du tour" in kept.page_fr
        assert "Lessons of the round" in kept.page_en


@pytest.fixture
def told(made: Made) -> date:
    """A report, an alert and an approved plan in the store; the day by which they are known."""
    units, day = made.ingested.tables.units, made.start + timedelta(days=3)
    seen = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    unit_id = str(units["unit_id"].iloc[1])
    fields = {"unit": unit_id, "kind": "nothing_seen", "seen_at": seen.isoformat()}
    wide = dict.fromkeys(Language, Words("Signs", "3 signs within 24 hours.", "Call."))
    draft = Draft(
        election_id=ROUND,
        rule="cluster",
        kind="cluster",
        level=Level.LOCAL,
        area_kind=AreaKind.PARENT,
        area_id=str(units["parent_id"].iloc[1]),
        area_name="there",
        unit_ids=(unit_id,),
        channels=(Channel.EMAIL,),
        urgency=Urgency.EXPECTED,
        severity=Severity.SEVERE,
        certainty=Certainty.POSSIBLE,
        strength=3.0,
        words=wide,
        evidence={},
        drafted_at=seen,
        expires_at=seen + timedelta(hours=48),
    )
    with sessions(connect(made.workshop.settings.database)).begin() as session:
        arrival = Arrival(Intake.API, "somebody", "one", fields, {})
        assert receive(session, arrival, places(session), seen + timedelta(hours=2)).report_id
        bulletin = chosen(session, ROUND, "any", None)
        alerts.write_draft(session, draft, registry_id=bulletin.registry_id, synthetic=True)
        signed = seen + timedelta(hours=5)
        by = alerts.Actor("t", "t", "coordinator")
        alerts.take(session, draft.alert_id, Step.SIGN, at=signed, by=by)
        known = plans.situation(session, bulletin)
        who = deployments.By(Role.PLANNER, "t", seen, "first")
        asked = Request(mediators=6, risk=Risk(draws=50))
        kept = plans.write_plan(session, bulletin, known, plan(known, asked), who)
        boss = deployments.By(Role.COORDINATOR, "t", seen, "yes")
        deployments.approve(session, kept.deployment_id, kept.version, boss)
    return day


def test_reports_alerts_and_the_approved_plan_come_from_the_store(
    made: Made, told: date, quick: None
) -> None:
    def document(day: date) -> dict[str, Any]:
        return lessons(made.workshop, ROUND, "any", None, day).document

    before, after = document(told - timedelta(days=1)), document(told)
    assert before["reports"] == before["alerts"] == {"status": "none"}
    assert before["deployment"]["status"] == "regions"
    assert after["reports"]["timeliness"]["seen_to_known_hours"]["median"] == 2
    assert after["alerts"]["levels"]["local"]["draft_to_approved_hours"]["median"] == 5
    assert (after["deployment"]["status"], after["deployment"]["mediators"]) == ("posts", 6)
    assert "approved plan" in after["deployment"]["source"]["en"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the baselines out: they are tried elsewhere."""
    monkeypatch.setattr(module, "refitted", lambda *_: {})


def test_the_command_prints_and_writes(made: Made, tmp_path: Path, quick: None) -> None:
    page, figures = tmp_path / "out/page.html", tmp_path / "out/figures.json"
    asked = ["--home", str(made.workshop.settings.home), "lessons", str(made.file)]
    asked += ["--election", ROUND, "--as-of", "2025-01-01", "--lang", "both"]
    asked += ["--html", str(page), "--json", str(figures)]
    result = CliRunner().invoke(app, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    document = json.loads(figures.read_text(encoding="utf-8"))
    for line in document["headlines"]["fr"]:
        assert line in result.output
    text = page.read_text(encoding="utf-8")
    assert re.findall(r'<article lang="(\w\w)"', text) == ["fr", "en"]


def test_a_day_within_the_window_makes_provisional_lessons(made: Made, quick: None) -> None:
    as_of = made.start + timedelta(days=10)
    found = lessons(made.workshop, ROUND, "any", None, as_of)
    assert found.document["settled"]["why"] == "window_open"
    assert "Provisional: the window is still open" in found.html([Language.EN])
    with pytest.raises(ConfigError, match="expected an as_of of"):
        lessons(made.workshop, ROUND, "any", None, made.start - timedelta(days=1))


def test_sections_without_data_say_so_in_words(learned: Learned) -> None:
    english, french = learned.html([Language.EN]), learned.html([Language.FR])
    assert "No field report of this window is on record" in english
    assert "Aucune alerte de ce tour n&#39;est consignée" in french
    assert "SYNTHETIC DATA" in english
    assert "DONNÉES SYNTHÉTIQUES" in french


def test_the_page_needs_nothing_beside_it_and_is_the_same_each_time(learned: Learned) -> None:
    one = learned.html(list(Language))
    assert one == learned.html(list(Language))
    assert not re.findall(r'(?:src|href)="(?!data:|#)', one)
    assert "<script" not in one


def test_words_are_in_both_languages_and_days_as_people_write_them() -> None:
    assert all(english and french for english, french in WORDS.values())
    for key in WORDS:
        assert not re.search(r" [:;!?%»]", word(key, Language.FR)), key
        fields = [re.findall(r"\{(\w+)\}", text) for text in WORDS[key]]
        assert sorted(fields[0]) == sorted(fields[1]), key
    assert day("2018-08-01", Language.FR) == "1er\u00a0août\u00a02018"
    assert day("2018-07-29", Language.EN) == "29\u00a0July\u00a02018"


@pytest.mark.parametrize(("language", "tick"), [(Language.FR, "1,5\u202f%"), (Language.EN, "1.5%")])
def test_axes_are_written_in_the_language(language: Language, tick: str) -> None:
    rows = [{"forecast": f, "observed": f, "low": 0.0, "high": 0.03} for f in (0.0, 0.02)]
    address = reliability_picture(rows, language)
    drawn = base64.b64decode(address.partition(",")[2]).decode()
    ticks = re.findall("<!-- ([^ ]+%) -->", drawn)
    assert tick in ticks
    assert not any(t.startswith(("0.0", "0,0")) for t in ticks)


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.is_file(), reason=f"expected Chromium at {CHROMIUM}")
def test_the_page_fits_phones_and_prints_on_a4(learned: Learned, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(learned.html(list(Language)), encoding="utf-8")
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        for width in (390, 1400):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.on("console", lambda message: said.append(message.text))
            page.goto(file.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            broken = "[...document.images].filter(i => !i.naturalWidth).length"
            assert page.evaluate(broken) == 0
        assert page.evaluate("document.images.length") == 2 * 5
        pdf = page.pdf(prefer_css_page_size=True)
        browser.close()
    assert said == []
    boxes = {tuple(map(float, b.split())) for b in _boxes(pdf)}
    assert len(boxes) == 1
    _, _, width_pt, height_pt = boxes.pop()
    assert (round(width_pt), round(height_pt)) in {(595, 842), (596, 842), (595, 841)}


def _boxes(pdf: bytes) -> list[str]:
    found: list[Any] = re.findall(rb"/MediaBox\s*\[([^\]]+)\]", pdf)
    return [box.decode() for box in found]
