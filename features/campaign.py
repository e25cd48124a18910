"""Features of planned campaign events: rallies, caravan marches, meetings.

Until a country's first campaign event is known, all are missing and not zero: a pack
without such a source does not say that nobody campaigns.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.context import NEAR_KM, Context, spread
from features.days import day_numbers
from features.kernels import Floats, Rows, spans
from features.registry import register
from features.vocabulary import CampaignKind

FAMILY = "campaign"

_KINDS = {
    CampaignKind.RALLY: ("[rally|rallies]", "grand[s] rassemblement[s]"),
    CampaignKind.CARAVAN: ("caravan march[es]", "caravane[s]"),
    CampaignKind.MEETING: ("meeting[s]", "réunion[s]"),
}
"""Events of each kind, in English and in French."""


def _events(context: Context, table: pd.DataFrame) -> Rows:
    return Rows(
        unit=context.unit_index(table["unit_id"]),
        event=day_numbers(table["event_date"]),
        known=day_numbers(table["known_on"]),
        weight=np.ones(len(table)),
    )


def in_window(context: Context, rows: Rows) -> Floats:
    """Weight of known rows whose event day is in the forecast window; shape (days, units)."""
    return spans(
        rows,
        rows.event - context.horizon.last_day,
        rows.event - context.horizon.first_day,
        context.days,
        context.n_units,
    )


def _or_missing(context: Context, values: Floats) -> Floats:
    """Missing on the days before the first campaign event is known."""
    known = day_numbers(context.tables.campaign_events["known_on"])
    silent = context.days < known.min(initial=np.iinfo(np.int64).max)
    return np.where(silent[:, None], np.nan, values)


def planned(context: Context, kind: CampaignKind | None = None) -> Floats:
    """Campaign events (of one kind) planned here in the window."""
    table = context.tables.campaign_events
    if kind is not None:
        table = table.loc[table["kind"] == str(kind)]
    return _or_missing(context, in_window(context, _events(context, table)))


def planned_near(context: Context) -> Floats:
    """Campaign events planned in other units nearby in the window."""
    rows = _events(context, context.tables.campaign_events)
    return _or_missing(context, spread(in_window(context, rows), context.near))


def rival_pairs(context: Context) -> pd.DataFrame:
    """Pairs of events of different parties on one day, in one unit or in two that are near.

    Returns:
        One row per event of each pair: `unit_id` of that event, `event_date`, `known_on`
        (when the later of the two became known).
    """
    table = context.tables.campaign_events.assign(
        position=lambda t: context.unit_index(t["unit_id"])
    )
    pairs = table.merge(table, on="event_date", suffixes=("", "_rival"))
    pairs = pairs.loc[pairs["party"] != pairs["party_rival"]]
    a, b = pairs["position"].to_numpy(), pairs["position_rival"].to_numpy()
    close = (a == b) | (np.asarray(context.near[a, b]).ravel() > 0) if len(pairs) else a == b
    pairs = pairs.loc[close]
    known = pairs[["known_on", "known_on_rival"]].max(axis=1)
    dated: pd.DataFrame = pairs[["unit_id", "event_date"]].assign(known_on=known)
    return dated.reset_index(drop=True)


def rival_days(context: Context) -> Floats:
    """Pairs of rival events on the same day here or nearby, in the window."""
    return _or_missing(context, in_window(context, _events(context, rival_pairs(context))))


register(
    "campaign_events_planned",
    FAMILY,
    "events",
    "campaign_events",
    {
        "en": "campaign event[s] planned here in the forecast window",
        "fr": "activité[s] de campagne prévue[s] ici pendant la période de prévision",
    },
    planned,
)
for _kind in CampaignKind:
    register(
        f"campaign_{_kind}_planned",
        FAMILY,
        "events",
        "campaign_events",
        {
            "en": f"{_KINDS[_kind][0]} planned here in the forecast window",
            "fr": f"{_KINDS[_kind][1]} de campagne au programme ici "
            "pendant la période de prévision",
        },
        planned,
        kind=_kind,
    )
register(
    "campaign_near_planned",
    FAMILY,
    "events",
    "campaign_events",
    {
        "en": f"campaign event[s] planned in other communes within {NEAR_KM:.0f} km "
        "in the forecast window",
        "fr": f"activité[s] de campagne prévue[s] dans d'autres communes à moins de "
        f"{NEAR_KM:.0f} km pendant la période de prévision",
    },
    planned_near,
)
register(
    "campaign_rival_pairs",
    FAMILY,
    "pairs",
    "campaign_events",
    {
        "en": "time[s] that an event here meets a rival party's on the same day "
        f"within {NEAR_KM:.0f} km",
        "fr": "fois qu'une activité ici croise celle d'un parti rival le même jour "
        f"à moins de {NEAR_KM:.0f} km",
    },
    rival_days,
)
