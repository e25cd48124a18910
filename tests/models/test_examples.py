from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.examples import Examples


@pytest.mark.parametrize(("days", "view"), [(slice(3, 40), True), (slice(3, 40, 2), False)])
def test_days_side_by_side_are_a_view_of_the_same_rows(
    data: Examples, days: slice, view: bool
) -> None:
    """Held-out time has a fold for each quarter: as copies they would fill the memory."""
    wanted = np.unique(data.day)[days]
    found, rows = data.on(wanted), np.isin(data.day, wanted)
    assert found.X.equals(data.X.loc[rows])
    for name in ("counts", "day", "unit", "ends"):
        whole, part = getattr(data, name), getattr(found, name)
        np.testing.assert_array_equal(part, whole[rows])
        assert np.shares_memory(part, whole) == view
    column = data.X.columns[0]
    shared = np.shares_memory(found.X[column].to_numpy(), data.X[column].to_numpy())
    assert shared == view


def test_a_positive_counts_once_however_many_of_its_windows_overlap() -> None:
    """Weekly rows with windows of six weeks: one incident, six positives, and one that counts."""
    day = np.repeat(np.arange(20) * 7, 2)
    unit = np.tile([0, 1], 20)
    counts = np.zeros(40)
    counts[(unit == 0) & (day >= 14) & (day < 14 + 42)] = 1
    counts[(unit == 1) & np.isin(day, [0, 7, 42, 126])] = 2
    data = Examples(pd.DataFrame(index=range(40)), counts, day, unit, np.zeros((40, 2)))
    assert data.y.sum() == 10
    assert data.positives(42) == 1 + 3
    assert data.positives(7) == 10


def test_no_days_are_no_rows(data: Examples) -> None:
    assert len(data.on(np.array([], dtype=int)).X) == 0
