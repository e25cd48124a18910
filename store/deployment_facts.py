"""What a deployment is planned and printed with, kept beside a bulletin's data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from features.contracts import DAY
from features.demographics import POPULATION
from store.canonical import records
from store.deployment_schema import PastDeployment, UnitPopulation, WatchPlace
from store.schema import Bulletin, Election


@dataclass(frozen=True)
class Facts:
    """What one ingest knew of places and people.

    Attributes:
        data_digest: of the snapshots, as in the bulletins made from them.
        registry_id: the registry whose units are meant.
        units: the registry.
        campaign_events: keeps the contract of that name.
        watch_places: likewise.
        demographics: likewise.
    """

    data_digest: str
    registry_id: str
    units: pd.DataFrame
    campaign_events: pd.DataFrame
    watch_places: pd.DataFrame
    demographics: pd.DataFrame


def write_planning_facts(session: Session, facts: Facts) -> None:
    """Keep campaign events, lasting places and populations; a digest already kept adds nothing."""
    same = {"data_digest": facts.data_digest, "registry_id": facts.registry_id}
    ids = set(facts.units["unit_id"])
    events = facts.campaign_events.loc[facts.campaign_events["unit_id"].isin(ids)]
    places = events.rename(columns={"campaign_event_id": "place_id", "party": "name"})
    columns = ["place_id", "unit_id", "kind", "name", "event_date", "known_on"]
    lasting = facts.watch_places.loc[facts.watch_places["unit_id"].isin(ids)]
    lasting = lasting.assign(place_id="place:" + lasting["place_id"])
    lasting = lasting.assign(event_date=pd.Series(pd.NaT, lasting.index, dtype=DAY))
    rows = [*records(places, columns), *records(lasting, columns)]
    _once(session, WatchPlace, same, rows)
    people = populations(facts.units, facts.demographics)
    _once(session, UnitPopulation, same, records(people, ["unit_id", "known_on", "population"]))


def _once(
    session: Session,
    table: type[WatchPlace] | type[UnitPopulation],
    same: Mapping[str, str],
    rows: list[dict[str, Any]],
) -> None:
    kept = session.scalar(
        select(table.unit_id)
        .where(table.data_digest == same["data_digest"])
        .where(table.registry_id == same["registry_id"])
        .limit(1)
    )
    if kept is None and rows:
        session.execute(insert(table), [{**row, **same} for row in rows])


def populations(units: pd.DataFrame, demographics: pd.DataFrame) -> pd.DataFrame:
    """People per unit and vintage; what is known of a parent area is shared evenly by its units.

    Args:
        units: `unit_id`, `parent_id`.
        demographics: keeps the contract of that name.

    Returns:
        `unit_id`, `known_on`, `population`. A unit's own figure counts before its share.
    """
    known = demographics.loc[demographics["variable"] == POPULATION]
    own = known.rename(columns={"area_id": "unit_id"}).merge(units[["unit_id"]], on="unit_id")
    sizes = units.groupby("parent_id")["unit_id"].transform("size")
    shared = (
        units[["unit_id", "parent_id"]]
        .assign(size=sizes)
        .merge(known.rename(columns={"area_id": "parent_id"}), on="parent_id")
    )
    shared["value"] = shared["value"] / shared["size"]
    columns = ["unit_id", "known_on", "value"]
    both = pd.concat([own[columns], shared[columns]], ignore_index=True)
    both = both.drop_duplicates(["unit_id", "known_on"])
    return both.rename(columns={"value": "population"})


def write_past_deployment(
    session: Session,
    election_id: str,
    mediators: int,
    regions: Sequence[str],
    source: Mapping[str, str],
) -> None:
    """Keep what a pack tells of past mediators; the newest telling counts.

    Rounds that the store does not know are passed over: nothing can be planned for them.
    """
    if session.get(Election, election_id) is None:
        return
    session.merge(
        PastDeployment(
            election_id=election_id,
            mediators=mediators,
            regions=list(regions),
            source=dict(source),
        )
    )
    session.flush()


def watch_places(session: Session, bulletin: Bulletin, unit_ids: Collection[str]) -> pd.DataFrame:
    """Places to watch in some units: those known on the bulletin's day, dated within its window.

    Returns:
        `unit_id`, `kind`, `name`, `event_date`, by unit and day; lasting places have no day and
        come last.
    """
    columns = ["unit_id", "kind", "name", "event_date"]
    rows = session.execute(
        select(*(getattr(WatchPlace, c) for c in columns))
        .where(WatchPlace.data_digest == bulletin.data_digest)
        .where(WatchPlace.registry_id == bulletin.registry_id)
        .where(WatchPlace.known_on <= bulletin.as_of)
        .where(
            WatchPlace.event_date.is_(None)
            | WatchPlace.event_date.between(bulletin.window_start, bulletin.window_end)
        )
        # Databases disagree on where missing days go.
        .order_by(
            WatchPlace.unit_id,
            WatchPlace.event_date.is_(None),
            WatchPlace.event_date,
            WatchPlace.place_id,
        )
    )
    table = pd.DataFrame(rows.all(), columns=columns)
    return table.loc[table["unit_id"].isin(set(unit_ids))].reset_index(drop=True)
