"""Matching: which unit a row of a source speaks of.

In this order: P-code; name within the parent area; declared alias; point in polygon. Names
are compared without accents, case and punctuation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd
import shapely
from rich.table import Table
from shapely.ops import nearest_points

from features.errors import ConfigError
from features.names import fold
from features.vocabulary import PlacedBy
from pipelines.pack import Places
from pipelines.sources.rows import BadRowError
from pipelines.sources.vector import distance_km

VERSION = 1
"""Changes when the same place would find another unit."""

_KM_PER_DEGREE = 111.2
_FARTHEST_LATITUDE = 80.0


@dataclass(frozen=True)
class Place:
    """What a row says about where it happened; any part may be missing."""

    unit_id: str | None = None
    name: str | None = None
    parent_name: str | None = None
    region_name: str | None = None
    lon: float | None = None
    lat: float | None = None

    def says(self) -> str:
        """The names, for people: "region / parent / name"."""
        return " / ".join(p or "?" for p in (self.region_name, self.parent_name, self.name))


@dataclass
class MatchReport:
    """How the rows of one source were placed.

    Attributes:
        source: the source's name in the country pack.
        placed: way of placing -> rows.
        unplaced: "region / parent / name" that found no unit -> rows.
    """

    source: str
    placed: dict[str, int] = field(default_factory=dict)
    unplaced: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Rows that had to be placed."""
        return sum(self.placed.values()) + sum(self.unplaced.values())

    @property
    def placed_share(self) -> float:
        """Share of rows that got a unit, 0-1; 1 where there was no row."""
        return sum(self.placed.values()) / self.rows if self.rows else 1.0

    def add(self, way: PlacedBy) -> None:
        """Count a row that was placed."""
        self.placed[way] = self.placed.get(way, 0) + 1

    def add_unplaced(self, place: Place) -> None:
        """Count a row that was not."""
        self.unplaced[place.says()] = self.unplaced.get(place.says(), 0) + 1


def match_table(reports: Iterable[MatchReport]) -> Table:
    """A table for the terminal: rows and shares per source and way, and what is unplaced."""
    table = Table("source", "placed by", title="Places")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    for report in reports:
        lines = [(str(way), report.placed.get(way, 0)) for way in PlacedBy]
        lines += [("unplaced", sum(report.unplaced.values()))]
        lines += [
            (f"  {says}", rows)
            for says, rows in sorted(report.unplaced.items(), key=lambda i: (-i[1], i[0]))[:20]
        ]
        for at, (way, rows) in enumerate(lines):
            share = f"{rows / report.rows:.1%}" if report.rows else "-"
            table.add_row(report.source if at == 0 else "", way, str(rows), share)
        table.add_section()
    return table


