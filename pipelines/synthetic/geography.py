"""The land of the synthetic country: communes, cercles, regions, people.

It lies in the open ocean, so that nobody can take its map for a real place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from pipelines.synthetic.names import unit_names

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

_CENTRE_LON_LAT = (-31.0, 8.0)
_KM_PER_DEGREE = 111.32
_KM2_PER_UNIT = 480.0
"""Communes about 22 km apart, between those of Mopti (denser) and of Gao (far sparser)."""
_UNITS_PER_PARENT = 7.5
_PARENTS_PER_REGION = 5
_DECIMALS = 5


@dataclass(frozen=True)
class Geography:
    """Units, in the order of their P-codes.

    Attributes:
        unit_ids: P-codes, shape (units,).
        names: unit names.
        parent_names: name of each unit's cercle.
        region_names: name of each unit's region.
        region: region of each unit, numbered from 0.
        polygons: outlines in degrees (WGS 84), shape (units,), object.
        distance_km: between seats, shape (units, units).
        adjacent: whether two outlines share a border, shape (units, units).
        population: people per unit.
        share_urban: share of them in towns, 0 to 1.
    """

    unit_ids: list[str]
    names: list[str]
    parent_names: list[str]
    region_names: list[str]
    region: Indices
    polygons: NDArray[np.object_]
    distance_km: Floats
    adjacent: NDArray[np.bool_]
    population: NDArray[np.int64]
    share_urban: Floats

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.unit_ids)


def make_geography(rng: np.random.Generator, units: int) -> Geography:
    """Draw the outline, cut it into Voronoi cells and group these into cercles and regions."""
    outline = _outline(rng, units)
    seats, cells = _cells(rng, outline, units)
    adjacent = _adjacency(cells)
    distance = np.hypot(*(seats[:, None, :] - seats[None, :, :]).transpose(2, 0, 1))
    parent, region_of_parent = _group(rng, np.where(adjacent, distance, 0.0))
    order = np.lexsort((np.arange(units), parent))
    parent, cells = parent[order], cells[order]
    distance, adjacent = distance[np.ix_(order, order)], adjacent[np.ix_(order, order)]
    names, parent_names, region_names = unit_names(rng, parent, region_of_parent)
    region = region_of_parent[parent]
    population, share_urban = _people(rng, parent)
    return Geography(
        unit_ids=_codes(parent, region_of_parent),
        names=names,
        parent_names=[parent_names[p] for p in parent],
        region_names=[region_names[r] for r in region],
        region=region,
        polygons=_to_degrees(cells),
        distance_km=distance,
        adjacent=adjacent,
        population=population,
        share_urban=share_urban,
    )


def _outline(rng: np.random.Generator, units: int) -> shapely.Polygon:
    """A blob in kilometres: a circle of the wanted area with a few waves in its radius."""
    angle = np.linspace(0.0, 2.0 * np.pi, 240, endpoint=False)
    radius = np.ones_like(angle)
    for waves in range(2, 9):
        phase = rng.uniform(0.0, 2.0 * np.pi)
        radius += rng.normal(0.0, 0.16 / np.sqrt(waves)) * np.cos(waves * angle + phase)
    radius = np.clip(radius, 0.55, 1.6) * np.sqrt(_KM2_PER_UNIT * units / np.pi)
    return shapely.Polygon(np.column_stack([1.25 * radius * np.cos(angle), radius * np.sin(angle)]))


def _cells(
    rng: np.random.Generator, outline: shapely.Polygon, units: int
) -> tuple[Floats, NDArray[np.object_]]:
    """Seats in km, shape (units, 2), and the Voronoi cell of each, clipped to the outline."""
    west, south, east, north = outline.bounds
    seats = np.empty((0, 2))
    while len(seats) < units:
        drawn = rng.uniform((west, south), (east, north), (4 * units, 2))
        seats = np.vstack([seats, drawn[shapely.contains_xy(outline, drawn)]])
    seats = seats[:units]
    cells = _voronoi(seats, outline)
    # One step of Lloyd's relaxation: slivers go, but cells stay irregular.
    seats = shapely.get_coordinates(shapely.centroid(cells))
    return seats, _voronoi(seats, outline)


def _voronoi(seats: Floats, outline: shapely.Polygon) -> NDArray[np.object_]:
    cells = np.asarray(
        shapely.voronoi_polygons(shapely.MultiPoint(seats), extend_to=outline, ordered=True).geoms
    )
    return np.asarray(shapely.intersection(cells, outline), dtype=object)


def _adjacency(cells: NDArray[np.object_]) -> NDArray[np.bool_]:
    tree = shapely.STRtree(cells)
    left, right = tree.query(cells, predicate="dwithin", distance=1e-6)
    adjacent = np.zeros((len(cells), len(cells)), dtype=bool)
    adjacent[left, right] = left != right
    return adjacent


def _group(rng: np.random.Generator, length_km: Floats) -> tuple[Indices, Indices]:
    """Group units into contiguous cercles, and cercles into contiguous regions.

    Each unit goes with the seed nearest along the graph of neighbours, so that every group
    is connected.

    Args:
        rng: source of randomness.
        length_km: length of the edge between neighbours, 0 elsewhere, shape (units, units).

    Returns:
        Parent area of each unit, and region of each parent area; parent areas are numbered
        region by region.
    """
    units = len(length_km)
    parents = max(2, round(units / _UNITS_PER_PARENT))
    parent = _nearest_seed(rng, length_km, parents)
    linked = np.zeros((parents, parents))
    left, right = np.nonzero(length_km)
    linked[parent[left], parent[right]] = 1.0
    np.fill_diagonal(linked, 0.0)
    region = _nearest_seed(rng, linked, max(2, round(parents / _PARENTS_PER_REGION)))
    order = np.argsort(region, kind="stable")
    return np.argsort(order)[parent], region[order]


def _nearest_seed(rng: np.random.Generator, length: Floats, groups: int) -> Indices:
    graph = csr_array(length)
    seeds = [int(rng.integers(len(length)))]
    while len(seeds) < groups:
        gap = dijkstra(graph, directed=False, indices=seeds, min_only=True)
        seeds.append(int(np.argmax(gap)))
    _, _, source = dijkstra(
        graph, directed=False, indices=seeds, min_only=True, return_predecessors=True
    )
    return np.asarray(np.searchsorted(np.sort(seeds), source), dtype=np.intp)


def _codes(parent: Indices, region_of_parent: Indices) -> list[str]:
    """P-codes such as `XV010203`: region, cercle in the region, commune in the cercle."""
    first_of_region = {int(r): int(np.argmax(region_of_parent == r)) for r in region_of_parent}
    codes, position = [], 0
    for unit, p in enumerate(parent):
        position = position + 1 if unit and parent[unit - 1] == p else 1
        r = int(region_of_parent[p])
        codes.append(f"XV{r + 1:02d}{int(p) - first_of_region[r] + 1:02d}{position:02d}")
    return codes


def _people(rng: np.random.Generator, parent: Indices) -> tuple[NDArray[np.int64], Floats]:
    """Population (log-normal, seats larger) and share urban of each unit."""
    seat = np.concatenate([[True], parent[1:] != parent[:-1]])
    log_people = rng.normal(9.5, 0.6, len(parent)) + np.where(seat, 1.2, 0.0)
    population = np.round(np.exp(log_people), -1).astype(np.int64)
    urban = 1.0 / (1.0 + np.exp(-(log_people - 11.0) + rng.normal(0.0, 0.4, len(parent))))
    return population, np.round(urban, 3)


def _to_degrees(cells: NDArray[np.object_]) -> NDArray[np.object_]:
    """From km around the centre to degrees; rounding vertices alike keeps shared borders."""
    lon, lat = _CENTRE_LON_LAT
    scale = np.array([_KM_PER_DEGREE * np.cos(np.radians(lat)), _KM_PER_DEGREE])

    def project(km: Floats) -> Floats:
        return np.asarray(np.round(km / scale + np.array([lon, lat]), _DECIMALS))

    return np.asarray(shapely.transform(cells, project), dtype=object)
