"""Golden values of the counting kernels."""

from __future__ import annotations

import numpy as np

from features.kernels import Rows, decayed, latest, so_far, spans, windowed

DAYS = np.array([0, 7, 14, 21])
ROWS = Rows(
    unit=np.array([0, 0, 1]),
    event=np.array([0, 5, 6]),
    known=np.array([0, 12, 6]),
    weight=np.array([1.0, 2.0, 4.0]),
)


def test_window_holds_a_row_from_the_day_it_is_known() -> None:
    got = windowed(ROWS, DAYS, 2, 10)
    # The row of day 5 becomes known on day 12, and leaves after day 14.
    np.testing.assert_array_equal(got, [[1, 0], [1, 4], [2, 4], [0, 0]])


def test_a_row_known_after_its_window_is_never_counted() -> None:
    got = windowed(ROWS, DAYS, 2, 5)
    np.testing.assert_array_equal(got, [[1, 0], [0, 4], [0, 0], [0, 0]])


def test_decay_halves_with_age_whenever_the_row_became_known() -> None:
    got = decayed(ROWS, DAYS, 2, 7.0)
    np.testing.assert_allclose(
        got[:, 0], [1, 0.5, 0.25 + 2 * 2 ** (-9 / 7), 0.125 + 2 * 2 ** (-16 / 7)]
    )
    np.testing.assert_allclose(
        got[:, 1], [0, 4 * 2 ** (-1 / 7), 4 * 2 ** (-8 / 7), 4 * 2 ** (-15 / 7)]
    )


def test_so_far_and_latest() -> None:
    np.testing.assert_array_equal(so_far(ROWS, DAYS, 2), [[1, 0], [1, 4], [3, 4], [3, 4]])
    np.testing.assert_array_equal(latest(ROWS, DAYS, 2), [[0, -np.inf], [0, 6], [5, 6], [5, 6]])


def test_spans_may_lie_ahead() -> None:
    # Planned for day 20, known from day 7, looked for 3 to 9 days ahead.
    row = Rows(np.array([0]), np.array([20]), np.array([7]), np.array([1.0]))
    np.testing.assert_array_equal(
        spans(row, row.event - 9, row.event - 3, DAYS, 1)[:, 0], [0, 0, 1, 0]
    )
