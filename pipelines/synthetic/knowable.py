"""Knowable probabilities: the best that can be said from the law of the process and the reports.

The true probabilities of `truth.py` know what nobody sees: lasting rates, drifts, tensions, and
incidents whose report is still on its way. Who knows the formula, every parameter and the calendar,
but of the past only what is reported by `as_of`, can say no better than the posterior predictive
probability: the mean of the true one over the posterior of the unseen (Gneiting and Raftery 2007,
JASA 102: the forecaster's expected Brier score is least there). `posterior.py` draws the unseen,
and the engine of the true probabilities runs on from each draw.

Four things are taken for known that are not quite: the strength of parties in each region, the mean
of tensions over units, the calendar before it is announced, and places that a few reports give by
name only. Drifts stand still within blocks of four weeks.
"""

from __future__ import annotations

import numpy as np

from pipelines.synthetic.campaigns import Campaigner, CampaignEvents
from pipelines.synthetic.evidence import Seen, gather
from pipelines.synthetic.geography import Geography
from pipelines.synthetic.posterior import WARM_UP, Chain
from pipelines.synthetic.rounds import Round
from pipelines.synthetic.strengths import Strengths
from pipelines.synthetic.truth import Truth, continued

DRAWS = 256
"""Draws of the unseen behind each knowable probability."""


def knowable_values(
    rng: np.random.Generator,
    land: Geography,
    strengths: Strengths,
    campaigner: Campaigner,
    rounds: list[Round],
    campaigns: CampaignEvents,
    seen: Seen,
    as_of: int,
    draws: int = DRAWS,
    warm_up: int = WARM_UP,
) -> Truth:
    """Knowable values of every unit for the window of `WINDOW_LENGTH_DAYS` days after `as_of`.

    Args:
        rng: source of randomness.
        land: geography.
        strengths: parameters of the process.
        campaigner: draws the campaign events that are not announced by `as_of`.
        rounds: the calendar.
        campaigns: campaign events; those not announced by `as_of` are left out.
        seen: incidents reported by `as_of`.
        as_of: last day of which anything is known.
        draws: number of draws of the unseen.
        warm_up: steps before the first.

    Returns:
        Values, with standard errors as if draws were independent, which they nearly are.
    """
    evidence = gather(land, strengths, rounds, campaigns, seen, as_of)
    drawn = Chain(rng, land, strengths, evidence).run(draws, warm_up)
    return continued(rng, drawn.model, campaigner, rounds, campaigns, drawn.state, as_of)
