"""Writing and reading: the same twice is kept once, and nothing wrong is frozen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
import shapely
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from features.errors import ContractError, NotFoundError
from store import bulletins, reading
from store.schema import Bulletin, Incident, Score, Unit


@pytest.fixture
def registry_id(session: Session, country: Any) -> str:
    return str(country.write(session))


def _count(session: Session, table: Any) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_writing_everything_twice_adds_nothing(
    session: Session, country: Any, registry_id: str
) -> None:
    first = bulletins.write_bulletin(
        session, country.head(registry_id), country.scores, country.now
    )
    counts = [_count(session, t) for t in (Unit, Incident, Bulletin, Score)]
    assert country.write(session) == registry_id
    again = bulletins.write_bulletin(
        session,
        country.head(registry_id),
        country.scores.sample(frac=1, random_state=1),  # the order of rows says nothing
        country.now + timedelta(days=9),
    )
    assert again == first
    assert [_count(session, t) for t in (Unit, Incident, Bulletin, Score)] == counts
    assert counts == [4, 4, 1, 4]


def test_the_id_says_what_it_is(session: Session, country: Any, registry_id: str) -> None:
    made = bulletins.write_bulletin(session, country.head(registry_id), country.scores, country.now)
    found = reading.bulletin(session, made)
    assert made == f"XXA-2018-PRES-1.any.2018-07-01.{found.digest[:8]}"
    assert (found.units, found.abstained, found.created_at) == (4, 1, country.now)


@pytest.mark.parametrize(("change", "same"), [(1e-13, True), (1e-6, False)])
def test_the_digest_counts_ten_digits(
    session: Session, country: Any, registry_id: str, change: float, same: bool
) -> None:
    head = country.head(registry_id)
    first = bulletins.write_bulletin(session, head, country.scores, country.now)
    nudged = country.scores.assign(
        expected_incidents=country.scores["expected_incidents"] * (1 + change)
    )
    assert (bulletins.write_bulletin(session, head, nudged, country.now) == first) is same


def test_the_type_of_a_column_says_nothing(
    session: Session, country: Any, registry_id: str
) -> None:
    head, scores = country.head(registry_id), country.scores
    loose = scores.assign(rank=pd.Series([1, 2, 3, None], dtype=object))
    made = {bulletins.write_bulletin(session, head, s, country.now) for s in (scores, loose)}
    assert scores["rank"].dtype == float
    assert len(made) == 1


def test_every_word_of_the_head_counts(session: Session, country: Any, registry_id: str) -> None:
    head = country.head(registry_id)
    ids = {
        bulletins.write_bulletin(session, one, country.scores, country.now)
        for one in (head, replace(head, notes="x"), replace(head, model_digest="n"))
    }
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("probability", 1.2, "lower <= probability"),
        ("probability", None, "expected rank"),
        ("lower", 0.55, "lower <= probability"),
        ("expected_incidents", -1.0, "at least 0"),
        ("incidents_p50", 4.0, "rising quantiles"),
        ("incidents_p50", -1.0, "rising quantiles"),
        ("two_or_more", 0.6, "falling probabilities"),
        ("five_or_more", None, "expected rank"),
        ("band", "purple", "unknown band"),
        ("band", "abstained", "expected no numbers"),
        ("coverage", "so-so", "unknown band"),
        ("unit_id", "XX0102", "each unit once"),
        ("unit_id", "YY", "expected units of registry"),
        ("rank", 9, "expected ranks within"),
    ],
)
def test_wrong_scores_are_not_frozen(
    session: Session, country: Any, registry_id: str, column: str, value: Any, says: str
) -> None:
    scores = country.scores.astype(object)
    scores.loc[0, column] = value
    with pytest.raises(ContractError, match=says):
        bulletins.write_bulletin(session, country.head(registry_id), scores, country.now)
    assert _count(session, Bulletin) == 0


def test_a_bulletin_needs_its_election_and_registry(
    session: Session, country: Any, registry_id: str
) -> None:
    head = country.head(registry_id)
    for wrong in (replace(head, election_id="NO"), replace(head, registry_id="no")):
        with pytest.raises(NotFoundError, match="write it first"):
            bulletins.write_bulletin(session, wrong, country.scores, country.now)
    with pytest.raises(ContractError, match="part of an address"):
        bulletins.write_bulletin(session, replace(head, target="a/b"), country.scores, country.now)


def test_another_outline_is_another_registry(
    session: Session, country: Any, registry_id: str
) -> None:
    other = bulletins.write_registry(
        session,
        registry=country.units,
        polygons=country.polygons.iloc[:0],
        country="Testland",
        synthetic=True,
        created_at=country.now,
    )
    assert other != registry_id
    assert (
        session.scalars(select(Unit.geometry).where(Unit.registry_id == other)).all() == [None] * 4
    )


def test_simplified_neighbours_still_share_their_border(
    session: Session, country: Any, registry_id: str
) -> None:
    query = select(Unit.geometry).where(Unit.registry_id == registry_id)
    shapes = [shapely.from_geojson(text) for text in session.scalars(query)]
    assert shapely.coverage_is_valid(shapes)
    assert shapely.area(shapely.union_all(shapes)) == pytest.approx(4)
    assert shapely.area(shapes).tolist() == pytest.approx([1] * 4)


def test_neighbours_that_miss_each_other_by_metres_are_matched(
    session: Session, country: Any
) -> None:
    wobbly = [
        shapely.Polygon([(0, 0), (1, 0), (1.00002, 0.37), (1, 1), (0, 1)]),
        shapely.box(1, 0, 2, 1),
        shapely.box(0, 1, 1, 2),
        shapely.Polygon([(1, 1), (2, 1), (2, 2), (0.99999, 2)]),
    ]
    assert not shapely.coverage_is_valid(wobbly)
    polygons = country.polygons.assign(geometry_wkb=[shapely.to_wkb(s) for s in wobbly])
    made = replace(country, polygons=polygons).write(session)
    texts = session.scalars(select(Unit.geometry).where(Unit.registry_id == made))
    assert shapely.coverage_is_valid([shapely.from_geojson(text) for text in texts])


def test_coordinates_are_short(session: Session, country: Any, registry_id: str) -> None:
    text = session.scalars(select(Unit.geometry)).first() or ""
    assert all(
        round(x, 4) == x for ring in json.loads(text)["coordinates"] for p in ring for x in p
    )


def test_history_holds_only_what_was_known(
    session: Session, country: Any, registry_id: str
) -> None:
    made = bulletins.write_bulletin(session, country.head(registry_id), country.scores, country.now)
    bulletin = reading.bulletin(session, made)

    def known(day: date) -> list[str]:
        return [i.incident_id for i in reading.history(session, bulletin, "XX0101", day)]

    assert known(bulletin.as_of) == ["i1", "i0"]  # i2 happened before, and was known after
    assert known(date(2018, 6, 11)) == ["i0"]
    assert known(date(2018, 6, 2)) == []


def test_history_is_the_same_when_later_rows_are_gone(session: Session, country: Any) -> None:
    later = country.incidents["known_on"] > pd.Timestamp("2018-07-01")
    assert later.any()
    registry_id = country.write(session)
    bulletins.write_incidents(
        session, data_digest="e", registry_id=registry_id, incidents=country.incidents[~later]
    )
    seen = []
    for data_digest in ("d", "e"):
        head = replace(country.head(registry_id), data_digest=data_digest)
        made = bulletins.write_bulletin(session, head, country.scores, country.now)
        bulletin = reading.bulletin(session, made)
        rows = reading.history(session, bulletin, "XX0101", bulletin.as_of)
        seen.append([(i.incident_id, i.event_date, i.known_on) for i in rows])
    assert seen[0] == seen[1] != []


def test_incidents_need_units_and_are_kept_once_for_each_registry(
    session: Session, country: Any, registry_id: str
) -> None:
    strange = country.incidents.assign(unit_id="YY")
    with pytest.raises(ContractError, match="expected units of registry"):
        bulletins.write_incidents(
            session, data_digest="x", registry_id=registry_id, incidents=strange
        )
    with pytest.raises(NotFoundError):
        bulletins.write_incidents(
            session, data_digest="x", registry_id="no", incidents=country.incidents
        )
    other = bulletins.write_registry(
        session,
        registry=country.units.assign(name="Z"),
        polygons=country.polygons,
        country="Testland",
        synthetic=True,
        created_at=country.now,
    )
    added = bulletins.write_incidents(
        session, data_digest="d", registry_id=other, incidents=country.incidents
    )
    assert added == len(country.incidents)


def test_elections_are_brought_up_to_date(session: Session, country: Any, registry_id: str) -> None:
    moved = country.elections.assign(polling_date=pd.Timestamp("2018-08-05"))
    bulletins.write_elections(session, moved, True)
    assert [e.polling_date for e in reading.elections(session)] == [date(2018, 8, 5)]


def test_bulletins_are_found_by_filters(session: Session, country: Any, registry_id: str) -> None:
    head = country.head(registry_id)
    for day in (date(2018, 6, 1), date(2018, 7, 1), date(2018, 6, 15)):
        for target in ("any", "deadly"):
            one = replace(head, as_of=day, target=target)
            bulletins.write_bulletin(session, one, country.scores, country.now)
    page = reading.bulletins(session, target="any", limit=2)
    assert page.total == 3
    assert [b.as_of for b in page.bulletins] == [date(2018, 7, 1), date(2018, 6, 15)]
    assert reading.bulletins(session, as_of=date(2018, 6, 1)).total == 2
    assert reading.bulletins(session, election_id="NO").total == 0
    assert reading.newest_for_unit(session, "XX0101", date(2018, 6, 20)).as_of == date(2018, 6, 15)
    with pytest.raises(NotFoundError):
        reading.newest_for_unit(session, "XX0101", date(2018, 5, 31))


def test_scores_come_by_rank_with_their_units(
    session: Session, country: Any, registry_id: str
) -> None:
    made = bulletins.write_bulletin(session, country.head(registry_id), country.scores, country.now)
    bulletin = reading.bulletin(session, made)
    rows = reading.scores(session, bulletin)
    assert [(r.unit.name, r.score.rank) for r in rows] == [
        ("A", 1),
        ("B", 2),
        ("C", 3),
        ("D", None),
    ]
    assert reading.score(session, bulletin, "XX0102").score.probability == 0.2
    with pytest.raises(NotFoundError, match="expected a unit of bulletin"):
        reading.score(session, bulletin, "no")
    with pytest.raises(NotFoundError, match="expected the id of a bulletin"):
        reading.bulletin(session, "no")
