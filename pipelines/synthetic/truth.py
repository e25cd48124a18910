"""True probabilities: what a forecaster who knew the process and its whole past would say.

From the true state on `as_of`, many branches of the future are run with the engine that made
the history. Campaign events announced by `as_of` are held in all branches, the others are
drawn anew in each. The calendar of elections is given.

Neither number is a bare share of branches. With `lambda_t` the rate of political violence of
a unit on day t, given the branch's past:

    I = 1[at least one in the window]     Z = sum_t 1[none before t] * (1 - exp(-lambda_t))
    probability = mean over branches of Z + beta * (I - Z)
    expected    = mean over branches of sum_t lambda_t

Z is the compensator of I (Brémaud 1981, Point Processes and Queues, ch. II), so that both
have the same mean; `beta` weights them for the least variance, unit by unit, as a control
variate does (Glasserman 2003, Monte Carlo Methods in Financial Engineering, sec. 4.1). It is
0 where too few branches had an incident to fit it, so that rare units get small positive
probabilities, and no probability is nearer to 1 than half a branch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.synthetic.campaigns import Campaigner, CampaignEvents, joined
from pipelines.synthetic.geography import Floats
from pipelines.synthetic.process import (
    VIOLENT_SHARE,
    Model,
    State,
    advance,
    draw,
    multiplier,
    rates,
)
from pipelines.synthetic.rounds import WINDOW_LENGTH_DAYS, Round

_FEWEST_TO_FIT = 20
_STILL_FELT_DAYS = 10


@dataclass(frozen=True)
class Truth:
    """True values of every unit for the window that follows one `as_of`, shape (units,) each.

    Attributes:
        probability: of at least one incident of political violence.
        probability_se: its Monte-Carlo standard error.
        expected: expected number of incidents of political violence.
        expected_se: its Monte-Carlo standard error; rough in the rarest units, where few
            branches bring the neighbours' violence that makes most of the spread.
    """

    probability: Floats
    probability_se: Floats
    expected: Floats
    expected_se: Floats


def true_values(
    rng: np.random.Generator,
    model: Model,
    campaigner: Campaigner,
    rounds: list[Round],
    held: CampaignEvents,
    state: State,
    as_of: int,
    branches: int,
) -> Truth:
    """True values for the window of `WINDOW_LENGTH_DAYS` days after `as_of`.

    Args:
        rng: source of randomness.
        model: the process.
        campaigner: draws the campaign events that are not announced by `as_of`.
        rounds: the calendar.
        held: the campaign events of the history.
        state: the true state before the day after `as_of`, one branch.
        as_of: last day of which everything is known.
        branches: number of continuations.
    """
    state = state.in_every_branch(branches)
    return continued(rng, model, campaigner, rounds, held, state, as_of)


def continued(
    rng: np.random.Generator,
    model: Model,
    campaigner: Campaigner,
    rounds: list[Round],
    held: CampaignEvents,
    state: State,
    as_of: int,
) -> Truth:
    """As `true_values`, from a state, and maybe a model, of its own in every branch."""
    branches = len(state.unit_drift)
    days = range(as_of + 1, as_of + 1 + WINDOW_LENGTH_DAYS)
    announced = held.where((held.announced <= as_of) & (held.day > as_of - _STILL_FELT_DAYS))
    events = _with_unannounced(rng, campaigner, rounds, announced, days, branches)
    factor = multiplier(model, rounds, events, branches, days)
    none_yet = np.ones(state.unit_drift.shape, dtype=bool)
    compensator, expected = np.zeros(none_yet.shape), np.zeros(none_yet.shape)
    for day in days:
        rate = rates(model, state, factor[day - days.start])
        violent = np.tensordot(VIOLENT_SHARE, rate, axes=1)
        compensator += none_yet * -np.expm1(-violent)
        expected += violent
        happened = draw(rng, rate)
        seen = rng.random(len(happened.unit)) < VIOLENT_SHARE[happened.channel]
        none_yet[happened.branch[seen], happened.unit[seen]] = False
        state = advance(rng, model, state, happened, day)
    probability, error = _mean_and_error(_combined(~none_yet, compensator))
    probability = np.minimum(probability, 1.0 - 0.5 / branches)
    return Truth(probability, error, *_mean_and_error(expected))


def _with_unannounced(
    rng: np.random.Generator,
    campaigner: Campaigner,
    rounds: list[Round],
    announced: CampaignEvents,
    days: range,
    branches: int,
) -> CampaignEvents:
    """The announced campaign events in every branch, and in each its own draw of the others."""
    as_of = days.start - 1
    ahead = [r for r in rounds if r.campaign_start < days.stop and r.campaign_end > as_of]
    fresh = [campaigner.unannounced(rng, r, branches, as_of) for r in ahead]
    return joined([announced.in_every_branch(branches), *fresh])


def _combined(occurred: NDArray[np.bool_], compensator: Floats) -> Floats:
    """Z + beta * (I - Z), shape (branches, units)."""
    gap = occurred - compensator
    centred = compensator - compensator.mean(axis=0)
    spread = np.maximum(((gap - gap.mean(axis=0)) ** 2).sum(axis=0), 1e-12)
    beta = np.clip(-(centred * gap).sum(axis=0) / spread, 0.0, 1.0)
    enough = occurred.sum(axis=0) >= _FEWEST_TO_FIT
    return compensator + np.where(enough, beta, 0.0) * gap


def _mean_and_error(branches: Floats) -> tuple[Floats, Floats]:
    error = branches.std(axis=0, ddof=1) / np.sqrt(len(branches))
    return branches.mean(axis=0), error
