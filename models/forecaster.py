"""A fitted model with what is needed to score a bulletin: calibrator and severity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, poisson

from features.kernels import Floats
from features.vocabulary import STARTING_POINT
from models.averaging import Average, put_together
from models.bagging import Bagged
from models.baselines import expit
from models.calibration import Calibrator
from models.examples import Examples
from models.severity import Excess
from models.zoo import Entry, entry

INTERVAL_LEVEL = 0.9
"""Intervals are meant to hold the true probability this often."""


@dataclass(frozen=True)
class Forecaster:
    """What scores units.

    Attributes:
        kind: name in the zoo.
        columns: features of the panel that it was trained on, in order.
        model: the fitted average.
        calibrator: fitted on held-out time.
        dispersion: standard deviation, in log-odds, of what units have of their own.
        excess: expected incidents beyond the first.
        base_rate: share of positives in training.
    """

    kind: str
    columns: tuple[str, ...]
    model: Bagged
    calibrator: Calibrator
    dispersion: float
    excess: Excess
    base_rate: float

    def probability(self, X: pd.DataFrame) -> Floats:
        """Calibrated probability of at least one incident, shape (rows,)."""
        return expit(self.calibrator(self.model.decision_function(X)))

    def predict(self, X: pd.DataFrame) -> Floats:
        """`probability`, under the name that MLflow's scoring server looks for."""
        return self.probability(X)

    def forecast(self, X: pd.DataFrame) -> pd.DataFrame:
        """Scores of units.

        Args:
            X: one row per unit.

        Returns:
            `probability`, `lower` and `upper` (of `INTERVAL_LEVEL`, from the standard error
            of the fit and the dispersion of units, in log-odds), `expected_incidents`.
        """
        centre = self.calibrator(self.model.decision_function(X))
        error = self.calibrator.slope * self.model.standard_error(X)
        reach = norm.ppf(0.5 + INTERVAL_LEVEL / 2) * np.hypot(error, self.dispersion)
        probability = expit(centre)
        return pd.DataFrame(
            {
                "probability": probability,
                "lower": expit(centre - reach),
                "upper": expit(centre + reach),
                "expected_incidents": probability * (1 + self.excess.predict(X)),
            },
            index=X.index,
        )

    def cumulative(self, X: pd.DataFrame, most: int) -> Floats:
        """Predictive distribution of the number of incidents.

        None with 1 - p; otherwise one and a Poisson number beyond it, whose mean is the excess,
        so that the mean of the whole is `expected_incidents`.

        Args:
            X: one row per unit.
            most: largest number of incidents asked about.

        Returns:
            P(at most k incidents) for k = 0 to `most`, shape (rows, most + 1).
        """
        p = self.probability(X)[:, None]
        beyond = poisson.cdf(np.arange(most + 1) - 1, self.excess.predict(X)[:, None])
        distribution: Floats = 1 - p + p * beyond
        return distribution

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """What each feature adds, in log-odds; rows sum to the logit of the probability."""
        table = self.model.contributions(X) * self.calibrator.slope
        return table.assign(**{STARTING_POINT: table[STARTING_POINT] + self.calibrator.offset})


def fit_forecaster(
    kind: str,
    data: Examples,
    calibrator: Calibrator,
    dispersion: float,
    features: list[str],
    seed: int,
    excess: Excess | None = None,
    fitted: dict[str, Bagged] | None = None,
) -> Forecaster:
    """Fit a model of the zoo on all of `data`.

    Args:
        kind: name in the zoo.
        data: training examples.
        calibrator: fitted on held-out time.
        dispersion: fitted on held-out time.
        features: columns that models may use; baselines take their own.
        seed: seed of everything random.
        excess: fitted on `data`, where several models share it.
        fitted: see `fit_model`.
    """
    return Forecaster(
        kind=kind,
        columns=tuple(data.X.columns),
        model=fit_model(kind, data, features, seed, fitted=fitted),
        calibrator=calibrator,
        dispersion=dispersion,
        excess=excess or Excess().fit(data.X, data.counts),
        base_rate=float(data.y.mean()),
    )


def fit_model(
    kind: str | Entry,
    data: Examples,
    features: list[str],
    seed: int,
    most_members: int | None = None,
    fitted: dict[str, Bagged] | None = None,
) -> Bagged:
    """Fit the members of a model of the zoo, at most `most_members` of them.

    Args:
        kind: name in the zoo, or an entry of its own.
        data: training examples.
        features: columns that models may use; baselines take their own.
        seed: seed of everything random.
        most_members: no more are fitted than this.
        fitted: models of the zoo that were fitted so on the same examples, by name: what an
            average is made of is taken from there. The model is added to them.
    """
    found = entry(kind)
    estimator = found.estimator
    if "columns" in estimator.get_params() and estimator.get_params()["columns"] is None:
        estimator.set_params(columns=tuple(features))
    members = min(found.members, most_members or found.members)
    model = Bagged(estimator, members, seed, found.negatives)
    made = put_together(model, fitted or {}) if isinstance(estimator, Average) else None
    if made is None:
        X = data.X[list(estimator.get_params().get("columns") or ())]
        made = model.fit(X, data.y, data.day, data.risk)
    if fitted is not None and isinstance(kind, str):
        fitted[kind] = made
    return made
