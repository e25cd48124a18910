"""The history of the synthetic country: its process run once over all days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.campaigns import CampaignEvents
from pipelines.synthetic.geography import Floats, Indices
from pipelines.synthetic.process import (
    CHANNELS,
    TYPE_SHARE,
    Model,
    State,
    advance,
    draw,
    initial_state,
    multiplier,
    rates,
)
from pipelines.synthetic.rounds import Round

_BURN_IN_DAYS = 364


@dataclass(frozen=True)
class History:
    """What happened, one element per incident, by day.

    Attributes:
        day: day of the incident.
        unit: unit, numbered from 0.
        event_type: its event type.
        electoral: whether the election set it off.
        states: the true state before the day after each `as_of` asked for.
        factor: M of every day, shape (days, channels, 1, units).
    """

    day: Indices
    unit: Indices
    event_type: list[str]
    electoral: list[bool]
    states: dict[int, State]
    factor: Floats


def run_history(
    rng: np.random.Generator,
    model: Model,
    rounds: list[Round],
    events: CampaignEvents,
    days: int,
    keep: set[int],
) -> History:
    """Run the process over `days` days, after a year of burn-in that is thrown away.

    Args:
        rng: source of randomness.
        model: the process.
        rounds: the calendar.
        events: campaign events of the history.
        days: number of days.
        keep: the `as_of` days whose state is kept.
    """
    factor = multiplier(model, rounds, events, 1, range(days))
    quiet = np.ones(factor.shape[1:])
    state = initial_state(rng, model)
    states: dict[int, State] = {}
    found: list[tuple[int, int, int, float]] = []
    for day in range(-_BURN_IN_DAYS, days):
        today = factor[day] if day >= 0 else quiet
        happened = draw(rng, rates(model, state, today))
        if day >= 0:
            calm = 1.0 / today[happened.channel, 0, happened.unit]
            found += zip(
                [day] * len(calm), happened.unit, happened.channel, calm.tolist(), strict=True
            )
        state = advance(rng, model, state, happened, day)
        if day in keep:
            states[day] = state
    return _marked(rng, found, states, factor)


def _marked(
    rng: np.random.Generator,
    found: list[tuple[int, int, int, float]],
    states: dict[int, State],
    factor: Floats,
) -> History:
    """Give each incident its type, and its electoral mark with the share of M above 1."""
    day, unit, channel, calm = (np.array(column) for column in zip(*found, strict=True))
    event_type = np.empty(len(day), dtype=object)
    for c in range(CHANNELS):
        of_channel = channel == c
        event_type[of_channel] = rng.choice(
            [str(kind) for kind in TYPE_SHARE[c]],
            int(of_channel.sum()),
            p=list(TYPE_SHARE[c].values()),
        )
    electoral = rng.random(len(day)) > calm
    return History(
        day.astype(np.intp),
        unit.astype(np.intp),
        event_type.tolist(),
        electoral.tolist(),
        states,
        factor,
    )
