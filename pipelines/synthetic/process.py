"""The violence of the synthetic country: a self-exciting process in daily steps.

For channel c (armed, street), unit u and day t, the count of incidents is Poisson with rate

    rate[c,u,t] = M[c,u,t] * ( mu[c,u] * exp(y[u,t] + z[region(u),t])
                             + sum_v K[c][v,u] * sum_{s<t} g_c(t - s) * N[c,v,s] )

after Hawkes (1971, Biometrika 58) in the discrete, spatial form that Mohler et al. (2011,
JASA 106) use for crime. `g_c` is geometric with mass 1, so `K[c][v,u]` is the expected number
of incidents in u that one incident in v sets off directly while M = 1. `y` and `z` are slow
stationary AR(1) drifts, of units and of regions. `M` carries the calendar: campaign, campaign
events, rivals, polling day. Counts split into event types by fixed shares.

One engine runs the history (one branch) and the continuations behind the true
probabilities (many branches), so that the two cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import POLITICAL_VIOLENCE, EventType
from pipelines.synthetic.campaigns import CampaignEvents, has_rival
from pipelines.synthetic.geography import Floats, Geography, Indices
from pipelines.synthetic.rounds import Round
from pipelines.synthetic.strengths import STRENGTHS, Strengths

TYPE_SHARE: tuple[dict[EventType, float], ...] = (
    {
        EventType.BATTLE: 0.35,
        EventType.EXPLOSION: 0.13,
        EventType.VIOLENCE_AGAINST_CIVILIANS: 0.40,
        EventType.STRATEGIC_DEVELOPMENT: 0.12,
    },
    {EventType.RIOT: 0.45, EventType.PROTEST: 0.55},
)
"""Share of each event type in the armed and in the street channel."""

VIOLENT_SHARE: Floats = np.array(
    [sum(share for kind, share in s.items() if kind in POLITICAL_VIOLENCE) for s in TYPE_SHARE]
)
"""Share of political violence in each channel, shape (channels,)."""

CHANNELS = len(TYPE_SHARE)
DRIFT_STEP_DAYS = 7


@dataclass(frozen=True)
class Model:
    """The process of one country, or of one guess at it per branch.

    Attributes:
        background: mu, shape (channels, 1 or branches, units), incidents per day.
        kernel: K, shape (channels, units, units); the row sets off, the column is set off.
        decay: one day's decay of the excitation, shape (channels,).
        tension: share of each unit in polling-day violence, shape (1 or branches, units).
        region: region of each unit.
        distance_km: between units.
        strengths: parameters.
    """

    background: Floats
    kernel: Floats
    decay: Floats
    tension: Floats
    region: Indices
    distance_km: Floats
    strengths: Strengths


@dataclass(frozen=True)
class State:
    """Where the process stands before a day.

    Attributes:
        excitation: shape (channels, branches, units), incidents per day.
        unit_drift: y, shape (branches, units).
        region_drift: z, shape (branches, regions).
    """

    excitation: Floats
    unit_drift: Floats
    region_drift: Floats

    def in_every_branch(self, branches: int) -> State:
        """The state of one branch repeated in `branches` branches."""
        return State(
            np.repeat(self.excitation, branches, axis=1),
            np.repeat(self.unit_drift, branches, axis=0),
            np.repeat(self.region_drift, branches, axis=0),
        )


@dataclass(frozen=True)
class Happened:
    """Incidents of one day, one element per incident.

    Attributes:
        channel: 0 armed, 1 street.
        branch: simulated branch.
        unit: unit, numbered from 0.
    """

    channel: Indices
    branch: Indices
    unit: Indices


def make_model(
    rng: np.random.Generator, land: Geography, strengths: Strengths = STRENGTHS
) -> Model:
    """Draw the lasting traits of units and scale their background to the wanted volume."""
    regions = int(land.region.max()) + 1
    hot = rng.permutation(regions) < hot_count(strengths, regions)
    lasting = rng.normal(0.0, 1.0, (CHANNELS, 1, land.units))
    tension = np.exp(rng.normal(0.0, strengths.tension_spread, (1, land.units)))
    return model_with(land, strengths, hot[None], lasting, tension / tension.mean())


def hot_count(strengths: Strengths, regions: int) -> int:
    """How many of the regions have an armed conflict."""
    return max(1, round(strengths.hot_regions * regions))


def model_with(
    land: Geography,
    strengths: Strengths,
    hot: NDArray[np.bool_],
    lasting: Floats,
    tension: Floats,
) -> Model:
    """The process of units whose traits are given.

    Args:
        land: geography.
        strengths: parameters.
        hot: regions with an armed conflict, shape (branches, regions).
        lasting: lasting log rate in standard deviations, shape (channels, branches, units).
        tension: share of each unit in polling-day violence, shape (branches, units).
    """
    crowd = (land.population / land.population.mean()) ** 0.5
    relative = crowd * np.exp(lasting * np.array(strengths.unit_spread)[:, None, None])
    relative[0] *= np.where(hot[:, land.region], strengths.hot_factor, 1.0)
    relative[1] *= 0.4 + 2.0 * land.share_urban
    scale = quiet_rate(strengths)[:, None] / relative.mean(axis=2)
    return Model(
        background=relative * scale[:, :, None],
        kernel=kernel(land.distance_km, strengths),
        decay=0.5 ** (1.0 / np.array(strengths.half_life_days)),
        tension=tension,
        region=land.region,
        distance_km=land.distance_km,
        strengths=strengths,
    )


def quiet_rate(strengths: Strengths) -> Floats:
    """Mean of mu over units, shape (channels,), incidents per day."""
    set_off = np.array(strengths.own) + np.array(strengths.neighbours)
    daily = np.array(strengths.yearly_per_unit) * (1.0 - set_off) / 365.25
    log_drift_mean = 0.5 * (strengths.unit_drift**2 + strengths.region_drift**2)
    return np.asarray(daily / np.exp(log_drift_mean))


def kernel(distance_km: Floats, strengths: Strengths) -> Floats:
    """K, shape (channels, units, units): incidents in the column that one in the row sets off."""
    pull = np.exp(-distance_km / strengths.reach_km) * (distance_km <= 4.0 * strengths.reach_km)
    np.fill_diagonal(pull, 0.0)
    pull /= np.maximum(pull.sum(axis=1, keepdims=True), 1e-12)
    own = np.eye(len(pull))
    return np.stack(
        [o * own + n * pull for o, n in zip(strengths.own, strengths.neighbours, strict=True)]
    )


def initial_state(rng: np.random.Generator, model: Model) -> State:
    """One branch at rest: no excitation, drifts from their stationary law."""
    regions = int(model.region.max()) + 1
    return State(
        np.zeros((CHANNELS, 1, len(model.region))),
        rng.normal(0.0, model.strengths.unit_drift, (1, len(model.region))),
        rng.normal(0.0, model.strengths.region_drift, (1, regions)),
    )


def multiplier(
    model: Model, rounds: list[Round], events: CampaignEvents, branches: int, days: range
) -> Floats:
    """M of every day in `days`, shape (days, channels, branches, units).

    Factors of several campaign events in a unit do not pile up: the largest counts. With
    `worst_offspring` this keeps the process subcritical whatever the campaigns bring.
    """
    s = model.strengths
    factor = np.ones((len(days), CHANNELS, branches, len(model.region)), dtype=np.float32)
    rival = has_rival(events, model.distance_km)
    for c in range(CHANNELS):
        strength = np.where(rival, s.rivals[c], s.event[c]).astype(np.float32)
        for lag in range(s.event_days):
            at = events.day + lag - days.start
            inside = (at >= 0) & (at < len(days))
            cells = (at[inside], events.branch[inside], events.unit[inside])
            np.maximum.at(factor[:, c], cells, strength[inside])
    return np.asarray(factor * _national(model, rounds, days), dtype=np.float64)


def _national(model: Model, rounds: list[Round], days: range) -> Floats:
    """The calendar's factor; overlapping rounds: the largest.

    Returns:
        Shape (days, channels, 1 or branches, units), as the model's `tension` has branches.
    """
    s = model.strengths
    day = np.arange(days.start, days.stop)
    factor = np.ones((len(day), CHANNELS, *model.tension.shape))
    for held in rounds:
        running = (day >= held.campaign_start) & (day < held.polling_day)
        since = day - held.polling_day
        fading = np.where(since >= 0, 0.5 ** (np.maximum(since, 0) / s.polling_half_life_days), 0.0)
        for c in range(CHANNELS):
            campaign = np.where(running, s.campaign[c], 1.0)
            polling = s.polling[c] * fading[:, None, None] * model.tension
            factor[:, c] = np.maximum(factor[:, c], campaign[:, None, None] + polling)
    return factor


def rates(model: Model, state: State, factor: Floats) -> Floats:
    """Rate of every channel, branch and unit, incidents per day; `factor` is M of the day."""
    log_drift = state.unit_drift + state.region_drift[:, model.region]
    quiet = model.background * np.exp(log_drift) + state.excitation
    return np.asarray(factor * quiet, dtype=np.float64)


def draw(rng: np.random.Generator, rate: Floats) -> Happened:
    """Incidents of one day, given the rates, shape (channels, branches, units).

    Independent Poisson counts, drawn as one Poisson total spread over the cells in
    proportion to their rates, which is the same law and costs far less when cells are many
    and incidents few.
    """
    cumulative = np.cumsum(rate)
    total = int(rng.poisson(cumulative[-1]))
    cell = np.searchsorted(cumulative, rng.random(total) * cumulative[-1], side="right")
    channel, branch, unit = np.unravel_index(np.minimum(cell, rate.size - 1), rate.shape)
    return Happened(channel, branch, unit)


def advance(
    rng: np.random.Generator, model: Model, state: State, happened: Happened, day: int
) -> State:
    """The state before the day after `day`."""
    state = replace(state, excitation=excited(model, state.excitation, happened))
    if (day + 1) % DRIFT_STEP_DAYS:
        return state
    return drifted(rng, model.strengths, state)


def excited(model: Model, excitation: Floats, happened: Happened) -> Floats:
    """The excitation before the day after one, given the excitation before that day."""
    excitation = excitation * model.decay[:, None, None]
    for c in range(CHANNELS):
        of_channel = happened.channel == c
        set_off = (1.0 - model.decay[c]) * model.kernel[c][happened.unit[of_channel]]
        np.add.at(excitation[c], happened.branch[of_channel], set_off)
    return excitation


def drifted(rng: np.random.Generator, s: Strengths, state: State) -> State:
    """One step of both AR(1) drifts, which leaves their stationary law as it is."""
    keep = 0.5 ** (DRIFT_STEP_DAYS / s.drift_half_life_days)
    fresh = np.sqrt(1.0 - keep**2)
    return replace(
        state,
        unit_drift=keep * state.unit_drift
        + fresh * rng.normal(0.0, s.unit_drift, state.unit_drift.shape),
        region_drift=keep * state.region_drift
        + fresh * rng.normal(0.0, s.region_drift, state.region_drift.shape),
    )


def worst_offspring(model: Model, factor: Floats) -> float:
    """Largest expected number of incidents that one incident sets off directly.

    The sum over v and lags of K[u,v] * g(lag) * M[v, t+lag], over every unit u, day t and
    channel. Below 1, every generation is smaller than the one before, so that the process is
    subcritical at all times (Hawkes & Oakes 1974, J. Appl. Prob. 11).

    Args:
        model: the process.
        factor: M of one branch over consecutive days, shape (days, channels, 1, units).
    """
    ahead = np.ones(factor.shape[1:])
    worst = 0.0
    for day in range(len(factor) - 1, -1, -1):
        decay = model.decay[:, None, None]
        ahead = (1.0 - decay) * factor[day] + decay * ahead
        worst = max(worst, float((model.kernel @ ahead[:, 0, :, None]).max()))
    return worst
