"""Campaign events: tours of rallies, meetings and caravan marches drawn as Poisson processes.

Tours are independent of one another and each bears the day on which it was announced, so
that, given the tours announced by a day, the others are again a Poisson process, thinned by
the chance of not being announced yet (Kingman 1993, Poisson Processes, marking theorem).
`unannounced` uses this to draw what a forecaster of that day cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic.geography import Floats, Geography, Indices
from pipelines.synthetic.rounds import Round

PARTIES = ("UPV", "RDV", "MPN", "ADEMA-V", "FDR", "CODEM-V")
KINDS = ("rally", "meeting", "caravan")

_KIND_SHARE = (0.45, 0.35, 0.20)
_CARAVAN_STAGES = 4
_TOURS_PER_UNIT = {
    ("presidential", 1): 0.50,
    ("presidential", 2): 0.30,
    ("legislative", 1): 0.40,
    ("legislative", 2): 0.20,
    ("municipal", 1): 0.40,
}
_LEAD_DAYS = (2, 15)
RIVAL_KM = 25.0
RIVAL_DAYS = 1


@dataclass(frozen=True)
class CampaignEvents:
    """Campaign events of many branches, one element per event.

    Attributes:
        branch: simulated branch, 0 for the history.
        unit: unit, numbered from 0.
        day: day held.
        party: index in `PARTIES`.
        kind: index in `KINDS`.
        announced: day announced.
    """

    branch: Indices
    unit: Indices
    day: Indices
    party: Indices
    kind: Indices
    announced: Indices

    def where(self, keep: NDArray[np.bool_] | Indices) -> CampaignEvents:
        """The events at a mask or at positions, in that order."""
        return CampaignEvents(**{name: column[keep] for name, column in vars(self).items()})

    def in_every_branch(self, branches: int) -> CampaignEvents:
        """The events repeated in each of `branches` branches."""
        count = len(self.day)
        repeated = {name: np.tile(column, branches) for name, column in vars(self).items()}
        return CampaignEvents(**repeated | {"branch": np.repeat(np.arange(branches), count)})


def joined(parts: list[CampaignEvents]) -> CampaignEvents:
    """All events of the parts, in their order."""
    names = CampaignEvents.__dataclass_fields__
    return CampaignEvents(**{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


class Campaigner:
    """Draws the campaign events of a round, in one or many branches.

    Args:
        land: the country's geography.
        rng: drawn from once, for the parties' strength in each region.
    """

    def __init__(self, land: Geography, rng: np.random.Generator) -> None:
        strength = rng.dirichlet(np.full(len(PARTIES), 2.0), int(land.region.max()) + 1)
        crowd = land.population**0.6
        chance = crowd[:, None] * strength[land.region]
        self._units = land.units
        self._cumulative = np.cumsum(chance / chance.sum())
        self._degree = land.adjacent.sum(axis=1)
        # Row u lists the neighbours of u first, in order.
        self._neighbours = np.argsort(~land.adjacent, axis=1, kind="stable")

    def draw(self, rng: np.random.Generator, held: Round, branches: int = 1) -> CampaignEvents:
        """Campaign events of a round, independently in each branch, by branch and day."""
        mean = _TOURS_PER_UNIT[held.election_type, held.number] * self._units
        tours = int(rng.poisson(mean * branches))
        cell = np.searchsorted(self._cumulative, rng.random(tours), side="right")
        cell = np.minimum(cell, len(self._cumulative) - 1)
        start = rng.integers(held.campaign_start, held.campaign_end + 1, tours)
        lead = rng.integers(_LEAD_DAYS[0], _LEAD_DAYS[1] + 1, tours)
        drawn = CampaignEvents(
            branch=rng.integers(branches, size=tours),
            unit=cell // len(PARTIES),
            day=start,
            party=cell % len(PARTIES),
            kind=rng.choice(len(KINDS), tours, p=_KIND_SHARE),
            announced=np.maximum(start - lead, held.announced),
        )
        drawn = joined([drawn, *self._later_stages(rng, drawn)])
        drawn = drawn.where(drawn.day <= held.campaign_end)
        return drawn.where(np.lexsort((drawn.party, drawn.unit, drawn.day, drawn.branch)))

    def unannounced(
        self, rng: np.random.Generator, held: Round, branches: int, as_of: int
    ) -> CampaignEvents:
        """Campaign events of a round that are not announced by `as_of`, one draw a branch."""
        drawn = self.draw(rng, held, branches)
        return drawn.where(drawn.announced > as_of)

    def _later_stages(
        self, rng: np.random.Generator, tours: CampaignEvents
    ) -> list[CampaignEvents]:
        """A caravan is in a neighbouring unit on each of the days that follow."""
        stage = tours.where(tours.kind == KINDS.index("caravan"))
        stages = []
        for _ in range(_CARAVAN_STAGES - 1):
            unit = self._neighbours[stage.unit, rng.integers(self._degree[stage.unit])]
            stage = CampaignEvents(**vars(stage) | {"unit": unit, "day": stage.day + 1})
            stages.append(stage)
        return stages


def has_rival(events: CampaignEvents, distance_km: Floats) -> NDArray[np.bool_]:
    """Whether another party is near each event, within `RIVAL_KM` and `RIVAL_DAYS`.

    Args:
        events: events of any number of branches.
        distance_km: distances between units, shape (units, units).

    Returns:
        Shape (events,).
    """
    rival = np.zeros(len(events.day), dtype=bool)
    if not len(rival):
        return rival
    key = events.branch * (int(events.day.max()) + 2 * RIVAL_DAYS + 1) + events.day
    order = np.argsort(key, kind="stable")
    for shift in range(-RIVAL_DAYS, RIVAL_DAYS + 1):
        first = np.searchsorted(key, key + shift, side="left", sorter=order)
        count = np.searchsorted(key, key + shift, side="right", sorter=order) - first
        left = np.repeat(np.arange(len(key)), count)
        offset = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)
        right = order[np.repeat(first, count) + offset]
        near = distance_km[events.unit[left], events.unit[right]] <= RIVAL_KM
        rival[left[near & (events.party[left] != events.party[right])]] = True
    return rival
