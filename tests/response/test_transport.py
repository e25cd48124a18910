"""The transportation problem against SciPy's solver."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from features.kernels import Floats
from response.transport import Ints, transport


def _least(cost: Floats, leaving: Ints, coming: Ints) -> float:
    """The least cost of matching as many as can be, by a linear programme."""
    if leaving.sum() > coming.sum():
        return _least(cost.T, coming, leaving)
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    found = linprog(cost.ravel(), A_eq=rows, b_eq=leaving, A_ub=columns, b_ub=coming)
    return float(found.fun)


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 10**6), st.booleans())
def test_it_costs_what_the_solver_says(n: int, m: int, seed: int, whole: bool) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.integers(0, 4, (n, m)).astype(float) if whole else 100 * rng.random((n, m))
    leaving, coming = rng.integers(0, 6, n), rng.integers(0, 6, m)
    sent = transport(cost, leaving, coming)
    assert sent.sum() == min(leaving.sum(), coming.sum())
    assert (sent >= 0).all()
    assert (sent.sum(axis=1) <= leaving).all()
    assert (sent.sum(axis=0) <= coming).all()
    assert abs((sent * cost).sum() - _least(cost, leaving, coming)) < 1e-6
