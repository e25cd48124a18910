from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.errors import SourceError
from pipelines import registry
from pipelines.pack import Places
from pipelines.places import Gazetteer
from pipelines.sources import polygons, ucdp_ged
from pipelines.sources.files import SourceFile
from pipelines.sources.incidents import Incidents
from pipelines.sources.kinds import Polygons, UcdpGed
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]

DECO = (
    "id,type_of_violence,side_a,side_b,country_id,country,source_article,date_start,best,"
    "latitude,longitude,electoral_vio,electoral_type\n"
)
GED = (
    "id,type_of_violence,side_a,side_b,country_id,where_prec,adm_1,adm_2,latitude,longitude,"
    "date_start,best\n"
)


def options(*country_ids: int) -> UcdpGed:
    return UcdpGed(
        kind="ucdp_ged",
        path=Path("x"),
        licence="",
        retrieved=date(2024, 1, 1),
        country_ids=country_ids,
    )


def read(
    file: SourceFile, gazetteer: Gazetteer, *country_ids: int
) -> tuple[Incidents, pd.DataFrame]:
    quarantine = Quarantine(file.label)
    return ucdp_ged.read(file, options(*country_ids), gazetteer, quarantine), quarantine.frame()


def test_deco(write: Write, gazetteer: Gazetteer) -> None:
    rows = (
        '11,2,Supporters of X,Supporters of Y,432,Mali,"R ""killed""\n1997",4/20/1997,2,10.5,0.5,'
        "1,1;3\n"
        "12,3,Government,Civilians,432,Mali,R,12/1/2002,0,11.5,1.5,1,2\n"
        "13,3;1,Government,Civilians,432,Mali,R,1/2/2003,1,10.5,4.5,0;1,2\n"
    )
    made, quarantine = read(write("d.csv", DECO + rows), gazetteer)
    assert quarantine.empty
    assert made.table["event_type"].tolist() == [
        "battle",
        "violence_against_civilians",
        "violence_against_civilians",
    ]
    assert made.table["event_date"].astype(str).tolist() == [
        *("1997-04-20", "2002-12-01", "2003-01-02")
    ]
    assert made.table["electoral"].tolist() == [True, True, False]
    assert made.table["fatalities"].tolist() == [2.0, 0.0, 1.0]
    assert made.table["unit_id"].tolist() == ["ML990101", "ML990202", "ML980101"]
    assert set(made.table["placed_by"]) == {"polygon"}
    assert set(made.table["geo_precision"]) == {3}


def test_ged(write: Write, gazetteer: Gazetteer) -> None:
    rows = (
        "1,1,A,B,432,1,Haute-Region region,Sud cercle,10.97,0.5,2018-07-29 00:00:00.000,5\n"
        "2,1,A,B,432,6,,,10.5,0.5,2018-07-29,5\n"
        "3,9,A,B,432,1,,,10.5,0.5,2018-07-29,5\n"
        "4,1,A,B,432,2,,,10.5,0.5,2018-07-32,5\n"
    )
    made, quarantine = read(write("g.csv", GED + rows), gazetteer, 432)
    # The point lies 3 km outside the area that the row names: the area decides.
    assert made.table[["incident_id", "unit_id", "electoral"]].to_numpy().tolist() == [
        ["1", "ML990201", False]
    ]
    assert quarantine[["row", "rule"]].to_numpy().tolist() == [
        [3, "too_coarse"],
        [4, "unknown_event_type"],
        [5, "impossible_date"],
    ]


def test_outside_by_polygon_or_by_country(write: Write, gazetteer: Gazetteer) -> None:
    rows = (
        "1,1,A,B,432,1,,,10.5,0.5,2018-07-29,5\n"
        "2,1,A,B,432,1,,,50,0.5,2018-07-29,5\n"
        "3,1,A,B,475,1,,,10.5,0.5,2018-07-29,5\n"
        "4,1,A,B,475,1,,,,,never,5\n"
    )
    file = write("g.csv", GED + rows)
    made, quarantine = read(file, gazetteer)
    assert (len(made.table), made.outside, len(quarantine)) == (2, 2, 0)
    made, quarantine = read(file, gazetteer, 432)
    assert (len(made.table), made.outside) == (1, 2)
    assert quarantine["rule"].tolist() == ["unplaced"]
    made, quarantine = read(file, gazetteer, 999)
    assert (len(made.table), made.outside, len(quarantine)) == (0, 4, 0)


def test_a_missing_column_is_refused(write: Write, gazetteer: Gazetteer) -> None:
    with pytest.raises(SourceError, match="column 'best'"):
        read(write("g.csv", GED.replace("best", "worst")), gazetteer)


@pytest.mark.real_data
def test_deco_in_west_africa(shared_data: Path) -> None:
    folder = shared_data / "west_africa"
    quarantine = Quarantine("wof")
    wof = Polygons(
        kind="polygons",
        path=Path("x"),
        licence="",
        retrieved=date(2024, 1, 1),
        columns={
            "unit_id": "wof_id",
            "name": "name",
            "parent_id": "region_id",
            "region_id": "region_id",
            "iso3": "country",
        },
        keep={"is_current": 1, "placetype": "county"},
    )
    path = folder / "wof_west_africa_admin_polygons.gpkg"
    areas, outside = polygons.read(SourceFile(path, path.name), wof, "MLI", quarantine)
    units, outlines = registry.build(None, areas, quarantine)
    assert (len(units), outside, quarantine.entries) == (1124, 209, [])
    assert set(units["iso3"]) == {"BFA", "CIV", "GHA", "GIN", "MLI", "NER", "NGA", "SEN"}
    assert "Sikasso" in set(units.loc[units["iso3"] == "MLI", "parent_name"])
    deco = SourceFile(folder / "deco_v1_1989_2011.csv", "deco.csv")
    made, set_aside = read(deco, Gazetteer(units, outlines, Places()))
    assert len(made.table) + made.outside == 3048
    assert (len(made.table), len(set_aside)) == (302, 0)
    assert made.table["electoral"].all()
