"""The transportation problem: who goes where at the least cost, in whole numbers, without SciPy.

Reading the moves of a plan asks for it, and must not wait for a solver to be loaded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.kernels import Floats

Ints = NDArray[np.int64]


def transport(cost: Floats, leaving: Ints, coming: Ints) -> Ints:
    """As many as can be matched, at the least cost.

    By shortest augmenting paths with prices, so that no path has a cost below zero (Ahuja,
    Magnanti and Orlin 1993, Network Flows, 9.7; Jonker and Volgenant 1987).

    Args:
        cost: of one that goes from a row to a column, at least 0; shape (rows, columns).
        leaving: how many there are in each row.
        coming: how many are wanted in each column.

    Returns:
        How many go, shape (rows, columns).
    """
    if leaving.sum() > coming.sum():
        return transport(cost.T, coming, leaving).T
    sent = np.zeros(cost.shape, dtype=np.int64)
    room = coming.astype(np.int64)
    rows, columns = np.zeros(len(leaving)), np.zeros(len(coming))
    for start in range(len(leaving)):
        left = int(leaving[start])
        while left:
            path = _cheapest(cost - rows[:, None] - columns, start, sent, room, rows, columns)
            back = [sent[r, c] for r, c in zip(path[0][1:], path[1][:-1], strict=True)]
            much = int(min(left, room[path[1][-1]], *back))
            sent[path] += much
            sent[path[0][1:], path[1][:-1]] -= much
            room[path[1][-1]] -= much
            left -= much
    return sent


def _cheapest(
    reduced: Floats, start: int, sent: Ints, room: Ints, rows: Floats, columns: Floats
) -> tuple[list[int], list[int]]:
    """Rows and columns along the cheapest way from a row to a column with room.

    It goes from a row to a column and back to a row that sends there already. The prices
    `rows` and `columns` are raised so that what is sent stays free of cost.
    """
    far, via = reduced[start].copy(), np.full(reduced.shape[1], start)
    done = np.zeros(reduced.shape[1], dtype=bool)
    reached: dict[int, tuple[float, int]] = {start: (0.0, -1)}
    while True:
        at = int(np.where(done, np.inf, far).argmin())
        if room[at] > 0:
            break
        done[at] = True
        for row in np.flatnonzero(sent[:, at]).tolist():
            if row not in reached:
                reached[row] = (float(far[at]), at)
                longer = far[at] + reduced[row]
                nearer = ~done & (longer < far)
                far[nearer], via[nearer] = longer[nearer], row
    columns[done] += far[done] - far[at]
    for row, (distance, _) in reached.items():
        rows[row] += far[at] - distance
    path: tuple[list[int], list[int]] = ([], [])
    column = at
    while column >= 0:
        path[0].append(int(via[column]))
        path[1].append(column)
        column = reached[int(via[column])][1]
    return path[0][::-1], path[1][::-1]
