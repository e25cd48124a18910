"""How synthetic incidents reach a publisher's table: late, some by name only, some faulty."""

from __future__ import annotations

import unicodedata
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.vocabulary import EventType
from pipelines.synthetic.geography import Floats, Geography
from pipelines.synthetic.history import History

LONGEST_DELAY_DAYS = 30
_BY_NAME_SHARE = 0.02

_PUBLISHED: dict[EventType, tuple[str, tuple[str, ...]]] = {
    EventType.BATTLE: ("Affrontement armé", ("Accrochage", "Attaque de poste")),
    EventType.EXPLOSION: ("Explosion", ("Engin explosif", "Tir de mortier")),
    EventType.VIOLENCE_AGAINST_CIVILIANS: (
        "Violence contre des civils",
        ("Agression", "Enlèvement", "Menace armée"),
    ),
    EventType.RIOT: ("Émeute", ("Heurts", "Saccage de bâtiment public")),
    EventType.PROTEST: ("Manifestation", ("Marche pacifique", "Sit-in")),
    EventType.STRATEGIC_DEVELOPMENT: ("Autre fait", ("Saisie d'armes", "Arrestation")),
}
_DEADLY = {
    EventType.BATTLE: 0.60,
    EventType.EXPLOSION: 0.50,
    EventType.VIOLENCE_AGAINST_CIVILIANS: 0.45,
    EventType.RIOT: 0.08,
    EventType.PROTEST: 0.01,
    EventType.STRATEGIC_DEVELOPMENT: 0.0,
}


def incident_table(
    rng: np.random.Generator, land: Geography, history: History, first_day: date
) -> pd.DataFrame:
    """The incidents as published, text in every column, by day, with six faulty rows.

    Reports take 0 to `LONGEST_DELAY_DAYS` days, longer where fewer people live in towns. A
    few rows have no P-code but names, some without accents.
    """
    kinds = [EventType(kind) for kind in history.event_type]
    start = np.datetime64(first_day)
    delay = delays(rng, land, history)
    table = pd.DataFrame(
        {
            "id": [f"XVG{number:05d}" for number in range(1, len(kinds) + 1)],
            "date": (start + history.day).astype(str),
            "reported_on": (start + history.day + delay).astype(str),
            "pcode": [land.unit_ids[u] for u in history.unit],
            "commune": [land.names[u] for u in history.unit],
            "cercle": [land.parent_names[u] for u in history.unit],
            "region": [land.region_names[u] for u in history.unit],
            "type": [_PUBLISHED[kind][0] for kind in kinds],
            "sub_type": [str(rng.choice(_PUBLISHED[kind][1])) for kind in kinds],
            "fatalities": _fatalities(rng, kinds).astype(str),
            "electoral": ["true" if mark else "false" for mark in history.electoral],
        },
        dtype=str,
    )
    by_name = rng.random(len(table)) < _BY_NAME_SHARE
    table.loc[by_name, "pcode"] = ""
    careless = by_name & (rng.random(len(table)) < 0.5)
    table.loc[careless, "commune"] = [_without_accents(n) for n in table["commune"][careless]]
    return _with_faults(rng, table)


def delays(rng: np.random.Generator, land: Geography, history: History) -> NDArray[np.int64]:
    """Days until each incident is reported, shape (incidents,): the first thing drawn."""
    drawn = np.floor(rng.exponential(mean_delay(land)[history.unit]))
    return np.minimum(drawn, LONGEST_DELAY_DAYS).astype(np.int64)


def mean_delay(land: Geography) -> Floats:
    """Mean days to a report before rounding down, shape (units,)."""
    return np.asarray(2.0 + 7.0 * (1.0 - land.share_urban))


def share_reported(land: Geography, days_since: NDArray[np.int64]) -> Floats:
    """Share of a day's incidents that are reported so many days after, (days, units)."""
    share = -np.expm1(-(days_since[:, None] + 1) / mean_delay(land))
    return np.where(days_since[:, None] >= LONGEST_DELAY_DAYS, 1.0, share)


def _fatalities(rng: np.random.Generator, kinds: list[EventType]) -> NDArray[np.int64]:
    deadly = rng.random(len(kinds)) < np.array([_DEADLY[kind] for kind in kinds])
    return np.where(deadly, rng.geometric(0.35, len(kinds)), 0)


def _without_accents(name: str) -> str:
    parts = unicodedata.normalize("NFD", name)
    return "".join(c for c in parts if not unicodedata.combining(c)).upper()


def _with_faults(rng: np.random.Generator, table: pd.DataFrame) -> pd.DataFrame:
    """Add six rows, each with one fault of those that real exports have."""
    at = np.sort(rng.choice(np.arange(1, len(table)), 6, replace=False))
    faulty = table.iloc[at].copy()
    year = faulty["date"].iloc[0][:4]
    faulty["id"] = [f"XVG9{number:04d}" for number in range(1, 7)]
    nowhere = ["pcode", "commune", "cercle", "region"]
    column = {name: position for position, name in enumerate(table.columns)}
    faulty.iloc[0, column["date"]] = f"{year}-02-30"
    faulty.loc[faulty.index[1], nowhere] = ["XV999999", "", "", ""]
    faulty.loc[faulty.index[2], nowhere] = ["", "Nulle-Part", "Nulle-Part", ""]
    faulty.iloc[3, column["type"]] = "Rumeur"
    faulty.iloc[4, column["fatalities"]] = "plusieurs"
    faulty.iloc[5, column["id"]] = table["id"].iloc[0]
    joined = pd.concat([table, faulty]).sort_index(kind="stable")
    return joined.reset_index(drop=True)
