"""Splits in time that keep elections whole, and a separate check of them.

A fold trains on days whose windows had ended, and been reported, before its first test
day. No election lies on both sides: where a boundary would cut one, it moves to before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from features.calendar import window_days
from features.days import Days
from features.errors import LeakError
from features.horizon import Horizon
from features.vocabulary import ElectionType


@dataclass(frozen=True)
class Block:
    """Days of one election, all its rounds together, both ends included."""

    first: int
    last: int


@dataclass(frozen=True)
class Fold:
    """`as_of` days to train on and to test on, as day numbers."""

    train: Days
    test: Days


def election_blocks(
    elections: pd.DataFrame, windows: Mapping[ElectionType, tuple[int, int]]
) -> list[Block]:
    """The windows of all rounds of all countries, joined where they overlap.

    Rounds of one election are two or three weeks apart, so that they fall into one block; so do
    elections of neighbours at nearly the same time.

    Args:
        elections: the calendar.
        windows: first and last day relative to polling day of each type of round.
    """
    blocks: list[Block] = []
    for first, last in sorted(zip(*window_days(elections, windows), strict=True)):
        if blocks and first <= blocks[-1].last:
            blocks[-1] = Block(blocks[-1].first, max(int(last), blocks[-1].last))
        else:
            blocks.append(Block(int(first), int(last)))
    return blocks


def time_folds(
    days: Days,
    horizon: Horizon,
    settle_days: int,
    blocks: list[Block],
    *,
    folds: int,
    fold_days: int,
) -> list[Fold]:
    """Folds of one length that follow each other, the newest last.

    Args:
        days: rising `as_of` days whose windows are settled.
        horizon: the window of each day.
        settle_days: longest reporting lag.
        blocks: elections to be kept whole.
        folds: number of folds wanted; those without enough earlier days are left out.
        fold_days: days that one fold is tested on, more where an election would be cut.
    """
    end = int(days[-1]) + 1
    out: list[Fold] = []
    for _ in range(folds):
        start = _outside(end - fold_days, blocks)
        test = days[(days >= start) & (days < end)]
        train = settled_before(days, horizon, settle_days, start)
        if len(train) and len(test):
            out.insert(0, Fold(train, test))
        end = start
    return out


def settled_before(days: Days, horizon: Horizon, settle_days: int, start: int) -> Days:
    """The days whose windows had ended and been reported before the day `start`."""
    return days[days + horizon.last_day + settle_days < start]


def _outside(day: int, blocks: list[Block]) -> int:
    """`day`, moved to the start of the election block that it falls into, if any."""
    for block in blocks:
        if block.first < day <= block.last:
            return block.first
    return day


def check_folds(folds: list[Fold], horizon: Horizon, settle_days: int, blocks: list[Block]) -> None:
    """Check folds again, without the code that made them.

    Raises:
        LeakError: a fold trains on a window not yet known on its first test day, or has
            windows of one election on both sides.
    """
    for number, fold in enumerate(folds):
        newest = max(int(d) for d in fold.train) + horizon.lead_days + horizon.length_days
        oldest = min(int(d) for d in fold.test)
        if newest + settle_days > oldest:
            raise LeakError(
                f"fold {number}: expected every training window to be known by the first test "
                f"day, got one that is known {newest + settle_days - oldest} days later; "
                "mend models/splits.py"
            )
        for block in blocks:
            if _touches(fold.train, horizon, block) and _touches(fold.test, horizon, block):
                raise LeakError(
                    f"fold {number}: expected the election of days {block.first} to "
                    f"{block.last} on one side, got it on both; mend models/splits.py"
                )


def _touches(days: Days, horizon: Horizon, block: Block) -> bool:
    return any(
        int(day) + horizon.first_day <= block.last and int(day) + horizon.last_day >= block.first
        for day in days
    )
