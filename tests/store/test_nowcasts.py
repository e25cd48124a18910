"""Nowcasts in the store, on both kinds of database: made, kept once, frozen, read by page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from features.errors import ConflictError, NotFoundError
from response.deployment import plan
from response.deployment_request import Request, Risk
from response.ratios import COUNTS, KEYS, declared, learned
from store import audit, bulletins, database, deployments, nowcasts, plans, ratio_tables, reading
from store.nowcast_schema import NowcastScore
from store.report_schema import ReportVersion
from store.roles import Role
from store.selecting import Selection

MOMENT = datetime(2018, 7, 20, 12, tzinfo=UTC)
NOW = datetime(2018, 7, 20, 13, tzinfo=UTC)


def tell(session: Session, report_id: str = "r1", **changes: object) -> None:
    """Keep a version of a report: armed presence in XX0102 the day before."""
    seen = MOMENT - timedelta(days=1)
    usual = {
        "version": 1,
        "known_at": seen + timedelta(hours=2),
        "unit_id": "XX0102",
        "kind": "warning_sign",
        "sign": "armed_presence",
        "severity": 3,
        "place_kind": "market",
        "voting_center": None,
        "people": "crowd",
        "seen_at": seen,
        "sent_at": seen,
        "verification": "confirmed",
        "withdrawn": False,
        "intake": "api",
        "reporter": "p1",
        "sender": "t",
        "change": "landed",
        "actor": "t",
        "reason": "",
    }
    session.add(ReportVersion(report_id=report_id, **{**usual, **changes}))
    session.flush()


@pytest.fixture
def bulletin_id(session: Session, country: Any) -> str:
    registry_id = country.write(session)
    return bulletins.write_bulletin(
        session, country.head(registry_id), country.scores, created_at=country.now
    )


def make(session: Session, bulletin_id: str, **changes: object) -> str:
    asked = {"moment": MOMENT, "now": NOW, "actor": "somebody"}
    return nowcasts.make(session, bulletin_id, **{**asked, **changes})  # type: ignore[arg-type]


def shown(session: Session, nowcast_id: str) -> pd.DataFrame:
    found = nowcasts.nowcast(session, nowcast_id)
    rows = nowcasts.score_rows(session, found, Selection(), limit=100)
    return pd.DataFrame(rows).set_index("unit_id")


def test_without_reports_it_is_the_bulletin(
    session: Session, country: Any, bulletin_id: str
) -> None:
    found = nowcasts.nowcast(session, make(session, bulletin_id))
    told = shown(session, found.nowcast_id)
    before = country.scores.set_index("unit_id")
    assert found.moved == 0
    for name in ("probability", "lower", "upper", "expected_incidents", "rank"):
        pd.testing.assert_series_equal(
            told[name].astype(float).sort_index(), before[name].astype(float), check_names=False
        )


def test_reports_move_it_and_the_same_one_is_kept_once(session: Session, bulletin_id: str) -> None:
    tell(session)
    first = make(session, bulletin_id)
    assert make(session, bulletin_id, now=NOW + timedelta(hours=1)) == first
    assert first.startswith(f"{bulletin_id}.20180720T120000.")
    told = shown(session, first)
    assert told.loc["XX0102", "probability"] > 0.2 == told.loc["XX0102", "bulletin_probability"]
    assert told.loc["XX0102", "says"].startswith("1 report of armed presence (confirmed) raised")
    assert "de 0,20 à" in told.loc["XX0102", "translations"]["fr"]["says"]
    assert told.loc["XX0202", "probability"] is None or pd.isna(told.loc["XX0202", "probability"])
    assert list(told["position"]) == [1, 2, 3, 4]
    entries = audit.entries(session, action=nowcasts.MADE)
    assert [(e.actor, e.subject, e.bulletin_id) for e in entries] == [
        ("somebody", first, bulletin_id)
    ]


def test_as_of(session: Session, bulletin_id: str) -> None:
    tell(session)
    alone = make(session, bulletin_id)
    tell(session, "r2", known_at=MOMENT + timedelta(minutes=1), kind="incident")
    tell(session, "r1", version=2, known_at=MOMENT + timedelta(minutes=2), withdrawn=True)
    assert make(session, bulletin_id) == alone, "the same digest"
    later = MOMENT + timedelta(minutes=5)
    assert make(session, bulletin_id, moment=later) != alone


def test_posts_count_from_their_approval(session: Session, bulletin_id: str) -> None:
    """Silent days of people who report are weak evidence once they are known to be posted."""
    for day in (1, 5):
        seen = MOMENT - timedelta(days=day)
        tell(session, f"q{day}", kind="nothing_seen", sign=None, severity=0, seen_at=seen)
    bulletin = reading.bulletin(session, bulletin_id)
    known = plans.situation(session, bulletin)
    asked = Request(mediators=4, team_size=1, must_cover=("XX0102",), risk=Risk(draws=60))
    found = plan(known, asked)
    by = deployments.By(Role.COORDINATOR, "t1", MOMENT - timedelta(hours=3), "why")
    kept = plans.write_plan(session, bulletin, known, found, by)
    deployments.approve(session, kept.deployment_id, 1, by)
    before, after = (
        nowcasts.nowcast(session, make(session, bulletin_id, moment=MOMENT - timedelta(hours=h)))
        for h in (4, 2)
    )
    assert (before.mediators, after.mediators) == (0, 4)
    watched = shown(session, after.nowcast_id).loc["XX0102"]
    assert watched["mediators"] > 0
    assert watched["probability"] < shown(session, before.nowcast_id).loc["XX0102", "probability"]


def test_moments_that_cannot_be(session: Session, bulletin_id: str) -> None:
    with pytest.raises(ConflictError, match="up to now"):
        make(session, bulletin_id, moment=NOW + timedelta(seconds=1))
    with pytest.raises(ConflictError, match="2018-07-01"):
        make(session, bulletin_id, moment=datetime(2018, 6, 30, tzinfo=UTC))
    with pytest.raises(NotFoundError, match="bulletin"):
        make(session, "nothing")


def test_newest_by_moment(session: Session, bulletin_id: str) -> None:
    early = make(session, bulletin_id, moment=MOMENT - timedelta(days=3))
    late = make(session, bulletin_id)
    assert nowcasts.latest(session, bulletin_id).nowcast_id == late
    before = MOMENT - timedelta(days=1)
    assert nowcasts.latest(session, bulletin_id, before).nowcast_id == early
    with pytest.raises(NotFoundError, match="POST"):
        nowcasts.latest(session, bulletin_id, MOMENT - timedelta(days=9))
    first = nowcasts.nowcasts(session, bulletin_id=bulletin_id, limit=1)
    last = (first[0].moment, first[0].created_at, first[0].nowcast_id)
    rest = nowcasts.nowcasts(session, after=last)
    assert [n.nowcast_id for n in [*first, *rest]] == [late, early]


def test_pages_hold_each_of_the_same_moment_once(session: Session, bulletin_id: str) -> None:
    """What is known of a moment may grow afterwards, as where a late approval is written down."""
    ids = []
    for k in range(4):
        tell(session, f"r{k}", known_at=MOMENT - timedelta(minutes=k))
        ids.append(make(session, bulletin_id, now=NOW + timedelta(hours=k)))
    assert len(set(ids)) == 4
    found: list[str] = []
    after = None
    while page := nowcasts.nowcasts(session, limit=1, after=after):
        found.append(page[0].nowcast_id)
        after = (page[0].moment, page[0].created_at, page[0].nowcast_id)
    assert found == ids[::-1]


def test_reports_of_another_country_are_none_of_its(session: Session, bulletin_id: str) -> None:
    alone = make(session, bulletin_id)
    tell(session, "far", unit_id="YY0101")
    assert make(session, bulletin_id) == alone
    assert nowcasts.nowcast(session, alone).reports == 0


def test_area_of_a_reader(session: Session, bulletin_id: str) -> None:
    found = nowcasts.nowcast(session, make(session, bulletin_id))
    area = Selection(areas=("XX01",))
    rows = nowcasts.score_rows(session, found, area, limit=10)
    assert {row["unit_id"] for row in rows} == {"XX0101", "XX0102"}
    assert nowcasts.count_scores(session, found, area) == 2
    assert nowcasts.count_scores(session, found, Selection(band="high")) == 1


def test_learned_ratios_count_from_when_they_are_known(session: Session, bulletin_id: str) -> None:
    plain = nowcasts.nowcast(session, make(session, bulletin_id)).ratios_id
    row = ("next", "armed_presence", "confirmed", 5.0, 8.0, 1.0, 90.0)
    table = learned(declared(), pd.DataFrame([row], columns=[*KEYS, *COUNTS]))
    known = MOMENT + timedelta(minutes=30)
    said = {"iso3": "XXA", "known_at": known, "now": NOW, "learned_from": "XXA-2018-PRES-1"}
    kept = ratio_tables.write_ratios(session, table, previous_id=plain, **said)  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(ratio_tables.table_of(kept), table, check_dtype=False)
    before, after = (
        nowcasts.nowcast(session, make(session, bulletin_id, moment=at)).ratios_id
        for at in (MOMENT, known)
    )
    assert (before, after) == (plain, kept.ratios_id)
    with pytest.raises(NotFoundError, match="ratios"):
        make(session, bulletin_id, ratios_id=kept.ratios_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE nowcast SET moved = 0",
        "DELETE FROM nowcast",
        "UPDATE nowcast_score SET probability = 0.5",
        "DELETE FROM nowcast_score",
        "UPDATE nowcast_ratios SET iso3 = 'XXB'",
        "DELETE FROM nowcast_ratios",
    ],
)
def test_the_database_keeps_it(
    engine: Engine, session: Session, bulletin_id: str, statement: str
) -> None:
    make(session, bulletin_id)
    session.commit()
    with pytest.raises(DatabaseError, match="never changes"), engine.begin() as connection:
        connection.execute(text(statement))


def test_scores_cannot_be_added_to_one_that_is_closed(
    engine: Engine, session: Session, bulletin_id: str
) -> None:
    nowcast_id = make(session, bulletin_id)
    row = session.scalars(select(NowcastScore)).first()
    assert row is not None
    values = {c.name: getattr(row, c.name) for c in NowcastScore.__table__.columns}
    session.commit()
    other = {**values, "nowcast_id": nowcast_id, "unit_id": "XX9999", "position": 99}
    with (
        pytest.raises(DatabaseError, match="never changes"),
        database.sessions(engine).begin() as again,
    ):
        again.add(NowcastScore(**other))
