"""The units that reports may speak of: those of the newest registry of each country."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from response.places import Places
from response.short_codes import Unit as Placed
from store.schema import Registry, Unit

_MOST_KEPT = 4
_kept: OrderedDict[tuple[str, ...], Places] = OrderedDict()
_lock = threading.Lock()


def newest_registries(session: Session) -> list[Registry]:
    """The registry written last of each country, by country."""
    rows = session.scalars(
        select(Registry).order_by(Registry.iso3, Registry.created_at, Registry.registry_id)
    )
    return list({row.iso3: row for row in rows}.values())


def places(session: Session) -> Places:
    """Units by id, short code and name; kept in memory until a registry is added."""
    ids = tuple(registry.registry_id for registry in newest_registries(session))
    with _lock:
        found = _kept.get(ids)
    if found is None:
        found = Places([units_of(session, registry_id) for registry_id in ids])
        with _lock:
            _kept[ids] = found
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
    return found


def units_of(session: Session, registry_id: str, areas: Sequence[str] = ()) -> list[Placed]:
    """Units of a registry that lie in one of `areas`, by id; no areas means all."""
    query = select(
        Unit.unit_id,
        Unit.name,
        Unit.parent_id,
        Unit.parent_name,
        Unit.region_id,
        Unit.region_name,
    ).where(Unit.registry_id == registry_id)
    if areas:
        query = query.where(within(areas))
    return [Placed(*row) for row in session.execute(query.order_by(Unit.unit_id))]


def within(areas: Sequence[str]) -> ColumnElement[bool]:
    """That a `Unit` lies in one of these regions, parent areas or units."""
    columns = (Unit.region_id, Unit.parent_id, Unit.unit_id)
    return or_(*(column.in_(areas) for column in columns))


def is_within(unit: Placed, areas: Sequence[str]) -> bool:
    """Whether a unit lies in one of these areas; no areas means everywhere."""
    return not areas or not {unit.unit_id, unit.parent_id, unit.region_id}.isdisjoint(areas)
