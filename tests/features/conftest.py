"""A small random country, made anew for each test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.tables import Tables
from features.vocabulary import CampaignKind, EventType


def days(values: object) -> pd.Series:
    return pd.Series(pd.to_datetime(values)).astype("datetime64[us]").reset_index(drop=True)


def make_tables(seed: int = 3, units: int = 24, incidents: int = 400) -> Tables:
    """Units on a jittered grid in 6 parent areas and 2 regions; two years of incidents."""
    rng = np.random.default_rng(seed)
    ids = [f"XT{i // 12 + 1:02d}{i // 4 + 1:02d}{i:02d}" for i in range(units)]
    start = pd.Timestamp("2016-01-01")
    registry = pd.DataFrame(
        {
            "unit_id": ids,
            # Every seventh is the seat of its parent area.
            "name": [f"Unit {i}" if i % 7 else f"AREA {ids[i][4:6]}" for i in range(units)],
            "parent_id": [i[:6] for i in ids],
            "parent_name": [f"Area {i[4:6]}" for i in ids],
            "region_id": [i[:4] for i in ids],
            "region_name": [f"Region {i[2:4]}" for i in ids],
            "iso3": "XTS",
            "lon": np.arange(units) % 6 * 0.2 + rng.normal(0, 0.01, units),
            "lat": 14 + np.arange(units) // 6 * 0.2 + rng.normal(0, 0.01, units),
            "area_km2": rng.uniform(100, 900, units),
        }
    )
    registry["valid_from"] = registry["valid_to"] = days([None] * units)
    event = start + pd.to_timedelta(rng.integers(0, 800, incidents), unit="D")
    lag = pd.to_timedelta(rng.integers(0, 40, incidents), unit="D")
    types = [str(t) for t in EventType]
    happened = pd.DataFrame(
        {
            "incident_id": [f"I{i}" for i in range(incidents)],
            "event_date": days(event),
            "known_on": days(event + lag),
            "known_on_rule": "reported",
            "unit_id": rng.choice(
                ids, incidents, p=np.arange(1, units + 1) / (units * (units + 1) / 2)
            ),
            "placed_by": "pcode",
            "geo_precision": 1,
            "event_type": rng.choice(types, incidents),
            "sub_event_type": None,
            "electoral": rng.random(incidents) < 0.1,
            "fatalities": rng.poisson(1.0, incidents).astype(float),
            "actor1": None,
            "actor2": None,
            "lon": np.nan,
            "lat": np.nan,
        }
    ).astype({"sub_event_type": "str", "actor1": "str", "actor2": "str", "unit_id": "str"})
    polling = ["2016-07-31", "2016-08-14", "2017-03-19", "2018-02-04", "2017-10-01", "2017-11-26"]
    elections = pd.DataFrame(
        {
            "election_id": ["E1", "E2", "E3", "E4", "E5", "E6"],
            "iso3": "XTS",
            "election_type": [
                "presidential",
                "presidential",
                "municipal",
                "legislative",
                "referendum",
                "other",
            ],
            "round": [1, 2, 1, 1, 1, 1],
            "polling_date": days(polling),
            "campaign_start": days([None, None, "2017-03-01", None, None, None]),
            "campaign_end": days([None, None, "2017-03-17", None, None, None]),
            "known_on": days(
                ["2016-01-01", "2016-08-03", "2016-10-01", "2017-06-01", "2017-05-01", "2017-05-01"]
            ),
            "note": pd.Series([None] * 6, dtype="str"),
        }
    )
    n = 150
    planned = pd.Timestamp("2016-06-01") + pd.to_timedelta(rng.integers(0, 600, n), unit="D")
    campaign = pd.DataFrame(
        {
            "campaign_event_id": [f"C{i}" for i in range(n)],
            "unit_id": rng.choice(ids, n),
            "kind": rng.choice([str(k) for k in CampaignKind], n),
            "party": rng.choice(["blue", "red", "green"], n),
            "event_date": days(planned),
            "known_on": days(planned - pd.to_timedelta(rng.integers(0, 30, n), unit="D")),
        }
    ).astype({"unit_id": "str", "kind": "str", "party": "str"})
    people = pd.DataFrame(
        {
            "area_id": [*ids, *ids, *sorted({i[:6] for i in ids})],
            "variable": ["population"] * units * 2 + ["drought"] * 6,
            "value": rng.uniform(1000, 9000, 2 * units + 6),
            "known_on": days(["2016-03-01"] * units + ["2017-03-01"] * units + ["2017-01-01"] * 6),
        }
    )
    return Tables.of(
        units=registry,
        incidents=happened,
        elections=elections,
        campaign_events=campaign,
        demographics=people,
    )


@pytest.fixture
def tables() -> Tables:
    return make_tables()
