"""What a reader of the synthetic country's incidents has seen by a day, laid out for inference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic.campaigns import CampaignEvents
from pipelines.synthetic.geography import Floats, Geography, Indices
from pipelines.synthetic.history import History
from pipelines.synthetic.process import (
    CHANNELS,
    TYPE_SHARE,
    Happened,
    Model,
    excited,
    model_with,
    multiplier,
)
from pipelines.synthetic.reports import LONGEST_DELAY_DAYS, share_reported
from pipelines.synthetic.rounds import Round
from pipelines.synthetic.strengths import Strengths

BLOCK_DAYS = 28
"""Drifts are taken to stand still for so long: their correlation over it is 0.95."""

TENSIONS: Floats = np.linspace(-3.0, 3.0, 13)
"""Grid of a unit's tension, in standard deviations of its logarithm."""

_SETTLED_DAYS = 84
"""By then, what was set off by incidents before the first day has faded to a sixteenth."""

_FELT_DAYS, _LEAST = 1e-3, 1e-12


@dataclass(frozen=True)
class Seen:
    """Incidents reported by a day, one element per incident, by day.

    Attributes:
        day: day of the incident.
        unit: unit, numbered from 0.
        channel: 0 armed, 1 street; the event type tells.
        electoral: whether the election set it off.
    """

    day: Indices
    unit: Indices
    channel: Indices
    electoral: NDArray[np.bool_]

    def where(self, keep: NDArray[np.bool_]) -> Seen:
        """The incidents at a mask."""
        return Seen(**{name: column[keep] for name, column in vars(self).items()})


def seen_by(history: History, delay: NDArray[np.int64], as_of: int) -> Seen:
    """The incidents of a history that are reported by `as_of`.

    Args:
        history: what happened.
        delay: days until each incident is reported, shape (incidents,).
        as_of: last day of which reports are read.
    """
    armed = np.isin(history.event_type, [str(kind) for kind in TYPE_SHARE[0]])
    every = Seen(
        history.day, history.unit, (~armed).astype(np.intp), np.array(history.electoral, dtype=bool)
    )
    return every.where(history.day + delay <= as_of)


@dataclass(frozen=True)
class Evidence:
    """The likelihood's ingredients; days are those of blocks of `BLOCK_DAYS` up to `as_of`.

    The last `LONGEST_DELAY_DAYS` days are "recent": some of their incidents are not reported yet.

    Attributes:
        typical: the process of a country in which no unit stands out.
        as_of: last day.
        blocks: number of blocks.
        cell: channel, unit and block of each incident, shape (3, incidents).
        excitation: where each happened, before it happened, shape (incidents,); of recent ones,
            without what incidents set off that are not reported.
        recent: recent incidents of each recent day, all of branch 0.
        recent_at: which of all incidents they are, and their recent day, shape (2, recent ones).
        recent_block: block of each recent day.
        recent_start: excitation before the first recent day, shape (channels, 1, units).
        recent_factor: M at each tension, shape (tensions, recent days, channels, units).
        reported: share of a recent day's incidents that is reported, shape (recent days, units).
        exposure: M summed over each block at tension 0, shape (channels, units, blocks).
        tense: blocks in which M depends on the tension.
        tense_exposure: M summed over those, shape (tensions, channels, units, tense blocks).
        tense_terms: log likelihood of each tension as far as the other unknowns do not matter,
            its law included, shape (tensions, units).
    """

    typical: Model
    as_of: int
    blocks: int
    cell: Indices
    excitation: Floats
    recent: list[Happened]
    recent_at: Indices
    recent_block: Indices
    recent_start: Floats
    recent_factor: Floats
    reported: Floats
    exposure: Floats
    tense: Indices
    tense_exposure: Floats
    tense_terms: Floats


def tension_of(strengths: Strengths, level: Floats) -> Floats:
    """Tension of a level of `TENSIONS`; the mean over units is taken as expected."""
    return np.exp(strengths.tension_spread * level - 0.5 * strengths.tension_spread**2)


