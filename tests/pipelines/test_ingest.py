from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from features.errors import ConfigError, ConflictError, CorruptSnapshotError, SourceError
from features.vocabulary import ElectionType
from pipelines import ingest as ingest_module
from pipelines.ingest import Ingested, ingest
from pipelines.pack import load_pack
from store.lake import Lake

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = datetime(2027, 1, 2, tzinfo=UTC)

PACK = """
name = "kebaland"
iso3 = "MLI"
country = "Kebaland"
synthetic = {synthetic}

[sources.outlines]
kind = "cod_ab_polygons"
path = "units.geojson"
licence = "CC0"
retrieved = 2026-01-01

[sources.calendar]
kind = "elections"
path = "elections.csv"
licence = "CC0"
retrieved = 2026-01-01

[sources.people]
kind = "cod_ps"
path = "people.csv"
licence = "CC0"
retrieved = 2026-01-01
level = 2
known_on = 2011-12-31
splits = {{ ML9900 = ["ML9901", "ML9902"] }}

[sources.rallies]
kind = "campaign_events"
path = "rallies.csv"
licence = "CC0"
retrieved = 2026-01-01

[sources.{first}]
kind = "incidents"
path = "one.csv"
licence = "CC0"
retrieved = 2026-01-01
columns = {{ incident_id = "id", event_date = "day", event_type = "type", unit_id = "place" }}
event_types = {{ fight = "battle" }}

[sources.second]
kind = "incidents"
path = "two.csv"
licence = "CC0"
retrieved = 2026-01-01
columns = {{ incident_id = "id", event_date = "day", event_type = "type", unit_id = "place" }}
event_types = {{ fight = "battle" }}

[places]
coarse_areas = {{ ML9801 = "one point" }}

[windows.presidential]
start_days = -27
end_days = 14

[[targets]]
name = "any"

[training]
start = 2012-06-01
"""


@pytest.fixture
def country(tmp_path: Path, geojson: str) -> Path:
    """A folder with a pack and its files."""
    files = {
        "pack.toml": PACK.format(synthetic="false", first="first"),
        "units.geojson": geojson,
        "elections.csv": "election_id,iso3,type,round,polling_date,announced_on\n"
        "P-1,MLI,presidential,1,2018-07-29,\n"
        "P-2,MLI,presidential,2,2018-08-12,\n",
        "people.csv": "admin2Pcode,T_TL\nML9900,3000\nML9801,500\n",
        "rallies.csv": "campaign_event_id,unit_id,kind,party,event_date,announced_on\n"
        "R1,ML990101,rally,P1,2018-07-10,2018-07-01\n"
        "R2,ML990102,caravan,P2,2018-07-11,\n",
        "one.csv": "id,day,type,place\nA,2018-07-01,fight,ML990101\nB,2018-07-02,fight,ML990102\n",
        "two.csv": "id,day,type,place\nB,2018-07-03,fight,ML990201\nC,2018-02-30,fight,ML990101\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, now: datetime = NOW, lake: str = "lake") -> Ingested:
    return ingest(load_pack(folder / "pack.toml"), Lake(folder / lake), now=now)


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def test_every_source_becomes_a_table(country: Path) -> None:
    made = run(country)
    assert made.tables.units["unit_id"].tolist() == sorted(made.polygons["unit_id"])
    assert made.tables.units["area_km2"].between(12_000, 12_400).all()
    assert made.tables.elections["known_on"].astype(str).tolist() == ["2017-07-29", "2018-07-29"]
    assert made.tables.campaign_events["known_on"].astype(str).tolist() == [
        "2018-07-01",
        "2018-07-04",
    ]
    people = made.tables.demographics.set_index("area_id")["value"]
    assert people["ML9801"] == 500
    assert people["ML9901"] + people["ML9902"] == pytest.approx(3000)
    assert people["ML9901"] > people["ML9902"]  # further from the pole, so larger
    assert not made.synthetic
    assert {r.source for r in made.reports} == {"first", "second", "rallies"}
    assert made.manifests["first"].created_at == NOW
    assert made.manifests["first"].vintage == "retrospective vintage"
    assert made.manifests["second"].quarantined == {"impossible_date": 1}


def test_ids_that_clash_get_the_name_of_their_source(country: Path) -> None:
    incidents = run(country).tables.incidents
    assert incidents["incident_id"].tolist() == ["A", "first:B", "second:B"]
    assert incidents["unit_id"].tolist() == ["ML990101", "ML990102", "ML990201"]


def test_ingesting_again_reads_the_lake_and_gives_the_same(
    country: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(country)

    def fail(*_: object) -> None:
        raise AssertionError("an unchanged file was read again")

    for connector in ("generic_incidents", "elections", "campaign_events", "cod_ps"):
        monkeypatch.setattr(getattr(ingest_module, connector), "read", fail)
    monkeypatch.setattr(ingest_module.cod_ab, "read_polygons", fail)
    second = run(country, LATER)
    assert second.data_digest == first.data_digest
    assert second.manifests == first.manifests
    assert second.reports == first.reports
    for name in ("units", "incidents", "elections", "campaign_events", "demographics"):
        assert_frame_equal(getattr(second.tables, name), getattr(first.tables, name))
    assert_frame_equal(second.polygons, first.polygons)


def test_the_digest_follows_bytes_and_options(country: Path) -> None:
    digests = [run(country).data_digest]
    edit(country, "pack.toml", "known_on = 2011-12-31", "known_on = 2012-12-31")
    digests.append(run(country).data_digest)
    edit(country, "one.csv", "2018-07-01", "2018-07-04")
    digests.append(run(country).data_digest)
    edit(country, "pack.toml", '"one point"', '"another reason"')
    assert run(country).data_digest == digests[-1]
    assert len(set(digests)) == 3


def test_other_outlines_place_everything_anew(country: Path) -> None:
    before = run(country).manifests
    edit(country, "units.geojson", "Tin-Zéna", "Tin-Zena")
    after = run(country).manifests
    assert before["first"].snapshot_id != after["first"].snapshot_id
    assert before["calendar"].snapshot_id != after["calendar"].snapshot_id
    assert after["first"].upstream == (after["registry"].snapshot_id,)
    assert after["registry"].upstream == (after["outlines"].snapshot_id,)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("two.csv", "id,day,type,place\nB,2018-07-03,fight\n", "two.csv, row 2"),
        ("two.csv", "id,day,type\nB,2018-07-03,fight\n", "column 'place'"),
        ("two.csv", "id,day,type,place\n", "at least one row"),
        ("units.geojson", '{"type": "FeatureCollection", "features": [', "file is|fetch"),
        ("people.csv", "admin2Pcode,T_TL\nXX,1\n", "row 2, column 'admin2Pcode'"),
    ],
)
def test_nothing_is_written_when_a_file_is_refused(
    country: Path, name: str, text: str, says: str
) -> None:
    run(country)
    kept = Lake(country / "lake").ids()
    edit(country, "one.csv", "2018-07-01", "2018-07-04")
    (country / name).write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=says):
        run(country)
    assert Lake(country / "lake").ids() == kept
    with pytest.raises(SourceError):
        run(country, lake="new")
    assert not (country / "new").exists()


