from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from features.errors import SourceError
from features.vocabulary import EventType
from pipelines import registry
from pipelines.pack import load_pack
from pipelines.places import Gazetteer
from pipelines.sources import acled, cod_ab
from pipelines.sources.files import SourceFile
from pipelines.sources.incidents import RETROSPECTIVE, Incidents
from pipelines.sources.kinds import Acled
from pipelines.sources.rows import Quarantine

Write = Callable[[str, str | bytes], SourceFile]

PER_EVENT = (
    "data_id,iso,event_id_cnty,event_date,event_type,sub_event_type,actor1,actor2,country,"
    "admin1,admin2,admin3,location,latitude,longitude,geo_precision,notes,fatalities,iso3\n"
)
PER_ACTOR = PER_EVENT.replace("actor1,actor2", "actor1,assoc_actor_1")


def line(
    event_id: str = "MLI1",
    day: str = "2018-07-29",
    kind: str = "Battles",
    actor1: str = "Group A",
    actor2: str = "Group B",
    admin2: str = "Nord",
    admin3: str = "Keba",
    lat: str = "10.5",
    precision: str = "1",
    notes: str = '"one, two"',
    fatalities: str = "3",
    iso3: str = "MLI",
) -> str:
    return (
        f"7,466,{event_id},{day},{kind},Armed clash,{actor1},{actor2},Mali,Haute-Region,"
        f"{admin2},{admin3},Keba,{lat},0.5,{precision},{notes},{fatalities},{iso3}\n"
    )


OPTIONS = Acled(
    kind="acled", path=Path("a.csv"), licence="", retrieved=date(2020, 1, 8), reporting_lag_days=14
)


def read(
    file: SourceFile, gazetteer: Gazetteer, options: Acled = OPTIONS
) -> tuple[Incidents, pd.DataFrame]:
    quarantine = Quarantine(file.label)
    made = acled.read(file, options, gazetteer, frozenset({"MLI"}), quarantine)
    return made, quarantine.frame()


def test_one_row_per_event(write: Write, gazetteer: Gazetteer) -> None:
    made, quarantine = read(write("a.csv", PER_EVENT + line()), gazetteer)
    assert quarantine.empty
    assert made.table.iloc[0].to_dict() == {
        "incident_id": "MLI1",
        "event_date": pd.Timestamp("2018-07-29"),
        "known_on": pd.Timestamp("2018-08-12"),
        "known_on_rule": "lag",
        "unit_id": "ML990101",
        "placed_by": "name",
        "geo_precision": 1,
        "event_type": "battle",
        "sub_event_type": "Armed clash",
        "electoral": False,
        "fatalities": 3.0,
        "actor1": "Group A",
        "actor2": "Group B",
        "lon": 0.5,
        "lat": 10.5,
    }
    assert made.vintage == RETROSPECTIVE
    assert made.known_on_rule == "event date + 14 days"


def test_one_row_per_actor_is_put_together(write: Write, gazetteer: Gazetteer) -> None:
    rows = (
        line("MLI1", "31 December 2019", actor1="Group A", actor2="")
        + line("MLI2", "01 January 2020", actor1="Rioters (Mali)", actor2="", kind="Riots")
        + line("MLI1", "31 December 2019", actor1="Civilians (Mali)", actor2="")
    )
    made, quarantine = read(write("a.csv", PER_ACTOR + rows), gazetteer)
    assert quarantine.empty
    assert made.table["incident_id"].tolist() == ["MLI1", "MLI2"]
    assert made.table["event_date"].tolist() == [
        pd.Timestamp("2019-12-31"),
        pd.Timestamp("2020-01-01"),
    ]
    assert made.table["actor1"].tolist() == ["Group A", "Rioters (Mali)"]
    assert made.table["actor2"].fillna("-").tolist() == ["Civilians (Mali)", "-"]


def test_rows_of_one_event_that_disagree_are_set_aside(write: Write, gazetteer: Gazetteer) -> None:
    rows = (
        line(actor1="A", actor2="")
        + line(actor1="B", actor2="")
        + line(actor1="C", actor2="")
        + line(actor1="D", actor2="", day="2018-07-30")
    )
    made, quarantine = read(write("a.csv", PER_ACTOR + rows), gazetteer)
    assert made.table[["actor1", "actor2"]].to_numpy().tolist() == [["A", "B"]]
    assert quarantine[["row", "rule"]].to_numpy().tolist() == [
        [4, "extra_actor"],
        [5, "conflicting_rows"],
    ]