def gather(
    land: Geography,
    strengths: Strengths,
    rounds: list[Round],
    campaigns: CampaignEvents,
    seen: Seen,
    as_of: int,
) -> Evidence:
    """Lay out what is known by `as_of`.

    An incident is electoral with probability 1 - 1/M, so that electoral ones come at rate
    (M - 1) * quiet rate and the others at the quiet rate itself (Kingman 1993, Poisson
    Processes, colouring theorem): of what happened, electoral ones alone speak of tension.

    Args:
        land: geography.
        strengths: parameters.
        rounds: the calendar.
        campaigns: campaign events; those not announced by `as_of` are left out.
        seen: incidents reported by `as_of`.
        as_of: last day.
    """
    model = typical(land, strengths)
    blocks = (as_of + 1 - _SETTLED_DAYS) // BLOCK_DAYS
    first = as_of + 1 - blocks * BLOCK_DAYS
    excitation = _excitations(model, seen, as_of)
    seen = seen.where(seen.day >= first)
    at = (seen.day - first, seen.channel, seen.unit)
    recent = np.arange(as_of - LONGEST_DELAY_DAYS + 1, as_of + 1)
    is_recent = seen.day >= recent[0]
    electoral = tuple(index[seen.electoral] for index in at)
    known = campaigns.where(campaigns.announced <= as_of)
    settled = excitation[first : recent[0]]
    exposure, recent_factor, terms = [], [], []
    for level in TENSIONS:
        tense = np.full((1, land.units), tension_of(strengths, level))
        days = range(first, as_of + 1)
        factor = multiplier(replace(model, tension=tense), rounds, known, 1, days)[:, :, 0]
        summed = factor.reshape(blocks, BLOCK_DAYS, CHANNELS, land.units).sum(axis=1)
        exposure.append(summed.transpose(1, 2, 0))
        recent_factor.append(factor[-len(recent) :])
        spoken = np.log(np.maximum(factor[electoral] - 1.0, _LEAST))
        term = np.bincount(electoral[2], spoken, minlength=land.units) - 0.5 * level**2
        terms.append(term - (factor[: len(settled)] * settled).sum(axis=(0, 1)))
    every = np.stack(exposure)
    tense_blocks = np.flatnonzero((np.ptp(every, axis=0) > _FELT_DAYS).any(axis=(0, 1)))
    return Evidence(
        typical=model,
        as_of=as_of,
        blocks=blocks,
        cell=np.stack([seen.channel, seen.unit, at[0] // BLOCK_DAYS]),
        excitation=excitation[seen.day, seen.channel, seen.unit],
        recent=[_on(seen, day) for day in recent.tolist()],
        recent_at=np.stack([np.flatnonzero(is_recent), seen.day[is_recent] - recent[0]]),
        recent_block=(recent - first) // BLOCK_DAYS,
        recent_start=excitation[recent[0]][:, None],
        recent_factor=np.stack(recent_factor),
        reported=share_reported(land, as_of - recent),
        exposure=every[len(TENSIONS) // 2],
        tense=tense_blocks,
        tense_exposure=every[..., tense_blocks],
        tense_terms=np.stack(terms),
    )


def typical(land: Geography, strengths: Strengths) -> Model:
    """The process of a country in which no unit stands out but by what is known of it."""
    cold = np.zeros((1, int(land.region.max()) + 1), dtype=bool)
    lasting = np.zeros((CHANNELS, 1, land.units))
    return model_with(land, strengths, cold, lasting, np.ones((1, land.units)))


def _on(seen: Seen, day: int) -> Happened:
    today = seen.day == day
    return Happened(seen.channel[today], np.zeros(today.sum(), dtype=np.intp), seen.unit[today])


def _excitations(model: Model, seen: Seen, as_of: int) -> Floats:
    """What the incidents seen set off, before each day to `as_of`, (days, channels, units)."""
    before = np.zeros((CHANNELS, 1, len(model.region)))
    found = []
    for day in range(as_of + 1):
        found.append(before[:, 0])
        before = excited(model, before, _on(seen, day))
    return np.stack(found)
