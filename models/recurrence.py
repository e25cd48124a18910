"""Where it struck, around there, or anywhere: a model for targets that are too rare to learn.

A handful of positives cannot say how much a past incident in a unit, in its parent area or in its
country tells of the next one. The rest of the world can: those shares are constants here, and what
is left to fit are three numbers, each with a prior.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from features.kernels import Floats
from features.vocabulary import STARTING_POINT
from models.baselines import MarginEstimator, expit

HERE, AROUND, COUNTRY, UNSEEN = 0.32, 0.19, 0.49, 0.75
"""What one past incident, three years old counting half, leaves of the next one: 0.32 to the same
place (20 km), 0.19 to the area around (90 km), 0.49 to the rest of the country; and an incident's
worth of 0.75 to where nothing is known of.

Fitted on DECO (Fjelde and Höglund 2022) without West Africa, as known on 1 January 1999: 47 rounds
of REIGN's list with an incident. `tests/fit_recurrence.py` does it again, and shows what later
years say (0.40, 0.22, 0.38 and 1.12 by 2011). They are not fitted anew with each model, so that a
model needs no data of elsewhere, and no later year moves an earlier forecast.
"""

SLOPE_SD = 0.5
"""Prior standard deviation around 1, where the probability is in proportion to the score."""

SMALLNESS, SMALLNESS_SD = 0.5, 0.5
"""Prior of the power of smallness: incidents are likelier in towns than their area is worth (0
would be as likely in any unit, 1 in proportion to how many times smaller it is), how much so is not
known beforehand.
"""

COLUMNS = (
    *("target_decay_1095d", "parent_mean_decay_1095d", "country_mean_decay_1095d"),
    *("country_units_count", "country_median_area_ratio"),
)


class Recurrence(MarginEstimator):
    """Log-odds on the logarithm of a Gamma-Poisson rate with places pooled level by level.

    The rate of unit i in a country of N units is in proportion to

        s = HERE n + AROUND n_parent + (COUNTRY n_country + UNSEEN / N) r^g

    with n its decayed count, n_parent and n_country the means over its parent area's and country's
    units, and r how many times smaller than the country's median unit it is. This is the predictive
    rule of a Dirichlet process (Blackwell and MacQueen 1973) whose next draw may also fall near an
    earlier one, as in models of earthquakes (Ogata 1998). Offset, slope and g are the most probable
    ones under normal priors.

    Args:
        columns: the five features, in the order of `COLUMNS`.
    """

    def __init__(self, columns: tuple[str, ...] = COLUMNS) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None) -> Self:
        """Fit offset, slope and the power of smallness."""
        weight = (
            np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        )
        y = np.asarray(y, dtype=float)
        seen, anywhere, smallness = self._parts(X)
        self.usual_ = float(np.average(np.log(self._unseen(X)), weights=weight))

        def loss(parameters: Floats) -> tuple[float, Floats]:
            """Minus the log posterior, and its gradient."""
            offset, slope, power = parameters
            spread = anywhere * np.exp(power * smallness)
            log_rate = np.log(seen + spread) - self.usual_
            margin = offset + slope * log_rate
            away = [(slope - 1) / SLOPE_SD, (power - SMALLNESS) / SMALLNESS_SD]
            fit = weight @ (np.logaddexp(0, margin) - y * margin)
            wrong = weight * (expit(margin) - y)
            down = [
                wrong.sum(),
                wrong @ log_rate + away[0] / SLOPE_SD,
                wrong @ (slope * spread * smallness / (seen + spread)) + away[1] / SMALLNESS_SD,
            ]
            return float(fit + np.square(away).sum() / 2), np.array(down)

        start = np.array([0.0, 1.0, SMALLNESS])
        bounds = [(None, None), (0.0, None), (0.0, None)]
        best = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        self.offset_, self.slope_, self.power_ = (float(v) for v in best.x)
        return self

    def _unseen(self, X: pd.DataFrame) -> Floats:
        share: Floats = UNSEEN / X[self.columns[3]].to_numpy(dtype=float)
        return share

    def _parts(self, X: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
        """What past incidents here and around add, what may strike anywhere, and log smallness."""
        own, parent, country, _, ratio = (X[c].to_numpy(dtype=float) for c in self.columns)
        # An unknown area is taken for the median.
        smallness = np.log(np.where(ratio > 0, ratio, 1.0))
        return HERE * own + AROUND * parent, COUNTRY * country + self._unseen(X), smallness

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        seen, anywhere, smallness = self._parts(X)
        rate = seen + anywhere * np.exp(self.power_ * smallness)
        margin: Floats = self.offset_ + self.slope_ * (np.log(rate) - self.usual_)
        return margin

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """One factor of the rate after the other; past incidents share theirs by what they add."""
        own, parent, country, *_ = (X[c].to_numpy(dtype=float) for c in self.columns)
        seen, anywhere, smallness = self._parts(X)
        larger = np.exp(self.power_ * smallness)
        rate = seen + anywhere * larger
        parts = np.column_stack([HERE * own, AROUND * parent, COUNTRY * country * larger])
        total = parts.sum(axis=1)
        unseen = self._unseen(X)
        rise = self.slope_ * (np.log(rate) - np.log(unseen * larger))
        shares = parts / np.where(total > 0, total, 1.0)[:, None] * rise[:, None]
        table = pd.DataFrame(shares, columns=list(self.columns[:3]), index=X.index)
        return table.assign(
            **{
                self.columns[3]: self.slope_ * (np.log(unseen) - self.usual_),
                self.columns[4]: self.slope_ * self.power_ * smallness,
                STARTING_POINT: self.offset_,
            }
        )
