from __future__ import annotations

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from features.errors import ConfigError
from features.names import fold
from features.vocabulary import PlacedBy
from pipelines.pack import Places
from pipelines.places import Gazetteer, MatchReport, Place, check_areas, match_table
from pipelines.sources.rows import BadRowError


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("Gourma-Rharous", "gourma rharous"),
        ("Ténenkou", "tenenkou"),
        ("  N'GORKOU ", "n gorkou"),
        ("Côte d’Ivoire", "cote d ivoire"),
        ("Cœur", "coeur"),
        ("", ""),
    ],
)
def test_fold(name: str, folded: str) -> None:
    assert fold(name) == folded


@given(st.text())
def test_folding_twice_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize(
    ("place", "unit_id", "way"),
    [
        (Place(unit_id="ML990102", name="Keba", parent_name="Sud"), "ML990102", PlacedBy.PCODE),
        (Place(unit_id="XX", name="Dogo", parent_name="Nord"), "ML990102", PlacedBy.NAME),
        (Place(name="KEBA", parent_name="nord"), "ML990101", PlacedBy.NAME),
        (Place(name="Keba", parent_name="Sud"), "ML990201", PlacedBy.NAME),
        (Place(name="Keba Commune", parent_name="Sud cercle"), "ML990201", PlacedBy.NAME),
        (Place(name="Tin Zena", region_name="Haute-Region"), "ML990202", PlacedBy.NAME),
        (Place(name="Tin Zena"), "ML990202", PlacedBy.NAME),
        # An area that was divided: its name stands for several of today's.
        (Place(name="Commune I", parent_name="Former"), "ML980101", PlacedBy.NAME),
        (Place(name="Dogo", parent_name="Former"), "ML990102", PlacedBy.NAME),
        # An area that was moved to another region is still itself.
        (Place(name="Keba", parent_name="Sud", region_name="Ville"), "ML990201", PlacedBy.NAME),
        (Place(name="Doggo", parent_name="Nord"), "ML990102", PlacedBy.ALIAS),
        (Place(name="Old Town", parent_name="Lost", lon=1.5, lat=11.5), "ML980101", PlacedBy.ALIAS),
        (Place(lon=1.5, lat=11.5), "ML990202", PlacedBy.POLYGON),
        (Place(name="Nowhere", parent_name="Sud", lon=0.5, lat=11.5), "ML990201", PlacedBy.POLYGON),
        # A name of two units: the point decides, among these two only.
        (Place(name="Keba", region_name="Haute-Region", lon=0.5, lat=11.2), "ML990201", "polygon"),
        # In the neighbour, but 5 km from the area named.
        (Place(parent_name="Sud", lon=0.5, lat=10.96), "ML990201", PlacedBy.POLYGON),
        # In no unit, but 5 km from one.
        (Place(lon=5.045, lat=10.5), "ML980101", PlacedBy.POLYGON),
    ],
)
def test_find(gazetteer: Gazetteer, place: Place, unit_id: str, way: PlacedBy) -> None:
    assert gazetteer.find(place) == (unit_id, way)


@pytest.mark.parametrize(
    ("place", "says"),
    [
        (Place(), "no point"),
        (Place(unit_id="ML000000"), "unknown P-code ML000000"),
        (Place(name="Keba"), "a name of 2 units"),
        (Place(name="Keba", parent_name="Lost"), "unknown area"),
        (Place(name="Nowhere", parent_name="Nord"), "Nowhere"),
        (Place(lon=5.2, lat=10.5), "point 5.2 10.5"),
        # The point contradicts the area named, by more than the tolerance.
        (Place(parent_name="Ville", lon=0.5, lat=10.5), "point 0.5 10.5"),
    ],
)
def test_no_unit(gazetteer: Gazetteer, place: Place, says: str) -> None:
    with pytest.raises(BadRowError, match=says) as bad:
        gazetteer.find(place)
    assert bad.value.rule == "unplaced"


def test_without_tolerance_a_point_must_lie_inside(
    units: pd.DataFrame, outlines: pd.DataFrame
) -> None:
    strict = Gazetteer(units, outlines, Places(tolerance_km=0))
    assert strict.find(Place(lon=4.99, lat=10.5))[0] == "ML980101"
    with pytest.raises(BadRowError):
        strict.find(Place(lon=5.001, lat=10.5))


def test_the_nearest_unit_wins_and_a_shared_border_is_decided_the_same_way(
    gazetteer: Gazetteer,
) -> None:
    assert gazetteer.find(Place(lon=0.5, lat=9.95))[0] == "ML990101"
    assert gazetteer.find(Place(lon=1.0, lat=11.0))[0] == "ML990101"


@pytest.mark.parametrize(
    ("places", "key"),
    [
        (Places(aliases={"A": "ML000000"}), "places.aliases.A"),
        (Places(area_aliases={"B": ("ML9901", "ML77")}), "places.area_aliases.B"),
    ],
)
def test_an_alias_to_nowhere_is_refused(
    units: pd.DataFrame, outlines: pd.DataFrame, places: Places, key: str
) -> None:
    with pytest.raises(ConfigError, match=key):
        Gazetteer(units, outlines, places)


def test_coarse_areas_must_exist(units: pd.DataFrame) -> None:
    check_areas({"ML98": "one point"}, units)
    with pytest.raises(ConfigError, match="ML77"):
        check_areas({"ML77": "one point"}, units)


def test_match_report() -> None:
    report = MatchReport("acled")
    assert report.placed_share == 1.0
    for way in (PlacedBy.NAME, PlacedBy.NAME, PlacedBy.POLYGON):
        report.add(way)
    report.add_unplaced(Place(name="Nowhere", parent_name="Nord"))
    assert report.placed == {"name": 2, "polygon": 1}
    assert report.unplaced == {"? / Nord / Nowhere": 1}
    assert (report.rows, report.placed_share) == (4, 0.75)
    out = io.StringIO()
    Console(file=out, width=100).print(match_table([report]))
    assert "50.0%" in out.getvalue()
    assert "? / Nord / Nowhere" in out.getvalue()
