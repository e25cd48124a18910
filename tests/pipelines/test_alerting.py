"""From the store to drafts, and the whole way on the command line."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from features.errors import ConfigError, ConflictError
from features.vocabulary import Language
from pipelines import alerting
from pipelines.cli import app
from pipelines.pack import Pack, load_pack
from pipelines.settings import Settings
from response.alerts import Step
from response.cap import Severity
from response.ceiling import Ceiling
from response.contracts import require
from response.rules import AreaKind
from store import (
    alert_inputs,
    alert_reading,
    alert_rounds,
    alerts,
    bulletins,
    database,
    nowcasts,
    reading,
    recipients,
)
from store.deployment_schema import (
    Deployment,
    DeploymentApproval,
    DeploymentPost,
    DeploymentVersion,
)
from store.report_schema import ReportVersion

ROOT = Path(__file__).parents[2]
ELECTION = "XVG-2024-PRES-1"
DAY = date(2024, 10, 1)
PLANTED = "chez Moussa 76123456"
ISSUED = datetime(2024, 10, 1, 6, tzinfo=UTC)


def _written(session: Session, probabilities: dict[date, list[float]]) -> None:
    ids = ["XX0101", "XX0102", "XX0201"]
    units = pd.DataFrame(
        {
            "unit_id": ids,
            "name": ["Konna", "Fatoma", "Ansongo"],
            "parent_id": [i[:4] for i in ids],
            "parent_name": ["Mopti", "Mopti", "Gao"],
            "region_id": "XX",
            "region_name": "Centre",
            "iso3": "XVG",
            "lon": 0.5,
            "lat": 0.5,
            "area_km2": 1.0,
        }
    )
    first = {"election_id": ELECTION, "iso3": "XVG", "election_type": "presidential", "round": 1}
    days = {"window_start": "2024-09-23", "polling_date": "2024-10-20", "window_end": "2024-11-03"}
    moments = {key: pd.Timestamp(day) for key, day in days.items()}
    bulletins.write_elections(session, pd.DataFrame([{**first, **moments, "note": None}]), True)
    registry_id = bulletins.write_registry(
        session,
        registry=units,
        polygons=pd.DataFrame({"unit_id": [], "geometry_wkb": []}),
        country="Vigieland",
        synthetic=True,
        created_at=ISSUED,
    )
    for as_of, values in probabilities.items():
        _bulletin(session, registry_id, as_of, ids, values)


def _bulletin(
    session: Session, registry_id: str, as_of: date, ids: list[str], values: list[float]
) -> None:
    counts = ("expected_incidents", "incidents_p50", "incidents_p90", "two_or_more")
    scores = pd.DataFrame(
        {
            "unit_id": ids,
            "rank": [1.0, 2.0, 3.0],
            "probability": values,
            "lower": 0.0,
            "upper": 1.0,
            **dict.fromkeys([*counts, "five_or_more", "baseline_probability"], 0.0),
            "band": "high",
            "coverage": "good",
            "coverage_says": "said",
            "translations": [{}, {}, {}],
            "drivers": [[], [], []],
        }
    )
    head = bulletins.BulletinHead(
        election_id=ELECTION,
        registry_id=registry_id,
        iso3="XVG",
        target="any",
        target_says="x",
        as_of=as_of,
        window_start=date(2024, 9, 23),
        window_end=date(2024, 11, 3),
        model_name="m",
        model_version="1",
        model_kind="logistic",
        model_digest="m",
        data_digest="d",
        baseline_name="b",
        base_rate=0.1,
        interval_level=0.8,
        vintage="",
        synthetic=True,
        notes="",
    )
    created = datetime.combine(as_of, ISSUED.timetz())
    bulletins.write_bulletin(session, head, scores, created)


@pytest.fixture
def home(written: Path, tmp_path: Path) -> Path:
    """A store of one's own."""
    return Path(shutil.copytree(written, tmp_path / "home"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with bulletins of two days, the second of which is higher."""
    folder = tmp_path_factory.mktemp("home")
    engine = database.connect(f"sqlite:///{folder / 'vigie.db'}")
    database.migrate(engine)
    with database.sessions(engine).begin() as session:
        _written(session, {DAY: [0.2, 0.1, 0.7], DAY + timedelta(days=3): [0.45, 0.1, 0.7]})
    engine.dispose()
    return folder


@pytest.fixture
def made(home: Path) -> Iterator[sessionmaker[Session]]:
    engine = database.connect(f"sqlite:///{home / 'vigie.db'}")
    yield database.sessions(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(ROOT / "pipelines/configs/synthetic.toml")


def test_scores_are_known_when_issued_or_at_the_end_of_their_day(
    made: sessionmaker[Session],
) -> None:
    with made() as session:
        history = require(alert_inputs.score_history(session, ELECTION, "any"), "score_history")
        assert alert_inputs.score_history(session, ELECTION, "lethal").empty
    assert len(history) == 6
    assert set(history["known_at"]) == {
        pd.Timestamp("2024-10-01T06:00Z"),
        pd.Timestamp("2024-10-04T06:00Z"),
    }


def test_rules_are_held_against_the_store_at_a_moment(
    made: sessionmaker[Session], pack: Pack
) -> None:
    before = alerting.draft(made, pack, ELECTION, ISSUED - timedelta(hours=1))
    assert before == alerting.Drafted()
    first = alerting.draft(made, pack, ELECTION, ISSUED + timedelta(hours=1))
    assert [(d.rule, d.area_id) for d in first.shown] == [("very-likely", "XX")]
    again = alerting.draft(made, pack, ELECTION, ISSUED + timedelta(hours=2))
    assert again == alerting.Drafted()  # its cooldown
    later = alerting.draft(made, pack, ELECTION, ISSUED + timedelta(days=3, hours=1))
    assert [(d.rule, d.area_id, d.unit_ids) for d in later.shown] == [
        ("rising", "XX01", ("XX0101",))
    ]
    assert "Konna (20% to 45%)" in later.shown[0].words[Language.EN].reason
    with made() as session:
        assert all(one.alert.synthetic for one in alert_reading.page(session))


def _reported(session: Session, report_id: str, unit_id: str, **how: Any) -> None:
    moment = how.pop("at", ISSUED)
    usual: dict[str, Any] = {
        "version": 1,
        "known_at": moment,
        "voting_center": PLANTED,
        "kind": "warning_sign",
        "sign": "armed_presence",
        "severity": 3,
        "seen_at": moment,
        "sent_at": moment,
        "verification": "unverified",
        "withdrawn": False,
        "intake": "sms",
        "reporter": f"r{report_id}",
        "sender": "s",
        "change": "landed",
        "actor": "t",
        "reason": PLANTED,
    }
    session.add(ReportVersion(report_id=report_id, unit_id=unit_id, **{**usual, **how}))


def _posted(session: Session, unit_ids: list[str], at: datetime) -> None:
    (bulletin, *_) = reading.bulletins(session, election_id=ELECTION).bulletins
    key: dict[str, Any] = {"deployment_id": "d1", "version": 1}
    session.add(
        Deployment(
            deployment_id="d1",
            election_id=ELECTION,
            bulletin_id=bulletin.bulletin_id,
            follows=None,
            created_at=at,
        )
    )
    session.flush()
    for unit_id in unit_ids:
        session.add(DeploymentPost(**key, unit_id=unit_id, base="", mediators=2, why={}))
    session.flush()
    who = {"reason": "", "role": "coordinator", "actor": "t"}
    figures: dict[str, Any] = {"mediators": 2 * len(unit_ids), "posts": len(unit_ids)}
    more: dict[str, Any] = {"how": "plan", "follows_version": None, "request": {}, "figures": {}}
    session.add(DeploymentVersion(**key, **who, **figures, **more, created_at=at))
    session.flush()
    session.add(DeploymentApproval(**key, **who, approved_at=at))


def test_field_reports_and_posts_draft_alerts(made: sessionmaker[Session], pack: Pack) -> None:
    rules = tuple(rule for rule in pack.alerts if rule.kind not in ("probability", "rise"))
    only = pack.model_copy(update={"alerts": rules})
    with made.begin() as session:
        _posted(session, ["XX0101", "XX0201"], ISSUED)
        for n, unit_id in enumerate(("XX0101", "XX0102", "XX0102")):
            _reported(session, f"q{n}", unit_id, at=ISSUED + timedelta(hours=20 + n))
        grave = {"kind": "incident", "sign": "clash", "severity": 4}
        _reported(session, "q9", "XX0102", at=ISSUED + timedelta(hours=23), **grave)

    def drafted(hours: float) -> set[tuple[str, str]]:
        found = alerting.draft(made, only, ELECTION, ISSUED + timedelta(hours=hours))
        return {(one.rule, one.area_id) for one in found.shown}

    assert drafted(21.5) == set()
    assert drafted(22) == {("cluster-of-signs", "XX01")}
    assert drafted(24) == {("grave-incident", "XX0102")}
    assert drafted(48) == {("silence", "XX02")}
    assert drafted(49) == set()
    with made() as session:
        told = str([(one.alert.words, one.alert.evidence) for one in alert_reading.page(session)])
    assert PLANTED not in told
    assert "rq9" not in told  # who reported


def test_a_nowcast_moves_the_probability(made: sessionmaker[Session], pack: Pack) -> None:
    moment = ISSUED + timedelta(hours=30)
    with made.begin() as session:
        for n in range(4):
            at = moment - timedelta(hours=5 - n)
            grave = {"kind": "incident", "sign": "clash", "severity": 5}
            _reported(session, f"q{n}", "XX0101", at=at, verification="confirmed", **grave)
        (first,) = [
            b for b in reading.bulletins(session, election_id=ELECTION).bulletins if b.as_of == DAY
        ]
        made_id = nowcasts.make(session, first.bulletin_id, moment=moment, now=moment, actor="t")
    with made() as session:
        history = alert_inputs.score_history(session, ELECTION, "any")
    mine = history.loc[(history["source"] == made_id) & (history["unit_id"] == "XX0101")]
    assert mine["probability"].item() > 0.35
    rising = pack.model_copy(update={"alerts": [r for r in pack.alerts if r.kind == "rise"]})
    assert alerting.draft(made, rising, ELECTION, moment - timedelta(hours=1)).shown == []
    (draft,) = alerting.draft(made, rising, ELECTION, moment).shown
    assert draft.evidence["sources"] == [made_id]


def _draft_slowly(url: str, name: str, start: Any, answers: Any) -> None:
    """Draft, as a process of its own that takes a second between reading and writing."""
    pack = load_pack(ROOT / "pipelines/configs/synthetic.toml")
    rule = next(rule for rule in pack.alerts if rule.kind == "probability")
    how = {"name": name, "threshold": 0.05, "area": AreaKind.UNIT, "severity": Severity.MODERATE}
    rule = rule.model_copy(update=how)
    pack = pack.model_copy(update={"alerts": (rule,), "alert_ceiling": Ceiling(drafts=2)})
    read = alerting.situation

    def slowly(*args: Any) -> Any:
        found = read(*args)
        time.sleep(1)
        return found

    alerting.situation = slowly  # type: ignore[assignment]
    engine = database.connect(url)
    start.wait()
    made = alerting.draft(database.sessions(engine), pack, ELECTION, ISSUED + timedelta(hours=1))
    answers.put((len(made.shown), len(made.held)))


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_two_drafters_together_keep_to_the_ceiling(
    kind: str, home: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{home / 'vigie.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres").emptied()
        engine = database.connect(url)
        with database.sessions(engine).begin() as session:
            _written(session, {DAY: [0.2, 0.1, 0.7]})
        engine.dispose()
    # Forked, not spawned: a new interpreter would take seconds to load what is loaded here.
    processes = multiprocessing.get_context("fork")
    start, answers = processes.Barrier(2), processes.Queue()
    both = [
        processes.Process(target=_draft_slowly, args=(url, name, start, answers))
        for name in ("first", "second")
    ]
    for one in both:
        one.start()
    found = sorted(answers.get(timeout=120) for _ in both)
    for one in both:
        one.join()
    assert found == [(0, 3), (2, 1)]


def test_a_clock_that_is_behind_sees_what_was_drafted_before(
    made: sessionmaker[Session], pack: Pack
) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    (one,) = alerting.draft(made, pack, ELECTION, ISSUED + timedelta(hours=1)).shown
    with made.begin() as session:
        assert ISSUED < alerting._now(session, ELECTION) < ahead
        alerts.take(session, one.alert_id, Step.REJECT, at=ahead, by=alerts.MACHINE, note="x")
        assert alerting._now(session, ELECTION) == ahead


def test_what_is_over_the_ceiling_is_held_back_until_there_is_room(
    made: sessionmaker[Session], pack: Pack
) -> None:
    probable = next(rule for rule in pack.alerts if rule.kind == "probability")
    rules = [
        probable.model_copy(update={"name": f"over-{n}", "threshold": 0.5, "severity": severity})
        for n, severity in enumerate(("Minor", "Extreme", "Severe", "Moderate"))
    ]
    many = pack.model_copy(
        update={"alerts": tuple(rules), "alert_ceiling": Ceiling(drafts=2, within_hours=10)}
    )

    def drafted(hours: float) -> alerting.Drafted:
        return alerting.draft(made, many, ELECTION, ISSUED + timedelta(hours=hours))

    first = drafted(1)
    assert [one.rule for one in first.shown] == ["over-1", "over-2"]
    assert [one.rule for one in first.held] == ["over-0", "over-3"]
    assert drafted(1) == drafted(1.5) == alerting.Drafted(), "once each, and no room yet"
    with made() as session:
        assert alert_reading.count_held(session) == 2
        held = {one.alert.rule: one for one in alert_reading.page(session, state="held")}
        assert [e.state for e in held["over-3"].events] == ["draft", "held"]
    assert drafted(11).released == sorted(one.alert_id for one in first.held)
    with made() as session:
        assert len(alert_reading.page(session, state="draft")) == 4


def test_nobody_is_silent_before_the_window(made: sessionmaker[Session]) -> None:
    with made.begin() as session:
        _posted(session, ["XX0101"], datetime(2024, 9, 1, tzinfo=UTC))
        _, since = alerting.posted(session, ELECTION, ISSUED)
        assert since == pd.Timestamp("2024-09-23T00:00Z")
        posts, since = alerting.posted(session, ELECTION, datetime(2024, 8, 1, tzinfo=UTC))
        assert (len(posts), since) == (0, None)


def test_rounds_count_while_their_window_is_near(made: sessionmaker[Session]) -> None:
    with made() as session:

        def near(day: str) -> int:
            moment = datetime.fromisoformat(f"{day}T12:00:00+00:00")
            return len(alert_rounds.rounds_at(session, ["XVG"], moment, 60))

        assert [near(d) for d in ("2024-07-01", "2024-08-01", "2024-11-03", "2024-11-04")] == [
            *(0, 1, 1, 0)
        ]
        assert alert_rounds.rounds_at(session, ["MLI"], ISSUED, 60) == []


def test_packs_ship_rules_in_both_languages() -> None:
    for name in ("mali", "synthetic"):
        found = load_pack(ROOT / f"pipelines/configs/{name}.toml").alerts
        assert {rule.kind for rule in found} == {
            *("probability", "rise", "incident", "cluster", "silence")
        }
        assert {str(rule.level) for rule in found} == {"local", "national", "regional"}


def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    text = (ROOT / "pipelines/configs/synthetic.toml").read_text(encoding="utf-8")
    file = tmp_path / "pack.toml"
    file.write_text(text.replace('name = "rising"', 'name = "silence"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="key 'alerts'"):
        load_pack(file)
    file.write_text(text.replace('name = "rising"', 'name = "Rising!"'), encoding="utf-8")
    with pytest.raises(ConfigError, match="alerts"):
        load_pack(file)


def test_a_round_of_drafting_and_sending_says_what_it_did(
    home: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "packs"
    folder.mkdir()
    text = (ROOT / "pipelines/configs/synthetic.toml").read_text(encoding="utf-8")
    (folder / "synthetic.toml").write_text(text, encoding="utf-8")
    said = alerting.draft_and_send(Settings(home=home, packs=folder))
    assert said["vigilia"] == "0 drafts for 0 rounds"
    assert said["sending"].startswith("0 published; ")


def test_the_whole_way_on_the_command_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_HOME", str(home))
    monkeypatch.setenv("VIGIE_DATABASE_URL", "")
    monkeypatch.setenv("COLUMNS", "80")  # of a plain terminal, where ids must be whole
    runner = CliRunner()

    def vigie(*words: str) -> str:
        result = runner.invoke(app, ["alerts", *words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    pack = str(ROOT / "pipelines/configs/synthetic.toml")
    assert "grave-incident" in vigie("rules", pack, "--lang", "fr")
    moment = "2024-10-01T08:00"
    assert "new drafts" in vigie("draft", pack, "--election", ELECTION, "--as-of", moment)
    engine = database.connect(Settings(home=home).database)
    with database.sessions(engine)() as session:
        alert_id = alert_reading.page(session, state="draft")[0].alert.alert_id
    engine.dispose()
    assert f"{alert_id}  draft, national, drafted" in vigie("list", "--state", "draft")
    office = ("--name", "Préfet", "--level", "national", "--channel", "email")
    vigie("recipients", "add", *office, "--address", "prefet@example.org", "--area", "XX")
    engine = database.connect(Settings(home=home).database)
    with database.sessions(engine)() as session:
        (recipient,) = recipients.listed(session)
    engine.dispose()
    listed = vigie("recipients", "list")
    assert recipient.recipient_id in listed
    assert "prefet@" not in listed
    with pytest.raises(ConflictError, match="before it expired"):
        vigie("sign", alert_id, "--by", "Coordination")
    assert "rejected" in vigie("reject", alert_id, "--by", "Coordination", "--note", "trop tard")
    shown = vigie("show", alert_id, "--lang", "fr")
    assert "Coordination (command line)  trop tard" in shown
    assert "0 published" in vigie("send")
    assert "nobody was told" in vigie("told")
