"""Where it struck, around there, or anywhere: a model for targets that are too rare to learn.

A handful of positives cannot say how much a past incident in a unit, in its parent area or in its
country tells of the next one. The rest of the world can: what it says is constants here, and what
is left to fit are four numbers, each with a prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import gamma

from features.kernels import Floats
from features.vocabulary import STARTING_POINT
from models.baselines import MarginEstimator

HERE, AROUND, COUNTRY, UNSEEN = 0.32, 0.19, 0.49, 0.75
"""What one past incident, three years old counting half, leaves of the next one: 0.32 to the same
place (20 km), 0.19 to the area around (90 km), 0.49 to the whole country; and 0.75 of an incident
that nobody has seen, anywhere in the country.

Fitted on DECO (Fjelde and Höglund 2022) without the eight countries of the West African pack, as
known on 1 January 1999: the 47 rounds of REIGN's list with an incident. `tests/fit_recurrence.py`
does it again, and shows what later years say (0.40, 0.22, 0.38 and 1.12 by 2011). They are not
fitted anew with each model, so that a model needs no data of elsewhere, and no later year moves an
earlier forecast.
"""

USUAL = (-1.45, 1.0, 0.89, 0.5)
"""Prior means of `Recurrence`'s offset, slope, level and smallness. Offset and level: the number of
places struck in a round is exp(-1.45) (n + UNSEEN)^0.89 in a country with the decayed count n, in
all 408 rounds of the same source, of the same day. Slope: probabilities are in proportion to the
rate. Smallness: towns are struck more than their area is worth (0: as often as any unit, 1: in
proportion to how many times smaller they are).
"""

USUAL_SD = (0.5, 0.25, 0.25, 0.5)
"""Their prior standard deviations. The first two are those of `models.calibration`, for the same
reason; nothing from elsewhere tells of the last.
"""

CLUMPING = 0.32
"""Shape of the Gamma distribution by which whole rounds are better or worse than expected (1: as
varied as an exponential; the smaller, the more violence comes all at once). In the same 408 rounds
it makes the expected number of places agree with how often there was any.
"""

COLUMNS = (
    *("target_decay_1095d", "parent_mean_decay_1095d", "country_mean_decay_1095d"),
    *("country_units_count", "country_median_area_ratio"),
)


@dataclass(frozen=True)
class _Parts:
    """The parts of the rate, each of shape (rows,).

    Attributes:
        here: from the unit's own past.
        around: from its parent area's.
        country: from its country's, before smallness.
        unseen: from what nobody has seen, before smallness.
        log_small: log of how many times smaller than its country's median the unit is.
        log_units: log of the number of units of its country.
        log_total: log of the whole country's rate.
    """

    here: Floats
    around: Floats
    country: Floats
    unseen: Floats
    log_small: Floats
    log_units: Floats
    log_total: Floats

    def where(self, power: float) -> Floats:
        """What may strike anywhere, towns more than others."""
        spread: Floats = (self.country + self.unseen) * np.exp(power * self.log_small)
        return spread


def log_odds(log_rate: Floats) -> Floats:
    """Log-odds of at least one incident, where rounds vary by a Gamma factor of shape `CLUMPING`.

    A negative binomial count with mean m is 0 with probability (1 + m / k)^-k. Where m is small the
    odds are m; a place where ten incidents are expected is not struck for sure.
    """
    log_none = -CLUMPING * np.log1p(np.exp(log_rate) / CLUMPING)
    odds: Floats = np.log(-np.expm1(log_none)) - log_none
    return odds


_LOG_FACTOR = np.linspace(-30.0, 4.0, 171)
"""Logarithms of the Gamma factors over which rounds are summed. They start low: with so small a
shape four rounds in a hundred have a factor under e^-9.
"""


def _rounds_likelihood(
    mean: Floats, struck: NDArray[np.bool_], weight: Floats, round_: NDArray[np.int64]
) -> tuple[float, Floats]:
    """Log-likelihood of the units struck, the rounds' Gamma factors summed out.

    Args:
        mean: expected incidents of each row, shape (rows,).
        struck: whether there was any.
        weight: weight of each row.
        round_: number of the round of each row, from 0.

    Returns:
        The log-likelihood, and its derivative by the log of each row's mean.
    """
    factor = np.exp(_LOG_FACTOR)
    step = _LOG_FACTOR[1] - _LOG_FACTOR[0]
    log_prior = gamma.logpdf(factor, CLUMPING, scale=1 / CLUMPING) + _LOG_FACTOR + np.log(step)
    rounds = int(round_.max(initial=-1)) + 1
    quiet = np.bincount(round_, weight * mean * ~struck, minlength=rounds)
    by_factor = log_prior[None, :] - quiet[:, None] * factor[None, :]
    hits = mean[struck, None] * factor[None, :]
    np.add.at(by_factor, round_[struck], weight[struck, None] * np.log(-np.expm1(-hits)))
    likelihood = logsumexp(by_factor, axis=1)
    belief = np.exp(by_factor - likelihood[:, None])
    up = -weight * mean * (belief @ factor)[round_]
    # The derivative of log(1 - exp(-h)) by log h; at a large h the incident was certain.
    rise = hits / np.expm1(np.minimum(hits, 500.0))
    up[struck] = weight[struck] * (belief[round_[struck]] * rise).sum(axis=1)
    return float(likelihood.sum()), up


class Recurrence(MarginEstimator):
    """A Gamma-Poisson rate of incidents with places pooled level by level.

    In a country of N units and the decayed count n, whose mean over units is n_country = n / N, the
    rate of a unit is in proportion to

        s = HERE n_unit + AROUND n_parent + (COUNTRY n_country + UNSEEN / N) r^smallness

    where r is how many times smaller than the country's median unit it is. This is the predictive
    rule of a Dirichlet process (Blackwell and MacQueen 1973) whose next draw may also fall near an
    earlier one, as in models of earthquakes (Ogata 1998). With t = n + UNSEEN the country's total,

        log rate = offset + slope log(N s / t) + level log t - log N

    so that what is known of the country and of where in it are trusted apart. The four numbers are
    the most probable ones under normal priors (`USUAL`); `log_odds` makes probabilities of rates.

    Args:
        columns: the five features, in the order of `COLUMNS`.
    """

    takes_days = True

    def __init__(self, columns: tuple[str, ...] = COLUMNS) -> None:
        self.columns = columns

    def fit(self, X: pd.DataFrame, y: Any, sample_weight: Any = None, day: Any = None) -> Self:
        """Fit offset, slope, level and the power of smallness.

        What a round is better or worse than expected is summed out, so that one bad round is one
        piece of news about the level, however many units it struck.

        Args:
            X: features, shape (rows, features).
            y: 0 or 1 per row.
            sample_weight: weight per row; 1 when None.
            day: `as_of` day number of each row: rows of one day and country are one round. All of
                a country's rows are when None.
        """
        weight = (
            np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=float)
        )
        struck = np.asarray(y) > 0
        parts = self._parts(X)
        days = np.zeros(len(X)) if day is None else np.asarray(day, dtype=float)
        # The units of a country know the same total, and countries differ in it or in their units.
        labels = np.column_stack([days, parts.log_units, np.round(parts.log_total, 4)])
        round_ = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
        self.usual_log_units_ = float(weight @ parts.log_units / max(weight.sum(), 1.0))
        usual, sd = np.array(USUAL), np.array(USUAL_SD)

        def loss(parameters: Floats) -> tuple[float, Floats]:
            """Minus the log posterior, and its gradient."""
            offset, slope, level, power = parameters
            spread = parts.where(power)
            rate = parts.here + parts.around + spread
            relative = np.log(rate) + parts.log_units - parts.log_total
            mean = np.exp(offset + slope * relative + level * parts.log_total - parts.log_units)
            likelihood, up = _rounds_likelihood(mean, struck, weight, round_)
            away = (parameters - usual) / sd
            rises = [
                up.sum(),
                up @ relative,
                up @ parts.log_total,
                up @ (slope * parts.log_small * spread / rate),
            ]
            return float(away @ away / 2 - likelihood), away / sd - np.array(rises)

        bounds = [(None, None), (0.0, None), (0.0, None), (0.0, None)]
        best = minimize(loss, usual, jac=True, method="L-BFGS-B", bounds=bounds)
        self.offset_, self.slope_, self.level_, self.power_ = (float(v) for v in best.x)
        return self

    def _parts(self, X: pd.DataFrame) -> _Parts:
        own, parent, country, units, ratio = (X[c].to_numpy(dtype=float) for c in self.columns)
        return _Parts(
            here=HERE * own,
            around=AROUND * parent,
            country=COUNTRY * country,
            unseen=UNSEEN / units,
            # An unknown area is taken for the median.
            log_small=np.log(np.where(ratio > 0, ratio, 1.0)),
            log_units=np.log(units),
            log_total=np.log(country * units + UNSEEN),
        )

    def decision_function(self, X: pd.DataFrame) -> Floats:
        """Log-odds, shape (rows,)."""
        total: Floats = self.contributions(X).to_numpy().sum(axis=1)
        return total

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Where nothing is known, then one factor of the rate after the other.

        What past incidents add to the rate is shared by how much each level adds. Where log-odds
        rise less than the log of the rate does, all factors give way alike.
        """
        parts = self._parts(X)
        larger = np.exp(self.power_ * parts.log_small)
        added = np.column_stack([parts.here, parts.around, parts.country * larger])
        unseen, total = parts.unseen * larger, added.sum(axis=1)
        rise = self.slope_ * np.log1p(total / unseen)
        shares = added / np.where(total > 0, total, 1.0)[:, None] * rise[:, None]
        shares[:, 2] += (self.level_ - self.slope_) * (parts.log_total - np.log(UNSEEN))
        start = self.offset_ + self.level_ * float(np.log(UNSEEN)) - self.usual_log_units_
        factors = np.column_stack(
            [
                shares,
                self.usual_log_units_ - parts.log_units,
                self.slope_ * self.power_ * parts.log_small,
            ]
        )
        whole = factors.sum(axis=1)
        moved = log_odds(start + whole) - log_odds(np.array(start))
        some = np.abs(whole) > 1e-9
        factors *= np.where(some, moved / np.where(some, whole, 1.0), 1.0)[:, None]
        table = pd.DataFrame(factors, columns=list(self.columns), index=X.index)
        return table.assign(**{STARTING_POINT: float(log_odds(np.array(start)))})
