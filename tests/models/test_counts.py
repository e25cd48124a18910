"""The distribution of the count, against drawing from it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models import counts

P = np.array([0.0, 1e-6, 0.05, 0.4, 0.5, 0.93, 1.0])
EXCESS = np.array([0.0, 0.3, 2.0, 0.0, 1.5, 6.0, 3.0])


def draws(p: float, excess: float, n: int = 400_000) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.where(rng.random(n) < p, 1 + rng.poisson(excess, n), 0)


@pytest.mark.parametrize(("p", "excess"), list(zip(P, EXCESS, strict=True)))
def test_tails_and_quantiles_are_those_of_draws(p: float, excess: float) -> None:
    seen = draws(p, excess)
    one, more = np.array([p]), np.array([excess])
    for least in (1, 2, 5):
        got = counts.at_least(one, more, least)[0]
        assert got == pytest.approx((seen >= least).mean(), abs=4e-3)
    for level in (0.3, 0.53, 0.9):
        n = counts.quantile(one, more, level)[0]
        below = 1 - counts.at_least(one, more, int(n) + 1)[0]
        assert below >= level - 1e-12
        if n > 0:
            assert 1 - counts.at_least(one, more, int(n))[0] < level


def test_tails_sum_to_the_mean() -> None:
    total = sum(counts.at_least(P, EXCESS, k) for k in range(1, 80))
    np.testing.assert_allclose(total, P * (1 + EXCESS), atol=1e-9)


def test_what_is_kept_follows_from_probability_and_mean() -> None:
    p = pd.Series([*P, np.nan], index=list("abcdefgh"))
    got = counts.spread(p, p * (1 + pd.Series([*EXCESS, 0.0], index=p.index)))
    assert list(got.columns) == list(counts.COLUMNS)
    assert got.loc["h"].isna().all()
    assert got.loc["g", "incidents_p50"] == 4  # 1 + the median of Poisson(3)
    assert got.loc["d", "two_or_more"] == pytest.approx(0, abs=1e-12)  # never more than one
    assert (got["incidents_p50"].dropna() <= got["incidents_p90"].dropna()).all()


def test_levels_and_counts_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="1 incident or more"):
        counts.at_least(P, EXCESS, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        counts.quantile(P, EXCESS, 1.0)
