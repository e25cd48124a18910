"""A model's recipe: the settings with which it was fitted, also where the code has moved on."""

from __future__ import annotations

import pytest

from models.calibration import Calibrator
from models.examples import Examples
from models.forecaster import fit_forecaster
from models.recipes import recipe, recipe_digest
from models.zoo import ZOO


@pytest.mark.parametrize("kind", ["xgboost", "average", "count_365d_parent_mean"])
def test_recipe_is_what_the_model_was_fitted_with(kind: str, data: Examples) -> None:
    fitted = fit_forecaster(kind, data, Calibrator(), 0.1, list(data.X.columns), seed=3)
    made = recipe(fitted)
    assert made.estimator.get_params() == fitted.model.estimator.get_params()
    assert (made.members, made.negatives) == (ZOO[kind].members, ZOO[kind].negatives)


def test_a_model_stored_before_a_setting_existed_still_has_a_recipe(data: Examples) -> None:
    fitted = fit_forecaster("xgboost", data, Calibrator(), 0.1, list(data.X.columns), seed=3)
    fitted.model.estimator.max_depth = 2
    whole = recipe_digest(fitted)
    del fitted.model.estimator.min_child_share, fitted.model.negatives
    made = recipe(fitted)
    assert made.estimator.max_depth == 2
    assert made.estimator.min_child_share == ZOO["xgboost"].estimator.min_child_share
    assert made.negatives is None
    assert recipe_digest(fitted) != whole
