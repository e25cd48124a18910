"""How far a mean over origins may be off: a bootstrap of blocks of time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.days import Days
from features.kernels import Floats
from models.splits import Block

BLOCK_DAYS = 182
LEVEL = 0.9
DRAWS = 2000
LEAST_BLOCKS = 5
"""Fewer blocks than this say too little about how blocks differ."""


def time_blocks(
    first: Days, last: Days, elections: list[Block], length_days: int = BLOCK_DAYS
) -> NDArray[np.int64]:
    """Number the windows by block: what happens within a block is too alike to be drawn apart.

    A block takes windows in order of their start until one starts `length_days` after the
    block's first. Windows of one election are never parted.

    Args:
        first: day number of each window's first day, shape (windows,).
        last: of its last day.
        elections: days of each election, all rounds together.
        length_days: length of a block.

    Returns:
        Shape (windows,), counted from 0 in order of time.
    """
    touched = [
        {i for i, e in enumerate(elections) if f <= e.last and t >= e.first}
        for f, t in zip(first, last, strict=True)
    ]
    blocks = np.zeros(len(first), dtype=np.int64)
    number, opened, before = 0, None, set[int]()
    for at in np.argsort(first, kind="stable"):
        if opened is not None and first[at] - opened >= length_days and not touched[at] & before:
            number, opened = number + 1, None
        opened = first[at] if opened is None else opened
        before = touched[at]
        blocks[at] = number
    return blocks


def draws(blocks: NDArray[np.int64], seed: int, number: int = DRAWS) -> Floats:
    """How often each window is drawn when whole blocks are, with replacement.

    Returns:
        Shape (number + 1, windows); the first row is ones, the sample itself. With fewer than
        `LEAST_BLOCKS` blocks there is no other row.
    """
    _, blocks = np.unique(blocks, return_inverse=True)
    count = int(blocks.max()) + 1
    if count < LEAST_BLOCKS:
        return np.ones((1, len(blocks)))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=number).astype(float)
    return np.vstack([np.ones(len(blocks)), drawn[:, blocks]])


def interval(values: Floats) -> tuple[float, float]:
    """Percentile interval of `LEVEL` (Efron 1979); draws without a value do not count."""
    found = values[np.isfinite(values)]
    if not len(found):
        return float("nan"), float("nan")
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def ratio_of_sums(above: Floats, below: Floats, weights: Floats) -> Floats:
    """Sum of `above` over sum of `below` in each draw; windows where either is missing are out.

    With `below` = 1 this is the mean of `above`.

    Args:
        above: shape (windows,).
        below: shape (windows,).
        weights: shape (draws, windows).
    """
    known = np.isfinite(above) & np.isfinite(below)
    total = weights[:, known] @ below[known]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: Floats = np.where(total > 0, weights[:, known] @ above[known] / total, np.nan)
    return ratio