@pytest.mark.parametrize(
    ("kind", "actor1", "expected"),
    [
        ("Battles", "A", EventType.BATTLE),
        ("Battle-Government regains territory", "A", EventType.BATTLE),
        ("Explosions/Remote violence", "A", EventType.EXPLOSION),
        ("Remote violence", "A", EventType.EXPLOSION),
        ("Violence against civilians", "A", EventType.VIOLENCE_AGAINST_CIVILIANS),
        ("Riots", "A", EventType.RIOT),
        ("Protests", "A", EventType.PROTEST),
        ("Riots/Protests", "Rioters (Mali)", EventType.RIOT),
        ("Riots/Protests", "Protesters (Mali)", EventType.PROTEST),
        ("Strategic developments", "A", EventType.STRATEGIC_DEVELOPMENT),
        ("Strategic development", "A", EventType.STRATEGIC_DEVELOPMENT),
    ],
)
def test_event_types(
    write: Write, gazetteer: Gazetteer, kind: str, actor1: str, expected: EventType
) -> None:
    made, _ = read(write("a.csv", PER_EVENT + line(kind=kind, actor1=actor1)), gazetteer)
    assert made.table["event_type"].tolist() == [str(expected)]


@pytest.mark.parametrize(
    ("bad", "rule", "column", "got"),
    [
        ({"day": "2018-02-30"}, "impossible_date", "event_date", "2018-02-30"),
        ({"day": ""}, "blank_cell", "event_date", "nothing"),
        ({"day": "1018-07-01"}, "impossible_date", "event_date", "1018-07-01"),
        ({"kind": "Riots/Protests"}, "unknown_event_type", "event_type", "Riots/Protests"),
        ({"kind": "Party"}, "unknown_event_type", "event_type", "Party"),
        ({"lat": "100.5"}, "out_of_range", "latitude", "100.5"),
        ({"lat": "north"}, "not_a_number", "latitude", "north"),
        ({"fatalities": "-1"}, "out_of_range", "fatalities", "-1"),
        ({"fatalities": "nan"}, "blank_cell", "fatalities", "nothing"),
        ({"precision": "1.5"}, "not_a_number", "geo_precision", "1.5"),
        ({"precision": "4"}, "out_of_range", "geo_precision", "4"),
        ({"iso3": "XX"}, "unknown_country", "iso3", "XX"),
        ({"event_id": "MLI0"}, "duplicate", "incident_id", "MLI0"),
        ({"admin2": "Sud", "admin3": "Nowhere", "lat": "10.5"}, "unplaced", "place", None),
        ({"notes": "one,two"}, "long_row", "iso3", "20"),
        ({"iso3": "MLI,,"}, "long_row", "iso3", "21"),
    ],
)
def test_a_bad_row_is_set_aside_and_the_good_ones_go_on(
    write: Write, gazetteer: Gazetteer, bad: dict[str, str], rule: str, column: str, got: str | None
) -> None:
    # The note of the first row holds a line break: the bad row begins on line 4 of the file.
    rows = line("MLI0", notes='"two\nlines"') + line(**{"event_id": "MLI1", **bad}) + line("MLI2")
    made, quarantine = read(write("a.csv", PER_EVENT + rows), gazetteer)
    assert made.table["incident_id"].tolist() == ["MLI0", "MLI2"]
    assert len(quarantine) == 1
    said = quarantine.iloc[0]
    assert (said["row"], said["rule"], said["column"]) == (4, rule, column)
    assert said["expected"]
    if got is not None:
        assert said["got"] == got
    assert '"event_id_cnty"' in said["raw"]


def test_a_short_row_inside_the_file_is_set_aside(write: Write, gazetteer: Gazetteer) -> None:
    made, quarantine = read(
        write("a.csv", PER_EVENT + line("MLI0") + "7,466,MLI1\n" + line("MLI2")), gazetteer
    )
    assert made.table["incident_id"].tolist() == ["MLI0", "MLI2"]
    assert quarantine[["row", "rule", "column"]].to_numpy().tolist() == [
        [3, "short_row", "event_date"]
    ]


