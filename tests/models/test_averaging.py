"""The average of models: put together from fits that were made, it is what fitting it gives."""

from __future__ import annotations

import numpy as np
import pandas as pd

from models.averaging import PARTS, Average, put_together
from models.bagging import Bagged
from models.examples import Examples
from models.forecaster import fit_model
from models.zoo import ZOO


def test_put_together_it_is_bit_for_bit_what_fitting_it_gives(data: Examples) -> None:
    some, features = data.on(np.arange(60) * 28), list(data.X.columns)
    fitted: dict[str, Bagged] = {}
    parts = [fit_model(name, some, features, 7, fitted=fitted) for name in PARTS]
    together = fit_model("average", some, features, 7, fitted=fitted)
    alone = fit_model("average", some, features, 7)
    assert together.members_[0].parts_[0] is parts[0].members_[0]
    assert alone.members_[0].parts_[0] is not parts[0].members_[0]
    X = data.X.iloc[-300:]
    assert together.member_margins(X).tobytes() == alone.member_margins(X).tobytes()
    pd.testing.assert_frame_equal(together.contributions(X), alone.contributions(X))
    assert [m.get_params() for m in together.members_] == [m.get_params() for m in alone.members_]


def test_parts_that_were_drawn_otherwise_are_not_taken(data: Examples) -> None:
    some, features = data.on(np.arange(12) * 28), list(data.X.columns)
    fitted: dict[str, Bagged] = {}
    for name in PARTS:
        fit_model(name, some, features, 8 if name == "xgboost" else 7, 2, fitted)
    unfitted = Bagged(Average(tuple(features)), 2, 7, ZOO["average"].negatives)
    assert put_together(unfitted, fitted) is None
    fit_model("xgboost", some, features, 7, 2, fitted)
    assert put_together(unfitted, fitted) is not None
    deeper = fitted["xgboost"].estimator.set_params(max_depth=6)
    assert deeper.get_params() != Average().unfitted()[0].get_params()
    assert put_together(unfitted, fitted) is None
    del fitted["xgboost"]
    assert put_together(unfitted, fitted) is None


def test_its_margin_is_the_mean_of_its_parts(data: Examples) -> None:
    X, y = data.X.iloc[:3000], data.y[:3000]
    model = Average().fit(X, y)
    margins = [part.decision_function(X) for part in model.parts_]
    np.testing.assert_allclose(model.decision_function(X), np.mean(margins, axis=0))
    assert len({m.tobytes() for m in margins}) == len(PARTS)
