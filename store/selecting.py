"""Choosing among a bulletin's scores: by area, band, place and page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, or_, select
from sqlalchemy.orm import Session

from store.schema import Bulletin, Score, Unit


@dataclass(frozen=True)
class Selection:
    """Which units of a bulletin are wanted; everything that is given must hold.

    Attributes:
        areas: ids of regions, parent areas or units that the reader may see; empty for all.
        bbox: west, south, east, north in degrees: units whose centre lies within.
    """

    region: str | None = None
    parent: str | None = None
    band: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    areas: tuple[str, ...] = ()

    def conditions(self, band: Any = Score.band) -> list[ColumnElement[bool]]:
        """The same as conditions on `Unit` and on the column that has the `band`."""
        found: list[ColumnElement[bool]] = []
        wanted = {Unit.region_id: self.region, Unit.parent_id: self.parent, band: self.band}
        found += [column == value for column, value in wanted.items() if value is not None]
        if self.bbox is not None:
            west, south, east, north = self.bbox
            found += [Unit.lon.between(west, east), Unit.lat.between(south, north)]
        if self.areas:
            places = (Unit.region_id, Unit.parent_id, Unit.unit_id)
            found.append(or_(*(place.in_(self.areas) for place in places)))
        return found


_UNIT_COLUMNS = [c for c in Unit.__table__.columns if c.name != "geometry"]
_SCORE_COLUMNS = [c for c in Score.__table__.columns if c.name not in ("bulletin_id", "unit_id")]


def score_rows(
    session: Session,
    bulletin: Bulletin,
    selection: Selection,
    *,
    after: int = 0,
    limit: int,
    outlines: bool = False,
) -> Sequence[RowMapping]:
    """Scores beside their units as plain rows, by rank, abstained units last.

    Args:
        session: an open session.
        bulletin: whose scores.
        selection: which units.
        after: the `position` of the last row of the page before.
        limit: most to return.
        outlines: whether `geometry` comes along.

    Returns:
        Rows with the columns of `Unit` and `Score`, without `bulletin_id`.
    """
    columns = [*_UNIT_COLUMNS, *_SCORE_COLUMNS, *([Unit.geometry] if outlines else [])]
    query = (
        _of(bulletin, select(*columns))
        .where(Score.position > after, *selection.conditions())
        .order_by(Score.position)
        .limit(limit)
    )
    return session.execute(query).mappings().all()


def count_scores(session: Session, bulletin: Bulletin, selection: Selection) -> int:
    """How many units of a bulletin a selection holds."""
    conditions = selection.conditions()
    if not conditions:
        return bulletin.units
    query = _of(bulletin, select(func.count()).select_from(Unit)).where(*conditions)
    return session.scalar(query) or 0


@dataclass(frozen=True)
class RegionBand:
    """How many units of a region are in one band."""

    region_id: str
    region_name: str
    band: str
    units: int


def region_bands(session: Session, bulletin: Bulletin) -> list[RegionBand]:
    """Units per region and band, by region."""
    columns = (Unit.region_id, func.min(Unit.region_name), Score.band, func.count())
    query = _of(bulletin, select(*columns)).group_by(Unit.region_id, Score.band)
    rows = session.execute(query.order_by(Unit.region_id, Score.band))
    return [RegionBand(*row) for row in rows]


def _of(bulletin: Bulletin, query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return (
        query.join(Score, Score.unit_id == Unit.unit_id)
        .where(Unit.registry_id == bulletin.registry_id)
        .where(Score.bulletin_id == bulletin.bulletin_id)
    )


def in_areas(unit: Unit, areas: Collection[str]) -> bool:
    """Whether a reader of `areas` may see a unit; no areas means all."""
    return not areas or not {unit.region_id, unit.parent_id, unit.unit_id}.isdisjoint(areas)
