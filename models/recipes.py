"""How a fitted model was made, so that it can be made again on other data."""

from __future__ import annotations

import hashlib
import json

from sklearn.base import clone

from models.forecaster import Forecaster
from models.zoo import ZOO, Entry


def recipe(forecaster: Forecaster) -> Entry:
    """The estimator with its settings and features, unfitted, as an entry of the zoo.

    The settings are those with which the model was fitted, not those that the zoo has today.
    """
    today = ZOO.get(forecaster.kind)
    return Entry(
        estimator=clone(forecaster.model.estimator),
        members=forecaster.model.members,
        says=f"{forecaster.kind}, as it was fitted",
        calibrated=today.calibrated if today else True,
        negatives=forecaster.model.negatives,
    )


def recipe_digest(forecaster: Forecaster) -> str:
    """SHA-256 of kind, settings, features, members and seed.

    Code is not part of it: what has changed in the code since cannot be run again, so that
    refitting an older model gives what the code of today makes of its settings.
    """
    made = {
        "kind": forecaster.kind,
        "estimator": type(forecaster.model.estimator).__name__,
        "settings": forecaster.model.estimator.get_params(),
        "members": forecaster.model.members,
        "negatives": forecaster.model.negatives,
        "seed": forecaster.model.seed,
    }
    return hashlib.sha256(json.dumps(made, sort_keys=True, default=repr).encode()).hexdigest()
