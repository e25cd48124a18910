"""The tables of one country, held together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import pandas as pd

from features.contracts import empty, require


@dataclass(frozen=True)
class Tables:
    """What is known of one country. Each field keeps the contract of its name.

    Attributes:
        units: the registry, sorted by `unit_id`.
        incidents: past incidents.
        elections: the calendar.
        campaign_events: planned and held campaign events.
        demographics: values per area.
    """

    units: pd.DataFrame
    incidents: pd.DataFrame
    elections: pd.DataFrame
    campaign_events: pd.DataFrame
    demographics: pd.DataFrame

    @classmethod
    def of(cls, **tables: pd.DataFrame) -> Tables:
        """Build from the tables given, empty ones for the rest, each checked.

        Raises:
            ContractError: a table breaks its contract.
        """
        names = [f.name for f in fields(cls)]
        return cls(**{name: require(tables.get(name, empty(name)), name) for name in names})


def known(tables: Tables, as_of: pd.Timestamp) -> Tables:
    """The tables as they were known on `as_of`: rows with `known_on > as_of` are gone."""
    dated = ("incidents", "elections", "campaign_events", "demographics")
    kept = {}
    for name in dated:
        table = getattr(tables, name)
        kept[name] = table.loc[table["known_on"] <= as_of].reset_index(drop=True)
    return replace(tables, **kept)
