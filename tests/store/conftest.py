"""A tiny made-up country of four square units, and an empty migrated store."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
import shapely
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from store import bulletins, database

NOW = datetime(2018, 7, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Country:
    """Tables of the country and the day they are written."""

    units: pd.DataFrame
    polygons: pd.DataFrame
    elections: pd.DataFrame
    incidents: pd.DataFrame
    scores: pd.DataFrame
    now: datetime = NOW

    def write(self, session: Session, *, synthetic: bool = True) -> str:
        """Write all but the bulletin; return the registry's id."""
        registry_id = bulletins.write_registry(
            session,
            registry=self.units,
            polygons=self.polygons,
            country="Testland",
            synthetic=synthetic,
            created_at=self.now,
        )
        bulletins.write_elections(session, self.elections, synthetic)
        bulletins.write_incidents(
            session, data_digest="d", registry_id=registry_id, incidents=self.incidents
        )
        return registry_id

    def head(self, registry_id: str, *, synthetic: bool = True) -> bulletins.BulletinHead:
        return bulletins.BulletinHead(
            election_id="XXA-2018-PRES-1",
            registry_id=registry_id,
            iso3="XXA",
            target="any",
            target_says="at least one incident",
            as_of=date(2018, 7, 1),
            window_start=date(2018, 7, 7),
            window_end=date(2018, 8, 12),
            model_name="m",
            model_version="1",
            model_kind="logistic",
            model_digest="m",
            data_digest="d",
            baseline_name="base_rate",
            base_rate=0.1,
            interval_level=0.8,
            vintage="",
            synthetic=synthetic,
            notes="",
        )


def _units() -> pd.DataFrame:
    ids = ["XX0101", "XX0102", "XX0201", "XX0202"]
    return pd.DataFrame(
        {
            "unit_id": ids,
            "name": ["A", "B", "C", "D"],
            "parent_id": [i[:4] for i in ids],
            "parent_name": [f"Cercle {i[3]}" for i in ids],
            "region_id": "XX",
            "region_name": "Région",
            "iso3": "XXA",
            "lon": [0.5, 1.5, 0.5, 1.5],
            "lat": [0.5, 0.5, 1.5, 1.5],
            "area_km2": [1.0, 2.0, 3.0, float("nan")],
            "valid_from": pd.NaT,
            "valid_to": pd.NaT,
        }
    )


def _incidents(units: pd.DataFrame) -> pd.DataFrame:
    days = pd.to_datetime(["2018-06-01", "2018-06-10", "2018-06-20", "2018-06-25"])
    return pd.DataFrame(
        {
            "incident_id": [f"i{k}" for k in range(4)],
            "event_date": days,
            "known_on": days + pd.to_timedelta([2, 2, 30, 2], unit="D"),
            "known_on_rule": "lag",
            "unit_id": ["XX0101", "XX0101", "XX0101", "XX0102"],
            "placed_by": "pcode",
            "geo_precision": 1,
            "event_type": "battle",
            "sub_event_type": None,
            "electoral": False,
            "fatalities": 0.0,
            "actor1": None,
            "actor2": None,
            "lon": None,
            "lat": None,
        }
    )


@pytest.fixture
def country() -> Country:
    units = _units()
    boxes = [
        shapely.box(r.lon - 0.5, r.lat - 0.5, r.lon + 0.5, r.lat + 0.5) for r in units.itertuples()
    ]
    elections = pd.DataFrame(
        {
            "election_id": ["XXA-2018-PRES-1"],
            "iso3": "XXA",
            "election_type": "presidential",
            "round": 1,
            "polling_date": pd.Timestamp("2018-07-29"),
            "campaign_start": pd.NaT,
            "campaign_end": pd.NaT,
            "known_on": pd.Timestamp("2017-07-29"),
            "note": None,
            "window_start": pd.Timestamp("2018-07-07"),
            "window_end": pd.Timestamp("2018-08-12"),
        }
    )
    scores = pd.DataFrame(
        {
            "unit_id": units["unit_id"],
            "rank": [1, 2, 3, None],
            "probability": [0.5, 0.2, 0.1, None],
            "lower": [0.4, 0.1, 0.1, None],
            "upper": [0.6, 0.3, 0.1, None],
            "expected_incidents": [1.0, 0.3, 0.1, None],
            "incidents_p50": [1.0, 0.0, 0.0, None],
            "incidents_p90": [3.0, 1.0, 0.0, None],
            "two_or_more": [0.3, 0.1, 0.0, None],
            "five_or_more": [0.1, 0.0, 0.0, None],
            "band": ["very_high", "high", "elevated", "abstained"],
            "baseline_probability": [0.4, 0.2, 0.1, None],
            "coverage": ["good", "good", "thin", "none"],
            "coverage_says": "said",
            "translations": [{"fr": {"coverage_says": "dit"}}] * 4,
            "drivers": [[{"feature": "f", "contribution": 0.1}], [], [], []],
        }
    )
    polygons = pd.DataFrame(
        {"unit_id": units["unit_id"], "geometry_wkb": [shapely.to_wkb(b) for b in boxes]}
    )
    return Country(units, polygons, elections, _incidents(units), scores)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy, since migrating takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "vigie.db"
    engine = database.connect(f"sqlite:///{file}")
    database.migrate(engine)
    engine.dispose()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated_file: Path) -> str:
    """A new database: the same tests run on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'vigie.db')}"
    return str(request.getfixturevalue("postgres").emptied())


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = database.connect(url)
    yield opened
    opened.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with database.sessions(engine).begin() as opened:
        yield opened
