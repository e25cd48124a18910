"""Every model by name. A pack's `training.candidates` are names of this table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sklearn.base import clone

from features.errors import ConfigError
from models.averaging import AVERAGE, Average
from models.baselines import BASELINES, Constant, MarginEstimator
from models.estimators import BoostedTrees, SignedLogLogistic
from models.recurrence import Recurrence
from models.self_exciting import SelfExciting


@dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Attributes:
        estimator: what is cloned and fitted.
        members: how many are fitted, each without some of the training time, and averaged.
        says: one line for the model card.
        calibrated: whether its margins are calibrated on held-out time.
        negatives: rows without an incident that each member sees per row with one; all
            when None.
    """

    estimator: MarginEstimator
    members: int
    says: str
    calibrated: bool = True
    negatives: float | None = None


BASELINE_MEMBERS = 10
MEMBERS, NEGATIVES = 8, 5.0
"""The same for every candidate, so that `average` can be put together from the others."""

ZOO: dict[str, Entry] = {
    "logistic": Entry(
        SignedLogLogistic(),
        MEMBERS,
        "L2-regularised logistic regression on logged features",
        negatives=NEGATIVES,
    ),
    "xgboost": Entry(
        BoostedTrees(),
        MEMBERS,
        "gradient-boosted trees of depth 3",
        negatives=NEGATIVES,
    ),
    "self_exciting": Entry(
        SelfExciting(),
        MEMBERS,
        "a rate to which every past incident adds, here and around, perhaps more where people vote",
        negatives=NEGATIVES,
    ),
    AVERAGE: Entry(
        Average(),
        MEMBERS,
        "mean log-odds of the three above",
        negatives=NEGATIVES,
    ),
    # Held-out rounds are too few to calibrate on; its own priors do that.
    "recurrence": Entry(
        Recurrence(),
        BASELINE_MEMBERS,
        "past incidents pooled from unit to country to world, for targets too rare to learn",
        calibrated=False,
    ),
} | {
    name: Entry(
        estimator,
        BASELINE_MEMBERS,
        f"baseline: {name.replace('_', ' ')}",
        calibrated=not isinstance(estimator, Constant),
    )
    for name, estimator in BASELINES.items()
}


def own_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Features that models need whatever features a pack chooses; none for those that take any."""
    parameters = (entry(name).estimator.get_params() for name in names)
    return tuple(dict.fromkeys(c for p in parameters for c in p.get("columns") or ()))


def entry(name: str | Entry) -> Entry:
    """A fresh, unfitted entry of the zoo; an entry that is not of the zoo stays what it is.

    Raises:
        ConfigError: no model has this name.
    """
    if isinstance(name, Entry):
        return replace(name, estimator=clone(name.estimator))
    if name not in ZOO:
        raise ConfigError(
            f"model: expected one of {', '.join(ZOO)}, got {name!r}; "
            "add it to models/zoo.py or mend training.candidates"
        )
    return replace(ZOO[name], estimator=clone(ZOO[name].estimator))
