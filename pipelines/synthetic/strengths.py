"""How strong each force of the synthetic country's process is; see `process.py` for the formula.

The values are chosen, not estimated, so that 300 units have 300 to 800 incidents a year, and
about one unit in eight sees political violence in the six weeks around an election. One
incident sets off 0.48 others directly in the armed and 0.13 in the street channel; campaign and
polling day raise this for days, and tests hold it below 1 in every unit at all times.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Strengths:
    """Parameters of the process; pairs are (armed, street).

    Attributes:
        yearly_per_unit: incidents per unit and year in quiet times, excitation included.
        own, neighbours: incidents set off directly in the same unit, and in all others.
        half_life_days: of the excitation.
        reach_km: distance at which the pull on a neighbour falls to exp(-1).
        hot_regions: share of the regions with an armed conflict; hot_factor: its rate there.
        unit_spread: standard deviation of the lasting log rate of units.
        unit_drift, region_drift: standard deviation of the drifts of the log rate.
        drift_half_life_days: of both drifts.
        campaign: factor in the whole country during a campaign.
        event, rivals: factors in a unit with a campaign event, alone and with rivals near.
        event_days: days for which they last, the day itself included.
        polling: what polling day adds to the factor 1, halved every `polling_half_life_days`.
        tension_spread: standard deviation of the log of a unit's lasting share in `polling`.
    """

    yearly_per_unit: tuple[float, float] = (0.90, 0.48)
    own: tuple[float, float] = (0.33, 0.09)
    neighbours: tuple[float, float] = (0.15, 0.04)
    half_life_days: tuple[float, float] = (21.0, 14.0)
    reach_km: float = 18.0
    hot_regions: float = 0.35
    hot_factor: float = 6.0
    unit_spread: tuple[float, float] = (1.3, 1.2)
    unit_drift: float = 0.6
    region_drift: float = 0.4
    drift_half_life_days: float = 400.0
    campaign: tuple[float, float] = (1.1, 1.6)
    event: tuple[float, float] = (1.5, 5.0)
    rivals: tuple[float, float] = (2.0, 10.0)
    event_days: int = 3
    polling: tuple[float, float] = (0.5, 3.0)
    polling_half_life_days: float = 4.0
    tension_spread: float = 0.4


STRENGTHS = Strengths()
