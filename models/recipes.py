"""How a fitted model was made, so that it can be made again on other data."""

from __future__ import annotations

import hashlib
import inspect
import json

from models.baselines import MarginEstimator
from models.forecaster import Forecaster
from models.zoo import ZOO, Entry


def recipe(forecaster: Forecaster) -> Entry:
    """The estimator with its settings and features, unfitted, as an entry of the zoo.

    The settings are those with which the model was fitted, not those that the zoo has today.
    """
    today = ZOO.get(forecaster.kind)
    return Entry(
        estimator=_remade(forecaster.model.estimator),
        members=forecaster.model.members,
        says=f"{forecaster.kind}, as it was fitted",
        calibrated=today.calibrated if today else True,
        negatives=getattr(forecaster.model, "negatives", None),
    )


def _remade(estimator: MarginEstimator) -> MarginEstimator:
    """A new estimator with the settings of one that was stored, perhaps by older code.

    Settings that the class did not have then take the values of today.
    """
    return type(estimator)(**_settings(estimator))


def _settings(estimator: MarginEstimator) -> dict[str, object]:
    names = inspect.signature(type(estimator)).parameters
    return {name: getattr(estimator, name) for name in names if hasattr(estimator, name)}


def recipe_digest(forecaster: Forecaster) -> str:
    """SHA-256 of kind, settings, features, members and seed.

    Code is not part of it: what has changed in the code since cannot be run again, so that
    refitting an older model gives what the code of today makes of its settings.
    """
    made = {
        "kind": forecaster.kind,
        "estimator": type(forecaster.model.estimator).__name__,
        "settings": _settings(forecaster.model.estimator),
        "members": forecaster.model.members,
        "negatives": getattr(forecaster.model, "negatives", None),
        "seed": forecaster.model.seed,
    }
    return hashlib.sha256(json.dumps(made, sort_keys=True, default=repr).encode()).hexdigest()