def test_a_missing_file_is_refused(country: Path) -> None:
    (country / "two.csv").unlink()
    with pytest.raises(SourceError, match=r"two\.csv: expected a file that can be read"):
        run(country)


def test_synthetic_and_real_packs_do_not_share_a_lake(country: Path) -> None:
    real = run(country)
    (country / "pack.toml").write_text(PACK.format(synthetic="true", first="first"))
    with pytest.raises(ConflictError, match="never mix"):
        run(country)
    synthetic = run(country, lake="other")
    assert synthetic.synthetic
    assert all(m.synthetic for m in synthetic.manifests.values())
    assert synthetic.data_digest != real.data_digest


def test_a_snapshot_that_was_changed_is_not_used(country: Path) -> None:
    new_id = run(country).manifests["first"].snapshot_id
    (country / "lake" / "snapshots" / new_id / "incidents.parquet").write_bytes(b"changed")
    with pytest.raises(CorruptSnapshotError):
        run(country)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "cod_ab_polygons"', 'kind = "cod_ab_table"', "whole xlsx"),
        ("ML9801 = ", "ML7701 = ", "coarse_areas.ML7701"),
        ('path = "two.csv"', 'path = "one.csv"', "count twice"),
    ],
)
def test_a_pack_that_cannot_be_used(country: Path, old: str, new: str, says: str) -> None:
    edit(country, "pack.toml", old, new)
    with pytest.raises((ConfigError, SourceError), match=says):
        run(country)


def test_progress_tells_one_line_per_source(country: Path) -> None:
    said: list[str] = []
    pack = load_pack(country / "pack.toml")
    ingest(pack, Lake(country / "lake"), now=NOW, progress=said.append)
    assert [line.split(":")[0] for line in said] == [
        *("outlines", "registry", "calendar", "people", "rallies", "first", "second")
    ]
    assert "second: 1 rows, 1 set aside" in said[-1]


@pytest.fixture
def mali(shared_data: Path, tmp_path: Path) -> Callable[[], Ingested]:
    """Ingest Mali's pack; `shared_data` skips where the files are absent."""
    assert shared_data.is_dir()
    pack = load_pack(Path(ingest_module.__file__).parent / "configs" / "mali.toml")
    return lambda: ingest(pack, Lake(tmp_path / "lake"), now=NOW)


@pytest.mark.real_data
def test_mali(mali: Callable[[], Ingested]) -> None:
    made = mali()
    assert len(made.tables.units) == len(made.polygons) == 701
    assert made.tables.units["parent_id"].nunique() == 53
    assert made.tables.units["region_id"].nunique() == 10
    assert set(made.tables.units["iso3"]) == {"MLI"}
    assert made.tables.units["area_km2"].sum() == pytest.approx(1_240_192, rel=0.03)
    assert len(made.tables.incidents) == 3276
    assert made.reports[0].placed_share >= 0.99
    assert len(made.tables.elections) == 19
    # Ménaka's count of 2020 is shared over the four cercles that it became.
    people = made.tables.demographics.set_index("area_id")["value"]
    assert len(people) == 53
    assert people[["ML1001", "ML1002", "ML1003", "ML1004"]].sum() == pytest.approx(67_119)
    began = time.perf_counter()
    again = mali()
    assert time.perf_counter() - began < 2
    assert again.data_digest == made.data_digest
    assert_frame_equal(again.tables.incidents, made.tables.incidents)


def test_mali_window_of_2018() -> None:
    pack = load_pack(Path(ingest_module.__file__).parent / "configs" / "mali.toml")
    window = pack.windows[ElectionType.PRESIDENTIAL]
    polling = pd.Timestamp("2018-07-29")
    assert polling + pd.Timedelta(days=window.start_days) == pd.Timestamp("2018-07-02")
    assert polling + pd.Timedelta(days=window.end_days) == pd.Timestamp("2018-08-12")
    assert window.length_days == 42
