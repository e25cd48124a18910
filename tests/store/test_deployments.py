"""Deployments in the store, on SQLite and PostgreSQL: versions, approvals, posts, facts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError, ForbiddenError, NotFoundError
from response.contracts import require
from response.deployment import plan
from response.deployment_request import Base, Request, Risk
from store import audit, bulletins, database, deployments, plans, reading
from store.deployment_facts import (
    Facts,
    populations,
    watch_places,
    write_past_deployment,
    write_planning_facts,
)
from store.deployment_moves import posts_of
from store.deployments import By
from store.roles import Role

NOW = datetime(2018, 7, 3, tzinfo=UTC)
ASKED = Request(mediators=4, team_size=1, risk=Risk(draws=60))


def by(role: Role = Role.PLANNER, reason: str = "why", hours: int = 0) -> By:
    return By(role, "t1", NOW + timedelta(hours=hours), reason)


@pytest.fixture
def issued(engine: Engine, country: Any) -> str:
    with database.sessions(engine).begin() as session:
        registry_id = country.write(session)
        return bulletins.write_bulletin(
            session, country.head(registry_id), country.scores, country.now
        )


def planned(session: Session, bulletin_id: str, request: Request = ASKED, **how: Any) -> Any:
    bulletin = reading.bulletin(session, bulletin_id)
    known = plans.situation(session, bulletin, how.get("follows"))
    found = plan(known, request)
    return plans.write_plan(session, bulletin, known, found, by(), **how)


def test_a_situation_has_scores_and_the_year_before(session: Session, issued: str) -> None:
    known = plans.situation(session, reading.bulletin(session, issued))
    assert known.units["unit_id"].tolist() == ["XX0101", "XX0102", "XX0201", "XX0202"]
    assert known.units["expected_incidents"].isna().tolist() == [False, False, False, True]
    assert known.level == 0.8
    assert known.past_regions == ()
    assert known.posts.empty


def test_what_became_known_later_does_not_count(
    session: Session, issued: str, country: Any
) -> None:
    bulletin = reading.bulletin(session, issued)
    before = plans.situation(session, bulletin).units["incidents_last_year"].sum()
    in_year = country.incidents.loc[
        (country.incidents["known_on"] <= pd.Timestamp(bulletin.as_of))
        & (country.incidents["event_date"] > pd.Timestamp(bulletin.as_of) - timedelta(days=365))
    ]
    assert before == len(in_year)


def test_a_plan_is_kept_with_its_reasons_and_figures(session: Session, issued: str) -> None:
    kept = planned(session, issued)
    assert (kept.version, kept.how, kept.role, kept.mediators) == (1, "planned", "planner", 4)
    posts = posts_of(session, kept)
    assert posts["mediators"].sum() == 4
    assert "XX0202" not in set(posts["unit_id"])
    assert kept.figures["abstained"] == 1
    row = session.execute(text("SELECT why FROM deployment_post")).scalar()
    assert "expected" in str(row)
    (entry,) = audit.entries(session, action="deployment.planned")
    assert (entry.subject, entry.bulletin_id) == (f"{kept.deployment_id}/1", issued)
    assert deployments.deployments(session, "XXA-2018-PRES-1")[0].deployment_id in entry.subject
    assert deployments.deployments(session, "other") == []


def test_an_edit_is_a_new_version_with_its_reason(session: Session, issued: str) -> None:
    kept = planned(session, issued)
    change = [{"unit_id": "XX0202", "mediators": 2}, {"unit_id": "XX0101", "mediators": 0}]
    edited = plans.edit(session, kept.deployment_id, 1, change, by(reason="rumours there"))
    assert (edited.version, edited.how, edited.reason) == (2, "edited", "rumours there")
    posts = posts_of(session, edited).set_index("unit_id")["mediators"]
    assert posts["XX0202"] == 2
    assert "XX0101" not in posts
    assert edited.figures["abstained_with_mediators"] == 1
    assert edited.figures["covered"] < kept.figures["covered"]
    assert posts_of(session, kept)["mediators"].sum() == 4
    assert [v.version for v in deployments.versions(session, kept.deployment_id)] == [1, 2]


def test_an_edit_says_which_constraints_it_breaks(session: Session, issued: str) -> None:
    asked = Request(
        mediators=4,
        unreachable={"XX0202": "flood"},
        must_cover=("XX0101",),
        regions_out=(),
        areas={"XX01": {"maximum": 4}},
        risk=Risk(draws=60),
    )
    kept = planned(session, issued, asked)
    change = [
        {"unit_id": "XX0202", "mediators": 9},
        {"unit_id": "XX0101", "mediators": 0},
        {"unit_id": "XX0102", "mediators": 5},
    ]
    edited = plans.edit(session, kept.deployment_id, 1, change, by())
    assert {c["key"] for c in edited.figures["broken"]} == {
        *("mediators", "cap", "team_size", "areas.max:XX01"),
        *("unreachable:XX0202", "must_cover:XX0101"),
    }


def test_an_edit_of_bases_says_what_it_breaks(session: Session, issued: str) -> None:
    near = Base(name="A", unit_id="XX0101", mediators=2, max_km=1, languages=("ful",))
    far = Base(name="B", unit_id="XX0202", mediators=2)
    asked = Request(
        mediators=4,
        team_size=1,
        bases=(near, far),
        languages={"XX0102": ("dog",)},
        risk=Risk(draws=60),
    )
    kept = planned(session, issued, asked)
    with pytest.raises(ContractError, match="one of A, B"):
        plans.edit(session, kept.deployment_id, 1, [{"unit_id": "XX0202", "mediators": 1}], by())
    change = [{"unit_id": "XX0102", "mediators": 3, "base": "A"}]
    edited = plans.edit(session, kept.deployment_id, 1, change, by())
    keys = {c["key"] for c in edited.figures["broken"]}
    assert {"bases.mediators:A", "bases.max_km:A", "languages:XX0102"} <= keys


def test_wrong_edits_are_refused(session: Session, issued: str) -> None:
    kept = planned(session, issued)
    one = kept.deployment_id
    some = [{"unit_id": "XX0101", "mediators": 1}]
    with pytest.raises(ContractError, match="reason"):
        plans.edit(session, one, 1, some, by(reason=" "))
    with pytest.raises(ContractError, match="unit of the bulletin"):
        plans.edit(session, one, 1, [{"unit_id": "nowhere", "mediators": 1}], by())
    with pytest.raises(ConflictError, match="newest version"):
        plans.edit(session, one, 2, some, by())
    now = posts_of(session, kept).iloc[0]
    with pytest.raises(ConflictError, match="as they are"):
        plans.edit(session, one, 1, [dict(now)], by())
    with pytest.raises(ForbiddenError, match="coordinator"):
        plans.edit(session, one, 1, some, by(Role.FIELD))
    with pytest.raises(NotFoundError, match="vigie deploy list"):
        deployments.version(session, "nothing")
    with pytest.raises(NotFoundError, match="1 to 1"):
        deployments.version(session, one, 7)


def test_approved_posts_are_those_approved_last(session: Session, issued: str) -> None:
    election = "XXA-2018-PRES-1"
    assert require(plans.approved_posts(session, election), "posts").empty
    kept = planned(session, issued)
    with pytest.raises(ForbiddenError, match="approve"):
        deployments.approve(session, kept.deployment_id, 1, by(Role.PLANNER))
    found = deployments.approve(session, kept.deployment_id, 1, by(Role.COORDINATOR, "seen"))
    assert (found.role, found.reason) == ("coordinator", "seen")
    assert plans.approved_posts(session, election)["mediators"].sum() == 4
    change = [{"unit_id": "XX0202", "mediators": 3}]
    edited = plans.edit(session, kept.deployment_id, 1, change, by())
    # An edit counts once it is approved.
    assert "XX0202" not in set(plans.approved_posts(session, election)["unit_id"])
    with pytest.raises(ConflictError, match="newest"):
        deployments.approve(session, kept.deployment_id, 1, by(Role.COORDINATOR))
    deployments.approve(session, kept.deployment_id, 2, by(Role.COORDINATOR, hours=1))
    with pytest.raises(ConflictError, match="already"):
        deployments.approve(session, kept.deployment_id, 2, by(Role.COORDINATOR))
    posts = plans.approved_posts(session, election).set_index("unit_id")["mediators"]
    assert posts["XX0202"] == 3
    assert deployments.approval(session, edited) is not None


def test_a_second_round_starts_from_the_first(session: Session, issued: str) -> None:
    first = planned(session, issued)
    second = planned(session, issued, ASKED.model_copy(update={"mediators": 2}), follows=first)
    assert second.follows_version == 1
    kept = deployments.deployment(session, second.deployment_id)
    assert kept.follows == first.deployment_id
    edited = plans.edit(
        session, second.deployment_id, 1, [{"unit_id": "XX0202", "mediators": 1}], by()
    )
    assert edited.follows_version == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE deployment SET election_id = 'x'",
        "DELETE FROM deployment_version",
        "UPDATE deployment_version SET figures = '{}'",
        "UPDATE deployment_post SET mediators = 99",
        "DELETE FROM deployment_post",
        "UPDATE deployment_approval SET role = 'king'",
        "DELETE FROM deployment_approval",
        "INSERT INTO deployment_post SELECT deployment_id, version, 'late', base, mediators, why"
        " FROM deployment_post LIMIT 1",
        "INSERT INTO deployment_version SELECT deployment_id, 9, how, reason, role, actor,"
        " mediators, posts, follows_version, request, figures, created_at FROM deployment_version",
    ],
)
def test_the_database_itself_only_adds_to_deployments(
    engine: Engine, issued: str, statement: str
) -> None:
    with database.sessions(engine).begin() as session:
        kept = planned(session, issued)
        deployments.approve(session, kept.deployment_id, 1, by(Role.ADMIN))
    with engine.connect() as connection, pytest.raises(IntegrityError, match="only added to"):
        connection.execute(text(statement))


def test_sqlite_replaces_nothing(engine: Engine, issued: str) -> None:
    with database.sessions(engine).begin() as session:
        planned(session, issued)
    if engine.dialect.name != "sqlite":
        return
    for table in ("deployment", "deployment_version", "deployment_post"):
        with engine.connect() as connection, pytest.raises(IntegrityError, match="only added to"):
            connection.execute(text(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"))


def facts(country: Any, registry_id: str) -> Facts:
    day = pd.Timestamp("2018-07-20")
    events = pd.DataFrame(
        {
            "campaign_event_id": ["in", "late", "after"],
            "unit_id": "XX0101",
            "kind": "caravan",
            "party": ["Parti A", "B", "C"],
            "event_date": [day, day, pd.Timestamp("2018-09-01")],
            "known_on": [pd.Timestamp("2018-06-01"), day, pd.Timestamp("2018-06-01")],
        }
    )
    people = pd.DataFrame(
        {
            "area_id": ["XX01", "XX0101", "XX02"],
            "variable": "population",
            "value": [100.0, 80.0, 10.0],
            "known_on": [pd.Timestamp("2018-01-01")] * 2 + [pd.Timestamp("2020-01-01")],
        }
    )
    centers = pd.DataFrame(
        {
            "place_id": ["in", "new"],
            "unit_id": "XX0101",
            "kind": "voting_center",
            "name": ["École", "Nouvelle école"],
            "known_on": [pd.Timestamp("2018-06-01"), day],
        }
    )
    return Facts("d", registry_id, country.units, events, centers, people)


def test_facts_are_read_as_they_were_known(session: Session, issued: str, country: Any) -> None:
    bulletin = reading.bulletin(session, issued)
    for _ in range(2):  # the second time adds nothing
        write_planning_facts(session, facts(country, bulletin.registry_id))
    found = watch_places(session, bulletin, ["XX0101"])
    assert found[["kind", "name", "event_date"]].values.tolist() == [
        ["caravan", "Parti A", date(2018, 7, 20)],
        ["voting_center", "École", None],
    ]
    assert watch_places(session, bulletin, ["XX0102"]).empty
    units = plans.situation(session, bulletin).units.set_index("unit_id")
    assert units["population"].fillna(-1).tolist() == [80.0, 50.0, -1.0, -1.0]
    shared = populations(country.units, facts(country, "r").demographics)
    assert len(shared) == 4
    for mediators in (5, 6):
        source = {"en": "told", "fr": "dit"}
        write_past_deployment(session, bulletin.election_id, mediators, ["XX"], source)
    assert plans.situation(session, bulletin).past_regions == ("XX",)
    write_past_deployment(session, "unknown", 5, ["XX"], {})