def test_rows_of_other_countries_are_outside(write: Write, gazetteer: Gazetteer) -> None:
    rows = line() + line("BFO1", iso3="BFA") + line("NER1", iso3="NER", day="bad")
    made, quarantine = read(write("a.csv", PER_EVENT + rows), gazetteer)
    assert (len(made.table), made.outside, len(quarantine)) == (1, 2, 0)


def test_the_numeric_country_code_serves_where_iso3_is_missing(
    write: Write, gazetteer: Gazetteer
) -> None:
    text = (PER_EVENT + line()).replace(",iso3\n", "\n").replace(",MLI\n", "\n")
    made, _ = read(write("a.csv", text), gazetteer)
    assert len(made.table) == 1


def test_units_of_level_2(write: Write, gazetteer: Gazetteer) -> None:
    options = OPTIONS.model_copy(update={"unit_level": 2})
    made, _ = read(write("a.csv", PER_EVENT + line(admin2="Tin Zena")), gazetteer, options)
    assert made.table[["unit_id", "placed_by"]].to_numpy().tolist() == [["ML990202", "name"]]


@pytest.mark.parametrize(
    ("text", "row", "column", "says"),
    [
        ("", 1, None, "header"),
        (PER_EVENT, None, None, "at least one row"),
        (PER_EVENT.replace("event_date", "date"), 1, "event_date", "this column"),
        (PER_EVENT + line() + line()[:40], 3, "actor1", "the file is cut"),
        (PER_EVENT + line() + line()[: line().index("two")], 3, None, "quoted cell"),
        (PER_EVENT + line(day="29/07/2018"), 2, "event_date", "29/07/2018"),
        ((PER_EVENT + line(admin2="Ségou")).encode("latin-1"), 2, None, "byte 0xe9"),
        ("PK\x03\x04\x00\x00", 1, None, "zero byte"),
        (PER_EVENT.replace("data_id", "iso"), 1, "iso", "each column once"),
    ],
)
def test_a_bad_file_is_refused_whole(
    write: Write,
    gazetteer: Gazetteer,
    text: str | bytes,
    row: int | None,
    column: str | None,
    says: str,
) -> None:
    with pytest.raises(SourceError) as refused:
        read(write("a.csv", text), gazetteer)
    assert (refused.value.file, refused.value.row, refused.value.column) == ("a.csv", row, column)
    assert says in str(refused.value)


def test_a_missing_column_names_the_nearest(write: Write, gazetteer: Gazetteer) -> None:
    with pytest.raises(SourceError, match="nearest: 'fatality'"):
        read(write("a.csv", PER_EVENT.replace("fatalities", "fatality") + line()), gazetteer)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("acled_mali_1997_2019.csv", 3276),
        ("acled_mali_2017_2019_one_row_per_actor.csv", 2046),
    ],
)
def test_mali_is_placed(shared_data: Path, name: str, events: int) -> None:
    pack = load_pack(Path(acled.__file__).parents[1] / "configs" / "mali.toml")
    file = SourceFile(shared_data / "mali" / name, name)
    made, quarantine = read(file, _mali(shared_data))
    assert pack.iso3 == "MLI"
    assert made.report.rows == events
    assert made.report.placed_share >= 0.99
    assert len(made.table) + len(quarantine) == events


def _mali(shared_data: Path) -> Gazetteer:
    pack = load_pack(Path(acled.__file__).parents[1] / "configs" / "mali.toml")
    quarantine = Quarantine("mali")
    folder = shared_data / "mali"
    tables = folder / "mli_adminboundaries_tabulardata.xlsx"
    named = cod_ab.read_units(SourceFile(tables, tables.name), quarantine)
    polygons = folder / "mli_admin3_approximate.geojson"
    drawn = cod_ab.read_polygons(SourceFile(polygons, polygons.name), quarantine)
    units, outlines = registry.build(named, drawn, quarantine)
    assert not quarantine.entries
    return Gazetteer(units, outlines, pack.places)
