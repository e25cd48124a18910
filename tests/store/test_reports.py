"""Field reports in the database: what arrives lands once, with history, or waits for a person."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, ForbiddenError, NotFoundError
from response.contracts import current, require
from response.places import Places
from response.reports import Fault
from response.submissions import Arrival
from response.vocabulary import Intake, Verification
from store import report_changes, report_queue, report_reading
from store.database import sessions
from store.landing import Landed, receive
from store.report_places import places as places_of
from store.report_versions import State
from store.reports import report_history

NOW = datetime(2018, 7, 20, 12, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "unit": "XX0101",
    "kind": "warning_sign",
    "sign": "armed_presence",
    "severity": 3,
    "seen_at": "2018-07-20T08:00:00Z",
    "sent_at": "2018-07-20T09:00:00Z",
}


def arrival(client_id: str = "c1", **how: Any) -> Arrival:
    known = {"sender", "reporter", "edited_at", "instance_id", "replaces", "withdraw", "areas"}
    about = {name: how.pop(name) for name in known & set(how)}
    intake = how.pop("intake", Intake.API)
    fields = {**FIELDS, **how}
    return Arrival(intake, about.pop("sender", "t1"), client_id, fields, fields, **about)


@pytest.fixture
def places(session: Session, country: Any) -> Places:
    country.write(session)
    return places_of(session)


def _land(session: Session, places: Places, *arrivals: Arrival) -> list[Landed]:
    return [
        receive(session, one, places, NOW + timedelta(minutes=k)) for k, one in enumerate(arrivals)
    ]


def _standing(session: Session) -> list[tuple[Any, ...]]:
    """What stands, without the ids and moments that depend on the order of arrival."""
    table = current(report_history(session), pd.Timestamp(NOW + timedelta(days=30)))
    columns = ["unit_id", "kind", "sign", "severity", "seen_at", "sent_at", "reporter"]
    return sorted(table[columns].astype(str).itertuples(index=False, name=None))


def test_a_report_lands_once_and_its_edits_are_its_history(
    session: Session, places: Places
) -> None:
    edited = arrival(severity=5, edited_at=NOW + timedelta(minutes=1))
    landed = _land(session, places, arrival(), arrival(), edited, arrival(), edited)
    assert [one.state for one in landed] == ["landed", "duplicate", "edited"] + ["duplicate"] * 2
    assert len({one.report_id for one in landed}) == 1
    history = require(report_history(session), "reports")
    assert history["version"].tolist() == [1, 2]
    assert history["severity"].tolist() == [3, 5]
    assert history["known_at"].is_monotonic_increasing
    assert report_queue.counts(session) == {"api": {"duplicate": 3, "edited": 1, "landed": 1}}


def test_an_older_version_that_comes_late_changes_nothing(session: Session, places: Places) -> None:
    newer = arrival(severity=5, edited_at=NOW)
    older = arrival(severity=2, edited_at=NOW - timedelta(hours=1))
    assert [one.state for one in _land(session, places, newer, older)] == ["landed", "superseded"]
    assert report_history(session)["severity"].tolist() == [5]
    sent = report_reading.submissions(session, newer.report_id)
    assert [one.content["severity"] for one in sent if one.content] == [5, 2]


@pytest.mark.parametrize("sent_at", [None, "2018-07-20T11:59:00Z"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_dated_edit_counts_though_it_came_with_its_original(
    session: Session, places: Places, order: tuple[int, int], sent_at: str | None
) -> None:
    """A tablet without a network sends both in the evening: only the edit says when."""
    both = [
        arrival(severity=2, sent_at=sent_at),
        arrival(severity=5, sent_at=sent_at, edited_at=NOW - timedelta(hours=3)),
    ]
    _land(session, places, *(both[k] for k in order))
    assert report_history(session)["severity"].tolist()[-1] == 5


def test_changes_that_nobody_dates_count_as_they_come(session: Session, places: Places) -> None:
    changes = [arrival(severity=n, sent_at=None) for n in (2, 5, 1)]
    _land(session, places, *changes)
    assert report_history(session)["severity"].tolist() == [2, 5, 1]


def test_the_same_id_of_two_senders_is_two_reports(session: Session, places: Places) -> None:
    first, second = _land(session, places, arrival(sender="t1"), arrival(sender="t2"))
    assert first.report_id != second.report_id
    assert second.state is State.LANDED


def _story() -> list[Arrival]:
    """Three reports: edited twice, taken back, and a chain of versions from a phone."""

    def at(minutes: int) -> datetime:
        return NOW - timedelta(hours=1) + timedelta(minutes=minutes)

    def phone(name: str, replaces: str | None, minutes: int, **how: Any) -> Arrival:
        return arrival(
            replaces or name,
            intake=Intake.OPENROSA,
            instance_id=name,
            replaces=replaces,
            edited_at=at(minutes),
            **how,
        )

    return [
        arrival("a", edited_at=at(0)),
        arrival("a", severity=4, edited_at=at(1)),
        arrival("b", unit="XX0102", sign="threats", edited_at=at(0)),
        arrival("b", edited_at=at(2), withdraw=True),
        phone("i1", None, 0, unit="XX0201", severity=1),
        phone("i2", "i1", 1, unit="XX0201", severity=2),
        phone("i3", "i2", 2, unit="XX0202", severity=3),
    ]


def test_any_order_and_any_repetition_end_in_the_same_state(engine: Engine, country: Any) -> None:
    with sessions(engine).begin() as session:
        country.write(session)
        places = places_of(session)
    story = _story()
    chance = random.Random(7)  # noqa: S311
    orders: list[list[Arrival]] = [
        [*story[:4], *tail] for tail in itertools.permutations(story[4:])
    ]
    orders += [chance.sample(story * 2, len(story) * 2) for _ in range(14)]
    ends = []
    for order in orders:
        with sessions(engine)() as session:  # never committed: each order begins anew
            _land(session, places, *order)
            ends.append(_standing(session))
            ids = report_history(session).groupby("report_id")["version"]
            assert (ids.max() == ids.count()).all()
            session.rollback()
    assert len(ends[0]) == 2
    assert [row[3] for row in ends[0]] == ["4", "3"]
    assert all(end == ends[0] for end in ends)


@pytest.mark.parametrize(
    ("wrong", "field", "fault"),
    [
        ({"unit": "Atlantis"}, "unit", Fault.UNKNOWN),
        ({"sign": None}, "sign", Fault.MISSING),
        ({"severity": "high"}, "severity", Fault.NOT_A_NUMBER),
        ({"seen_at": "2099-01-01T00:00:00Z"}, "seen_at", Fault.IN_THE_FUTURE),
        ({"areas": ("XX02",)}, "unit", Fault.OUTSIDE),
    ],
)
def test_what_is_not_understood_waits_for_a_person(
    session: Session, places: Places, wrong: dict[str, Any], field: str, fault: Fault
) -> None:
    (landed,) = _land(session, places, arrival(**wrong))
    assert (landed.state, landed.reasons[0].field, landed.reasons[0].fault) == (
        State.QUEUED,
        field,
        fault,
    )
    assert report_history(session).empty
    (waiting,) = report_queue.waiting(session, ())
    assert report_queue.reasons_of(waiting)[0].fault is fault
    assert report_queue.counts(session) == {"api": {"waiting": 1}}


def test_a_person_makes_a_report_of_it_or_dismisses_it(session: Session, places: Places) -> None:
    wrong = [arrival(f"c{k}", unit="Atlantis", edited_at=NOW) for k in range(3)]
    landed = _land(session, places, *wrong)
    by = {"actor": "p1", "now": NOW}
    first, second, third = (one.inbox_id for one in landed)
    with pytest.raises(ContractError, match="not in the list"):
        report_queue.resolve(session, first, {**FIELDS, "unit": "x"}, places, **by)
    made = report_queue.resolve(session, first, FIELDS, places, reason="read on paper", **by)
    assert (made.state, made.report_id) == (State.LANDED, wrong[0].report_id)
    with pytest.raises(ContractError, match="a reason"):
        report_queue.dismiss(session, second, reason=" ", **by)
    report_queue.dismiss(session, second, reason="a test", **by)
    with pytest.raises(ConflictError, match="already dismissed"):
        report_queue.resolve(session, second, FIELDS, places, **by)
    with pytest.raises(NotFoundError):
        report_queue.dismiss(session, 99, reason="x", **by)
    (again,) = _land(session, places, arrival("c2", edited_at=NOW))
    assert again.state is State.LANDED
    assert report_queue.waiting(session, ()) == []
    assert third == landed[2].inbox_id
    counted = {"dismissed": 1, "landed": 1, "mended": 1, "resolved": 1}
    assert report_queue.counts(session) == {"api": counted}


def test_what_a_person_read_is_edited_by_what_its_sender_sends_later(
    session: Session, places: Places
) -> None:
    (queued,) = _land(session, places, arrival(sign="?"))
    report_queue.resolve(session, queued.inbox_id, FIELDS, places, actor="p1", now=NOW)
    later = receive(session, arrival(severity=5, edited_at=NOW + timedelta(days=1)), places, NOW)
    assert (later.state, later.report_id) == (State.EDITED, queued.report_id)


def test_a_queue_is_seen_by_those_of_its_area(session: Session, places: Places) -> None:
    _land(session, places, arrival("a", unit="?", areas=("XX01",)), arrival("b", unit="?"))

    def seen(*areas: str) -> int:
        return len(report_queue.waiting(session, areas))

    assert (seen(), seen("XX01"), seen("XX02"), seen("XX01", "XX02")) == (2, 1, 0, 1)
    everything = report_queue.waiting(session, ())
    with pytest.raises(ForbiddenError):
        report_queue.dismiss(
            session, everything[1].inbox_id, areas=("XX01",), reason="x", actor="p", now=NOW
        )


def test_verification_has_a_history(session: Session, places: Places) -> None:
    (landed,) = _land(session, places, arrival())

    def verify(state: Verification, version: int, reason: str = "") -> str:
        made = report_changes.verify(
            session,
            landed.report_id,
            state,
            version=version,
            reason=reason,
            actor="p1",
            now=NOW + timedelta(hours=version),
        )
        return made.verification

    assert verify(Verification.CONFIRMED, 1) == "confirmed"
    with pytest.raises(ConflictError, match="newest version, 2, got 1"):
        verify(Verification.REFUTED, 1, "no")
    with pytest.raises(ContractError, match="a reason"):
        verify(Verification.REFUTED, 2)
    assert verify(Verification.REFUTED, 2, "seen from 76 12 34 56: nothing there") == "refuted"
    changes = [
        (v.verification, v.actor) for v in report_reading.versions(session, landed.report_id)
    ]
    assert changes == [("unverified", "t1"), ("confirmed", "p1"), ("refuted", "p1")]
    assert "76" not in report_reading.versions(session, landed.report_id)[2].reason


def test_an_edit_of_substance_has_to_be_verified_anew(session: Session, places: Places) -> None:
    (landed,) = _land(session, places, arrival())
    report_changes.verify(
        session,
        landed.report_id,
        Verification.CONFIRMED,
        version=1,
        reason="",
        actor="p1",
        now=NOW,
    )
    later = [
        arrival(people="crowd", edited_at=NOW + timedelta(minutes=1)),
        arrival(people="crowd", severity=5, edited_at=NOW + timedelta(minutes=2)),
    ]
    _land(session, places, *later)
    found = [v.verification for v in report_reading.versions(session, landed.report_id)]
    assert found == ["unverified", "confirmed", "confirmed", "unverified"]


def test_what_is_taken_back_stays_so(session: Session, places: Places) -> None:
    _land(session, places, arrival(edited_at=NOW))
    report_id = arrival().report_id
    report_changes.withdraw(session, report_id, reason="wrong place", actor="t1", now=NOW)
    older = arrival(severity=1, edited_at=NOW - timedelta(hours=2))
    receive(session, older, places, NOW + timedelta(hours=1))
    assert _standing(session) == []
    history = report_history(session)
    assert history["withdrawn"].tolist() == [False, True]
    with pytest.raises(ConflictError, match="taken back"):
        report_changes.verify(
            session,
            report_id,
            Verification.CONFIRMED,
            version=2,
            reason="",
            actor="p",
            now=NOW,
        )


def test_the_history_is_cut_by_moment_and_round(session: Session, places: Places) -> None:
    early = {"seen_at": "2018-06-01T00:00:00Z"}
    _land(session, places, arrival("a"), arrival("b", **early))
    after = NOW + timedelta(seconds=30)
    assert len(report_history(session, until=after)) == 1
    assert len(report_history(session, since=after)) == 1
    in_round = report_history(session, election_id="XXA-2018-PRES-1")
    assert in_round["report_id"].tolist() == [arrival("a").report_id]
    with pytest.raises(NotFoundError, match="a round"):
        report_history(session, election_id="nowhere")


def test_a_later_edit_does_not_bring_a_report_into_a_round_before_it_is_known(
    session: Session, places: Places
) -> None:
    of_june = arrival("a", seen_at="2018-06-01T00:00:00Z")
    put_right = arrival("a", edited_at=NOW)
    _land(session, places, of_june, put_right)

    def known(seconds: int) -> list[int]:
        until = NOW + timedelta(seconds=seconds)
        found = report_history(session, until=until, election_id="XXA-2018-PRES-1")
        return [int(version) for version in found["version"]]

    assert (known(30), known(90)) == ([], [1, 2])


def test_independent_reports_suggest_corroboration(session: Session, places: Places) -> None:
    _land(
        session,
        places,
        arrival("a", reporter="r1"),
        arrival("b", reporter="r2", seen_at="2018-07-20T10:00:00Z", sent_at=None),
        arrival("c", reporter="r1", unit="XX0202"),
    )
    found = report_reading.standing(session, report_reading.Wanted())
    versions = [one.report for one in found]
    borne = report_reading.borne_out(session, versions, places, ())
    a, b = (arrival(c).report_id for c in "ab")
    assert borne == {a: [b], b: [a]}


def test_pages_do_not_overlap(session: Session, places: Places) -> None:
    _land(session, places, *(arrival(f"c{k}") for k in range(5)))
    seen, after = [], None
    while page := report_reading.standing(
        session, report_reading.Wanted(parent="XX01"), after=after, limit=2
    ):
        seen += [one.report.report_id for one in page]
        after = (page[-1].landed_at, page[-1].report.report_id)
    assert seen == [arrival(f"c{k}").report_id for k in (4, 3, 2, 1, 0)]
    assert report_reading.standing(session, report_reading.Wanted(areas=("XX02",))) == []


def test_the_same_report_sent_at_once_lands_once(engine: Engine, country: Any) -> None:
    with sessions(engine).begin() as session:
        country.write(session)

    def send(k: int) -> str:
        with sessions(engine).begin() as session:
            edit = arrival(severity=1 + k % 2, edited_at=NOW + timedelta(minutes=k % 2))
            return receive(session, edit, places_of(session), NOW).state

    with ThreadPoolExecutor(8) as pool:
        states = sorted(pool.map(send, range(16)))
    assert states.count("duplicate") == 14
    assert states.count("landed") == 1
    with sessions(engine)() as session:
        versions = report_history(session)
        assert len(set(versions["report_id"])) == 1
        assert versions["severity"].iloc[-1] == 2
        counted = report_queue.counts(session)["api"]
    assert sum(counted.values()) == 16


@pytest.mark.parametrize(
    "statement",
    [
        f"{verb} {table}{rest}"
        for table, rest in (
            ("report_version", " SET severity = 5"),
            ("report_submission", " SET sender = 'x'"),
            ("report_inbox", " SET state = 'landed'"),
        )
        for verb, rest in (("UPDATE", rest), ("DELETE FROM", ""))
    ],
)
def test_the_database_itself_keeps_reports(engine: Engine, country: Any, statement: str) -> None:
    with sessions(engine).begin() as session:
        country.write(session)
        _land(session, places_of(session), arrival())
    with engine.connect() as connection, pytest.raises(IntegrityError, match="only added to"):
        connection.execute(text(statement))


def test_strange_text_lands_in_the_inbox(session: Session, places: Places) -> None:
    strange = {"unit": "a\x00b", "kind": "\ud800", "sign": "é" * 500, "severity": float("nan")}
    (landed,) = _land(session, places, Arrival(Intake.API, "t1", "x", strange, strange))
    assert landed.state is State.QUEUED
