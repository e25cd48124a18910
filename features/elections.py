"""Features of the election calendar, and of violence in earlier election windows.

A round is seen from the day that it is known (`known_on`), not before, and only by the units
of the country that votes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features import kernels
from features.calendar import Calendar, by_country, calendar
from features.context import Context, mean_over
from features.kernels import Floats
from features.registry import register
from features.vocabulary import ElectionType

FAMILY = "election"
FAR_DAYS = 730.0
"""Days to or since polling are cut here: two years."""


_TYPES_FR = {
    ElectionType.PRESIDENTIAL: "d'un scrutin présidentiel",
    ElectionType.LEGISLATIVE: "d'un scrutin législatif",
    ElectionType.MUNICIPAL: "d'un scrutin municipal",
    ElectionType.REFERENDUM: "d'un référendum",
    ElectionType.OTHER: "d'un autre scrutin",
}


def _next_round(context: Context, rounds: Calendar) -> NDArray[np.int64]:
    """For each day the index of the next known round (-1: none)."""
    days = context.days[:, None]
    ahead = (rounds.polling[None, :] >= days) & (rounds.known[None, :] <= days)
    index = np.where(ahead.any(axis=1), ahead.argmax(axis=1), -1) if ahead.size else -1
    return np.broadcast_to(index, context.days.shape)


def days_to_polling(context: Context) -> Floats:
    """Days to the next known polling day, at most `FAR_DAYS`."""

    def measure(rounds: Calendar) -> Floats:
        upcoming = _next_round(context, rounds)
        out = np.full(len(context.days), FAR_DAYS)
        some = upcoming >= 0
        out[some] = np.minimum(rounds.polling[upcoming[some]] - context.days[some], FAR_DAYS)
        return out

    return by_country(context, measure)


def days_since_polling(context: Context) -> Floats:
    """Days since the last polling day, at most `FAR_DAYS`."""

    def measure(rounds: Calendar) -> Floats:
        days = context.days[:, None]
        past = (rounds.polling[None, :] <= days) & (rounds.known[None, :] <= days)
        since = np.where(past, days - rounds.polling[None, :], FAR_DAYS)
        newest: Floats = since.min(axis=1, initial=FAR_DAYS)
        return newest

    return by_country(context, measure)


def polling_in_window(context: Context, election_type: ElectionType | None = None) -> Floats:
    """Known rounds (of one type) with their polling day in the window."""

    def measure(rounds: Calendar) -> Floats:
        days = context.days[:, None]
        inside = (
            (rounds.polling[None, :] >= days + context.horizon.first_day)
            & (rounds.polling[None, :] <= days + context.horizon.last_day)
            & (rounds.known[None, :] <= days)
        )
        if election_type is not None:
            inside &= rounds.kind[None, :] == str(election_type)
        counts: Floats = inside.sum(axis=1, dtype=float)
        return counts

    return by_country(context, measure)


def next_round_number(context: Context) -> Floats:
    """Round of the next known election, 0 where none is known."""

    def measure(rounds: Calendar) -> Floats:
        upcoming = _next_round(context, rounds)
        out = np.zeros(len(context.days))
        out[upcoming >= 0] = rounds.round[upcoming[upcoming >= 0]]
        return out

    return by_country(context, measure)


def campaign_days(context: Context) -> Floats:
    """Days of known campaigns that fall in the window."""

    def measure(rounds: Calendar) -> Floats:
        days = context.days[:, None]
        first = np.maximum(rounds.campaign_start[None, :], days + context.horizon.first_day)
        last = np.minimum(rounds.campaign_end[None, :], days + context.horizon.last_day)
        overlap = np.maximum(last - first + 1, 0) * (rounds.known[None, :] <= days)
        counts: Floats = overlap.sum(axis=1, dtype=float)
        return counts

    return by_country(context, measure)


def _cycle_counts(context: Context) -> list[tuple[int, int, int, Floats]]:
    """For each round of each country, the incidents known so far in its election window.

    Returns:
        In order of country and polling day: position of the country, last day of the window, day
        on which the round was known, and the counts of shape (days, units): 0 until the window
        has ended, and 0 in other countries.
    """
    rows = context.targets
    counts = []
    for position, country in enumerate(context.countries):
        rounds = calendar(context, country)
        own = context.country_of[rows.unit] == position
        for first, last, known in zip(
            rounds.window_start, rounds.window_end, rounds.known, strict=True
        ):
            inside = own & (rows.event >= first) & (rows.event <= last)
            ended = np.maximum(rows.known, max(known, last))
            seen = kernels.Rows(rows.unit, rows.event, ended, rows.weight).where(inside)
            count = kernels.so_far(seen, context.days, context.n_units)
            counts.append((position, int(last), int(known), count))
    return counts


def earlier_elections(context: Context) -> Floats:
    """Incidents in all ended election windows, once for each that holds them.

    Shape (days, units).
    """

    def total() -> Floats:
        start = np.zeros((len(context.days), context.n_units))
        return sum((count for *_, count in _cycle_counts(context)), start)

    return context.remember("earlier_elections", total)


def earlier_elections_parent(context: Context) -> Floats:
    """Incidents per unit of the parent area in all ended election windows."""
    return mean_over(earlier_elections(context), context.parents)


def previous_election(context: Context) -> Floats:
    """Incidents in the window of the round that voted last of those ended; shape (days, units)."""
    out = np.zeros((len(context.days), context.n_units))
    for position, last, known, count in _cycle_counts(context):
        ended = context.days >= max(last, known)
        here = np.ix_(ended, context.country_of == position)
        out[here] = count[here]
    return out


register(
    "days_to_polling",
    FAMILY,
    "days",
    "elections",
    {"en": "day[s] to the next polling day", "fr": "jour[s] avant le prochain jour de vote"},
    days_to_polling,
    exactly={
        "en": {
            0.0: "today is polling day",
            FAR_DAYS: "no polling day known in the next two years",
        },
        "fr": {
            0.0: "le vote a lieu aujourd'hui",
            FAR_DAYS: "aucun jour de vote connu dans les deux ans à venir",
        },
    },
)
register(
    "days_since_polling",
    FAMILY,
    "days",
    "elections",
    {"en": "day[s] since the last polling day", "fr": "jour[s] depuis le dernier jour de vote"},
    days_since_polling,
    exactly={
        "en": {FAR_DAYS: "no polling day in the last two years"},
        "fr": {FAR_DAYS: "aucun jour de vote au cours des deux dernières années"},
    },
)
register(
    "polling_in_window",
    FAMILY,
    "rounds",
    "elections",
    {
        "en": "polling day[s] in the forecast window",
        "fr": "jour[s] de vote pendant la période de prévision",
    },
    polling_in_window,
)
for _type in ElectionType:
    register(
        f"polling_{_type}_in_window",
        FAMILY,
        "rounds",
        "elections",
        {
            "en": f"polling day[s] of type {_type} in the forecast window",
            "fr": f"jour[s] de vote {_TYPES_FR[_type]} pendant la période de prévision",
        },
        polling_in_window,
        election_type=_type,
    )
register(
    "next_round_number",
    FAMILY,
    "round",
    "elections",
    {"en": "the next election is round {}", "fr": "le prochain scrutin en est au tour {}"},
    next_round_number,
    exactly={
        "en": {
            0.0: "no election known ahead",
            1.0: "the next election is a first round",
            2.0: "the next election is a second round",
        },
        "fr": {
            0.0: "aucun scrutin connu à venir",
            1.0: "le prochain scrutin est un premier tour",
            2.0: "le prochain scrutin est un second tour",
        },
    },
)
register(
    "campaign_days_in_window",
    FAMILY,
    "days",
    "elections",
    {
        "en": "day[s] of official campaign in the forecast window",
        "fr": "jour[s] de campagne officielle pendant la période de prévision",
    },
    campaign_days,
)
register(
    "earlier_elections_count",
    FAMILY,
    "incidents",
    "incidents, elections",
    {
        "en": "violent incident[s] here in earlier election windows",
        "fr": "incident[s] violent[s] ici autour des scrutins passés",
    },
    earlier_elections,
)
register(
    "earlier_elections_parent_mean",
    FAMILY,
    "incidents per unit",
    "incidents, elections",
    {
        "en": "violent incident[s] per commune of the parent area in earlier election windows",
        "fr": "incident[s] violent[s] par commune du cercle autour des scrutins passés",
    },
    earlier_elections_parent,
)
register(
    "previous_election_count",
    FAMILY,
    "incidents",
    "incidents, elections",
    {
        "en": "violent incident[s] here in the previous election's window",
        "fr": "incident[s] violent[s] ici autour du scrutin précédent",
    },
    previous_election,
)