class Gazetteer:
    """Finds units by P-code, name, alias and point.

    Args:
        units: the registry, under the `units` contract.
        polygons: its outlines, under the `polygons` contract; may be empty.
        places: aliases, suffixes and tolerance of the country pack.

    Raises:
        ConfigError: an alias points to a unit or area that the registry does not have.
    """

    def __init__(self, units: pd.DataFrame, polygons: pd.DataFrame, places: Places) -> None:
        self._places = places
        self._suffixes = tuple(fold(s) for s in places.strip_suffixes)
        self._units = frozenset(units["unit_id"])
        self._areas: dict[str, set[str]] = {}
        self._area_names: dict[tuple[str, str], set[str]] = {}
        self._names: dict[str, set[str]] = {}
        for unit in units.sort_values("unit_id").to_dict("records"):
            unit_id = str(unit["unit_id"])
            self._names.setdefault(fold(str(unit["name"])), set()).add(unit_id)
            for level in ("parent", "region"):
                self._areas.setdefault(str(unit[f"{level}_id"]), set()).add(unit_id)
                name = fold(str(unit[f"{level}_name"]))
                self._area_names.setdefault((level, name), set()).add(unit_id)
        self._area_aliases = {
            fold(name): self._area_units(name, ids) for name, ids in places.area_aliases.items()
        }
        self._aliases = {
            tuple(fold(part) for part in name.split("/")): self._alias(name, unit_id)
            for name, unit_id in places.aliases.items()
        }
        drawn = polygons.sort_values("unit_id")
        self._drawn: list[str] = drawn["unit_id"].tolist()
        self._shapes = shapely.from_wkb(drawn["geometry_wkb"].to_numpy())
        self._tree = shapely.STRtree(self._shapes)

    def find(self, place: Place) -> tuple[str, PlacedBy]:
        """The unit of a place, and how it was found.

        Raises:
            BadRowError: no unit, with the reason.
        """
        if place.unit_id is not None and place.unit_id in self._units:
            return place.unit_id, PlacedBy.PCODE
        area = self._area(place)
        # A name is not looked for in the whole country when the row names an area that the
        # registry does not have: names repeat.
        lost = area is None and bool(place.parent_name or place.region_name)
        named = self._named(place.name, area) if place.name and not lost else set()
        if len(named) == 1:
            return next(iter(named)), PlacedBy.NAME
        aliased = self._aliased(place)
        if aliased is not None:
            return aliased, PlacedBy.ALIAS
        if place.lon is not None and place.lat is not None:
            found = self._at(place.lon, place.lat, named or area)
            if found is not None:
                return found, PlacedBy.POLYGON
        raise BadRowError(
            "unplaced",
            column="place",
            expected="a P-code, a unit's name within its parent area, a declared alias, or a "
            f"point in the area named or within {self._places.tolerance_km:g} km of it",
            got=self._got(place, area, named),
        )

    def holds(self, lon: float, lat: float) -> bool:
        """Whether the point lies in a unit."""
        return len(self._tree.query(shapely.Point(lon, lat), predicate="intersects")) > 0

    def _got(self, place: Place, area: set[str] | None, named: set[str]) -> str:
        got = place.says()
        if place.unit_id is not None:
            got += f", unknown P-code {place.unit_id}"
        if place.parent_name and area is None:
            got += ", unknown area"
        if len(named) > 1:
            got += f", a name of {len(named)} units"
        if place.lon is None or place.lat is None:
            return got + ", no point"
        return got + f", point {place.lon:g} {place.lat:g}"

    def _area(self, place: Place) -> set[str] | None:
        """Units of the parent area named, else of the region named; None where neither is known."""
        region = self._named_area("region", place.region_name)
        parent = self._named_area("parent", place.parent_name)
        if parent is None:
            return region
        # Names of parent areas may repeat across regions; an area that was moved to a new
        # region since is still itself.
        return (parent & region) or parent if region else parent

    def _named_area(self, level: str, name: str | None) -> set[str] | None:
        if name is None:
            return None
        for folded in self._spellings(name):
            found = self._area_aliases.get(folded) or self._area_names.get((level, folded))
            if found:
                return found
        return None

    def _named(self, name: str, area: set[str] | None) -> set[str]:
        for folded in self._spellings(name):
            found = self._names.get(folded, set())
            if area is not None:
                found = found & area
            if found:
                return found
        return set()

    def _aliased(self, place: Place) -> str | None:
        parents = self._spellings(place.parent_name or "")
        for folded in self._spellings(place.name or ""):
            for key in (*((parent, folded) for parent in parents), (folded,)):
                if key in self._aliases:
                    return self._aliases[key]
        return None

    def _spellings(self, name: str) -> list[str]:
        """The folded name, and the same without each declared suffix that it ends in."""
        folded = fold(name)
        stripped = [
            folded.removesuffix(f" {suffix}")
            for suffix in self._suffixes
            if folded.endswith(f" {suffix}")
        ]
        return [folded, *stripped]

    def _at(self, lon: float, lat: float, area: set[str] | None) -> str | None:
        """The unit of `area` (any, if None) that holds the point or is near enough."""
        point = shapely.Point(lon, lat)
        inside = sorted(int(i) for i in self._tree.query(point, predicate="intersects"))
        for at in inside:
            if area is None or self._drawn[at] in area:
                return self._drawn[at]
        reach_lat = self._places.tolerance_km / _KM_PER_DEGREE
        reach_lon = reach_lat / math.cos(math.radians(min(abs(lat), _FARTHEST_LATITUDE)))
        around = shapely.box(lon - reach_lon, lat - reach_lat, lon + reach_lon, lat + reach_lat)
        near = [
            (self._distance_km(point, int(at)), self._drawn[at])
            for at in self._tree.query(around)
            if area is None or self._drawn[at] in area
        ]
        near = [n for n in near if n[0] <= self._places.tolerance_km]
        return min(near)[1] if near else None

    def _distance_km(self, point: shapely.Point, at: int) -> float:
        nearest = nearest_points(self._shapes[at], point)[0]
        return distance_km(point.x, point.y, nearest.x, nearest.y)

    def _area_units(self, name: str, ids: Iterable[str]) -> set[str]:
        unknown = sorted(set(ids) - set(self._areas))
        if unknown:
            raise ConfigError(
                f"key 'places.area_aliases.{name}': expected ids of parent areas or regions of "
                f"the registry, got {', '.join(unknown)}"
            )
        return set().union(*(self._areas[i] for i in ids))

    def _alias(self, name: str, unit_id: str) -> str:
        if unit_id not in self._units:
            raise ConfigError(
                f"key 'places.aliases.{name}': expected a unit_id of the registry, got {unit_id}"
            )
        return unit_id


def check_areas(areas: Mapping[str, object], units: pd.DataFrame) -> None:
    """Refuse coarse areas that the registry does not have.

    Raises:
        ConfigError: naming the first.
    """
    known = set(units["parent_id"]) | set(units["region_id"])
    for area_id in areas:
        if area_id not in known:
            raise ConfigError(
                f"key 'places.coarse_areas.{area_id}': expected the id of a parent area or "
                f"region of the registry, got {area_id}"
            )
