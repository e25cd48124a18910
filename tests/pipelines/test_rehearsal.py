"""Every hand-over of a rehearsed election: nothing lost, nothing double, every state reached."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from defusedxml.ElementTree import fromstring
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from features.errors import ConfigError
from features.vocabulary import Language
from pipelines import rehearsal
from pipelines.channels.channel import Carrier, NotSentError, Parcel
from pipelines.cli import app
from pipelines.pack import load_pack
from pipelines.rehearsal_field import GARBLED, SENDER, deliver, deliveries, garbled
from pipelines.rehearsal_field import landed as landed_id
from pipelines.rehearsal_offices import Fate, open_offices
from pipelines.rehearsal_play import Play, Scale
from pipelines.sending import carriers
from pipelines.settings import Settings
from pipelines.synthetic.country import simulate
from pipelines.synthetic.field import make_reports
from response.alerts import State, Step, follow
from response.cap import faults
from response.contracts import current
from response.deployment_reports import gravest
from response.rules import Channel
from serve import atom
from store import alert_reading, alerts, nowcasts, reading, recipients, report_queue, telling
from store.alert_schema import Alert, Delivery, Recipient
from store.bulletins import write_registry
from store.database import connect, migrate, sessions
from store.deployment_schema import DeploymentApproval, DeploymentPost, DeploymentVersion
from store.lesson_schema import Lessons
from store.lessons import read_lessons
from store.nowcast_schema import Nowcast, NowcastScore, RatioTable
from store.outbox import Outcome
from store.plans import approved_posts
from store.report_schema import ReportInbox
from store.reports import report_history
from store.schema import Audit, Bulletin
from store.selecting import Selection

FOREVER = pd.Timestamp("2100-01-01", tz="UTC")
SAME = ["unit_id", "kind", "sign", "severity", "place_kind", "people", "seen_at", "verification"]


def as_told(told: pd.DataFrame) -> pd.DataFrame:
    """What the field knows in the end, under the ids of the store."""
    final = current(told, FOREVER)
    ids = [landed_id(row) for row in final.to_dict("records")]  # type: ignore[arg-type]
    return final.assign(report_id=ids).set_index("report_id")[SAME].sort_index()


def as_kept(session: Session) -> pd.DataFrame:
    return current(report_history(session), FOREVER).set_index("report_id")[SAME].sort_index()


def test_reports_land_once_whatever_the_order_and_the_repeats(tmp_path: Path) -> None:
    country = simulate(seed=5, units=30, years=3)
    ids = country.land.unit_ids
    posts = pd.DataFrame({"unit_id": ids[:6], "mediators": 2})
    rng = np.random.default_rng(2)
    told = make_reports(rng, country, country.rounds[-1], posts)
    start = told["known_at"].min().to_pydatetime()
    waiting = [*deliveries(rng, told), *garbled(rng, start, told["known_at"].max())]
    waiting.sort(key=lambda post: post.at)
    engine = connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    migrate(engine)
    units = pd.DataFrame(
        {
            "unit_id": ids,
            "name": country.land.names,
            "parent_id": [i[:6] for i in ids],
            "parent_name": country.land.parent_names,
            "region_id": [i[:4] for i in ids],
            "region_name": country.land.region_names,
            "iso3": "XVG",
            "lon": 0.0,
            "lat": 0.0,
            "area_km2": 1.0,
        }
    )
    outlines = pd.DataFrame({"unit_id": [], "geometry_wkb": []})
    with sessions(engine).begin() as session:
        write_registry(
            session,
            registry=units,
            polygons=outlines,
            country="Vigilia",
            synthetic=True,
            created_at=start,
        )
        became = Counter(deliver(session, post) for post in waiting)
        pd.testing.assert_frame_equal(as_kept(session), as_told(told), check_dtype=False)
    engine.dispose()
    reports = told["report_id"].nunique()
    assert became["landed"] == reports
    assert became["queued"] == GARBLED
    assert min(became[state] for state in ("duplicate", "edited", "verified", "withdrawn")) > 0
    assert became["superseded"] == 0 or became["superseded"] < became["duplicate"]
    assert sum(became.values()) == len(waiting)


def test_offices_take_what_is_ours_and_fail_before(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'vigie.db'}")
    migrate(engine)
    with open_offices() as offices:
        with sessions(engine).begin() as session:
            now = datetime(2024, 10, 1, tzinfo=UTC)
            assert offices.enrol(session, now) == len(recipients.listed(session)) == 7
            known = recipients.listed(session)
        by = carriers(Settings(home=tmp_path, **offices.settings()))
        assert set(by) == {Channel.WEBHOOK, Channel.SMS}
        answered = [_answers(by[Channel(one.channel)], one) for one in known]
        forged = replace(_parcel(known[0]), recipient_id="another", message_id="forged")
        hook = next(one for one in known if one.channel == Channel.WEBHOOK)
        with pytest.raises(NotSentError, match="401"):
            by[Channel.WEBHOOK].send(replace(forged, address=hook.address))
    engine.dispose()
    first = sorted(answer for answer, _ in answered if answer)
    assert first == ["the receiver answered 410", "the receiver answered 503"]
    assert all(again is None for _, again in answered)
    assert offices.forged == ["forged"]
    assert offices.refused == {410: 1, 503: 1}
    assert set(offices.accepted) == {one.recipient_id for one in known}
    assert offices.lost in offices.accepted
    assert sorted(offices.said()) == sorted(offices.accepted.elements())
    assert offices.said() == []


def _parcel(one: Recipient) -> Parcel:
    about = {"identifier": one.recipient_id, "status": "Exercise"}
    return Parcel(one.recipient_id, one.address, one.recipient_id, "fr", "s", "t", "<x/>", about)


def _answers(carrier: Carrier, one: Recipient) -> list[str | None]:
    """What two tries of one message are answered; None where it was taken."""
    found: list[str | None] = []
    for _ in range(2):
        try:
            carrier.send(_parcel(one))
            found.append(None)
        except NotSentError as error:
            found.append(str(error))
    return found


def test_only_what_is_known_can_be_rehearsed(tmp_path: Path) -> None:
    for arguments in (["--config", "mali"], ["--folder", str(tmp_path)]):
        found = CliRunner().invoke(app, ["rehearse", *arguments])
        assert isinstance(found.exception, ConfigError)


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    folder = tmp_path_factory.mktemp("rehearsal")
    scale = Scale(units=40, years=4, mediators=(24, 12), drafts=1)
    return rehearsal.rehearse(folder, scale, lambda _said: None)


@pytest.mark.slow
def test_a_whole_election(play: Play) -> None:
    with sessions(play.engine)() as session:
        _bulletins_and_plans(play, session)
        _reports(play, session)
        _nowcasts(play, session)
        _ratios(play, session)
        _alerts(play, session)
        _messages(play, session)
        _cooldown(play, session)
        _lessons(play, session)
    play.engine.dispose()
    moments = [step.at for step in play.log]
    assert moments == sorted(moments), "everything happens in the order of simulated time"
    stages = Counter(step.stage for step in play.log)
    assert stages["bulletin"] == stages["posting"] == stages["ratios"] == 2
    assert stages["alerts"] == stages["lessons"] == 2
    assert stages["deployment"] == stages["second-round plan"] == stages["field reports"] == 1


def _bulletins_and_plans(play: Play, session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Bulletin)) == 2
    for which, held in enumerate(play.rounds):
        bulletin = reading.bulletin(session, play.bulletins[which])
        assert bulletin.election_id == held.election_id
        assert bulletin.as_of == play.day(play.start(which) - 1)
        posts = approved_posts(session, held.election_id)
        assert posts["mediators"].sum() == play.scale.mediators[which]
        assert set(play.told[which]["unit_id"]) <= set(posts["unit_id"])
    plans = session.scalars(select(DeploymentVersion)).all()
    assert len(plans) == session.scalar(select(func.count()).select_from(DeploymentApproval)) == 2
    assert {plan.deployment_id for plan in plans} == set(play.plans)
    second = next(plan for plan in plans if plan.deployment_id == play.plans[1])
    assert second.follows_version == 1
    _second_plan_reads_reports(play, session, second)


def _second_plan_reads_reports(play: Play, session: Session, second: DeploymentVersion) -> None:
    (handed,) = (step for step in play.log if step.stage == "second-round plan")
    history = report_history(session, election_id=play.rounds[0].election_id)
    told = current(history, pd.Timestamp(handed.at))
    assert handed.handed["reports"] == len(told) > 0
    standing = told.loc[(told["verification"] != "refuted") & (told["kind"] != "nothing_seen")]
    teams = play.scale.mediators[1] // 2
    promised = second.figures["reports"]["promised"]
    assert 0 < len(promised) == handed.handed["promised"] <= teams // 2
    grave = gravest(told, rehearsal.GRAVE)["unit_id"].tolist()
    assert [u for u in grave if u in promised] == promised, "the gravest first"
    left_out = [one["unit_id"] for one in second.figures["reports"]["left_out"]]
    assert sorted([*promised, *left_out]) == sorted(grave), "each is promised a team, or said why"
    rows = select(DeploymentPost).where(DeploymentPost.deployment_id == second.deployment_id)
    posts = session.scalars(rows).all()
    assert set(promised) <= {post.unit_id for post in posts}
    named = [post for post in posts if post.unit_id in set(standing["unit_id"])]
    assert named, "the second round goes somewhere that the first one spoke of"
    assert all(any("×" in said for said in map(str, post.why.values())) for post in named)


def _reports(play: Play, session: Session) -> None:
    told = pd.concat(play.told, ignore_index=True)
    pd.testing.assert_frame_equal(as_kept(session), as_told(told), check_dtype=False)
    assert not play.waiting
    assert play.became["landed"] == told["report_id"].nunique()
    assert sum(play.became.values()) == sum(play.sent.values())
    assert play.became["verified"] == play.sent["checked"]
    inbox = session.scalar(select(func.count()).select_from(ReportInbox))
    assert inbox == play.sent["sent"], "each submission is in the inbox once, whatever it became"
    waiting = report_queue.waiting(session, ())
    assert len(waiting) == 2 * GARBLED == play.became["queued"]
    assert {item.sender for item in waiting} == {SENDER}


def _nowcasts(play: Play, session: Session) -> None:
    made = [nowcast_id for of_round in play.nowcasts for nowcast_id in of_round]
    assert len(set(made)) == len(made)
    assert session.scalar(select(func.count()).select_from(Nowcast)) == len(made)
    history = report_history(session)
    units = play.country.land.units
    assert session.scalar(select(func.count()).select_from(NowcastScore)) == units * len(made)
    watched = set()
    for which, of_round in enumerate(play.nowcasts):
        for nowcast_id in of_round:
            found = nowcasts.nowcast(session, nowcast_id)
            first = pd.Timestamp(play.at(play.start(which), 0)) - nowcasts.LOOKBACK
            by_then = history["known_at"].between(first, pd.Timestamp(found.moment))
            known = history.loc[by_then, "report_id"].nunique()
            assert found.reports == known, "all that had arrived by then, and nothing later"
            assert found.bulletin_id == play.bulletins[which]
            rows = nowcasts.score_rows(session, found, Selection(), limit=units)
            watched |= {row["watch"] for row in rows}
    assert watched == {"watched", "silent", "unposted"}
    done = select(func.count()).select_from(Audit).where(Audit.action == nowcasts.MADE)
    assert session.scalar(done) == len(made)


def _ratios(play: Play, session: Session) -> None:
    first, second = (session.get_one(RatioTable, ratios_id) for ratios_id in play.ratios)
    assert [t.learned_from for t in (first, second)] == [r.election_id for r in play.rounds]
    assert second.previous_id == first.ratios_id
    declared = session.get_one(RatioTable, first.previous_id)
    assert declared.learned_from is None

    def counted(table: RatioTable) -> float:
        return float(sum(row["watched_if"] + row["watched_none"] for row in table.rows))

    assert 0 == counted(declared) < counted(first) < counted(second)


def _alerts(play: Play, session: Session) -> None:
    drafted = alert_reading.page(session, limit=10_000)
    assert {one.alert.alert_id for one in drafted} == set(play.fates)
    assert len({one.alert.rule for one in drafted}) > 1
    states = Counter(one.state for one in drafted)
    assert set(states) == {State.CLOSED, State.REJECTED, State.CANCELLED, State.EXPIRED}
    reached = {event.state for one in drafted for event in one.events}
    assert reached == {str(state) for state in State}, "every state is reached, none stays open"
    for one in drafted:
        steps = [Step(event.step) for event in one.events[1:]]
        assert follow(steps) == one.state
        assert [event.at for event in one.events] == sorted(event.at for event in one.events)
        signed = [event for event in one.events if event.step == Step.SIGN]
        assert {(event.role, event.digest) for event in signed} <= {
            ("coordinator", alerts.words_digest(one.alert))
        }
        assert (one.at(Step.SEND) is not None) == bool(one.caps)
        assert one.at(Step.SEND) is None or signed, "nothing goes out that nobody signed"
        assert all(cap.status == "Exercise" for cap in one.caps)
        assert not any(faults(fromstring(cap.xml)) for cap in one.caps)
    shown = [one for one in drafted if one.at(Step.HOLD) is None or one.at(Step.RELEASE)]
    assert len(shown) < len(drafted), "not all that was held back is let go"
    by_day = Counter(
        (one.alert.election_id, (one.at(Step.RELEASE) or one.alert.drafted_at).date())
        for one in shown
        if one.alert.escalates is None and one.alert.severity != "Extreme"
    )
    assert max(by_day.values()) == play.scale.drafts
    for which, held in enumerate(play.rounds):
        mine = [one for one in drafted if one.alert.election_id == held.election_id]
        said = play.alerted[which]
        assert said["drafted"] + said["escalated"] == len(mine) > 0
        for step in (Step.SIGN, Step.ACKNOWLEDGE, Step.ACT, Step.CANCEL):
            assert said[step] == sum(one.at(step) is not None for one in mine) > 0
    assert {play.fates[one.alert.alert_id] for one in drafted} == set(Fate)
    raised = {one.alert.escalates for one in drafted} - {None}
    assert raised, "the level above hears of what nobody answers"
    assert {play.fates[str(alert_id)] for alert_id in raised} == {Fate.UNANSWERED}


def _messages(play: Play, session: Session) -> None:
    assert not play.faults
    told = telling.told(session)
    assert {row.state for row in told} == {"received"}, "whatever failed first, all arrived"
    assert play.offices.forged == []
    taken = play.offices.accepted
    assert set(taken) == {row.message_id for row in told}
    twice = [message_id for message_id, times in taken.items() if times > 1]
    assert twice == [play.offices.lost], "only what the gateway had lost was sent once more"
    seen = {str(outcome) for outcome in session.scalars(select(Delivery.outcome))}
    assert seen == {str(outcome) for outcome in Outcome}
    assert set(play.offices.refused) == {410, 503}
    assert set(play.offices.status.values()) == {"Exercise"}
    went = alert_reading.published(session, limit=10_000)
    page = atom.feed(went, Language.FR, "https://vigie.invalid/v1/alerts/feed", None, play.at(0))
    on_feed = [one.text for one in fromstring(page).iter(f"{{{atom.NAMESPACE}}}id")][1:]
    assert on_feed == [f"urn:vigie:{one.cap.identifier}" for one in went]
    assert len(went) == sum(said["published"] for said in play.alerted)


def _cooldown(play: Play, session: Session) -> None:
    rules = {rule.name: rule for rule in load_pack(play.pack_file).alerts}
    assert all(said["met"] > said["drafted"] for said in play.alerted), "some were held back"
    last: dict[tuple[str, ...], Alert] = {}
    pairs = 0
    for one in alert_reading.page(session, limit=10_000)[::-1]:
        alert = one.alert
        if alert.escalates is not None:
            continue
        key = (alert.election_id, alert.rule, alert.level, alert.area_id)
        before, rule = last.get(key), rules[alert.rule]
        if before is not None:
            pairs += 1
            rested = alert.drafted_at - before.drafted_at >= timedelta(hours=rule.cooldown_hours)
            worse = rule.worse_by is not None and alert.strength >= before.strength + rule.worse_by
            assert rested or worse
        last[key] = alert
    assert pairs


def _lessons(play: Play, session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Lessons)) == len(play.lessons) == 2
    history = report_history(session)
    for which, held in enumerate(play.rounds):
        kept = read_lessons(session, play.lessons[which])
        assert kept.election_id == held.election_id
        assert kept.bulletin_id == play.bulletins[which]
        assert "<html" in kept.page_en
        assert "<html" in kept.page_fr
        said = kept.document
        assert said["settled"]["why"] in ("settled", "data_end_sooner"), "reports are all due"
        for section in ("headlines", "totals", "regions", "forecast", "units", "levels"):
            assert said[section], section
        _counts(play, session, which, said, history)


def _counts(
    play: Play, session: Session, which: int, said: dict[str, Any], history: pd.DataFrame
) -> None:
    """What the lessons count is what was played, counted again from the field's own account."""
    held = play.rounds[which]
    assert said["deployment"]["status"] == "posts"
    assert said["deployment"]["mediators"] == play.scale.mediators[which]
    first, last = play.day(play.start(which)), play.day(held.window[1])
    of_round = report_history(session, election_id=held.election_id)["report_id"]
    told = current(history.loc[history["report_id"].isin(of_round)], FOREVER)
    seen = told["seen_at"].dt.date.between(first, last)
    assert said["reports"]["reports"] == seen.sum() > 0
    drafted = alert_reading.page(session, election_id=held.election_id, limit=10_000)
    figures = said["alerts"]["all"]
    assert figures["drafted"] == len(drafted)
    for name, step in (
        *(("approved", Step.SIGN), ("sent", Step.SEND), ("acknowledged", Step.ACKNOWLEDGE)),
        *(("acted", Step.ACT), ("closed", Step.CLOSE)),
    ):
        assert figures[name] == sum(one.at(step) is not None for one in drafted) > 0
    truth = pd.read_csv(play.folder / "country" / "incidents.csv", low_memory=False)
    assert 0 < said["totals"]["incidents"] <= len(truth)
