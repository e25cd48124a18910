from __future__ import annotations

import numpy as np
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


def test_no_days_are_no_rows(data: Examples) -> None:
    assert len(data.on(np.array([], dtype=int)).X) == 0
