"""Splits keep time and elections apart, and the separate check sees when they do not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import LeakError
from features.horizon import Horizon
from features.vocabulary import ElectionType
from models.splits import Block, Fold, check_folds, election_blocks, time_folds

HORIZON = Horizon(0, 42)


def test_rounds_of_one_election_are_one_block() -> None:
    calendar = pd.DataFrame(
        {
            "polling_date": pd.to_datetime(["1970-08-13", "1970-07-30", "1972-01-01"]),
            "election_type": ["presidential", "presidential", "municipal"],
        }
    )
    blocks = election_blocks(calendar, {ElectionType.PRESIDENTIAL: (-60, 30)})
    assert [(b.first, b.last) for b in blocks] == [(210 - 60, 224 + 30), (730 - 28, 730 + 14)]


def test_a_long_window_holds_a_short_one_within_it() -> None:
    calendar = pd.DataFrame(
        {
            "polling_date": pd.to_datetime(["1970-07-30", "1970-08-05", "1970-08-20"]),
            "election_type": ["presidential", "municipal", "municipal"],
        }
    )
    windows = {ElectionType.PRESIDENTIAL: (-60, 30), ElectionType.MUNICIPAL: (-5, 1)}
    assert election_blocks(calendar, windows) == [Block(210 - 60, 210 + 30)]


def test_a_boundary_moves_to_before_the_election_that_it_would_cut() -> None:
    days = np.arange(0, 1500, 14)
    end = int(days[-1]) + 1
    boundary = end - 365
    block = Block(boundary - 20, boundary + 20)
    plain = time_folds(days, HORIZON, 14, [], folds=1, fold_days=365)[0]
    moved = time_folds(days, HORIZON, 14, [block], folds=1, fold_days=365)[0]
    assert plain.test[0] >= boundary
    assert boundary - 20 <= moved.test[0] < boundary
    assert moved.train[-1] + 42 + 14 < block.first


def test_without_a_lag_no_training_window_touches_a_moved_election() -> None:
    days = np.arange(0, 1500)
    boundary = int(days[-1]) + 1 - 365
    blocks = [Block(boundary - 20, boundary + 20)]
    folds = time_folds(days, HORIZON, 0, blocks, folds=1, fold_days=365)
    check_folds(folds, HORIZON, 0, blocks)
    assert folds[0].train[-1] + 42 == blocks[0].first - 1


@given(
    st.integers(1, 40),
    st.integers(0, 60),
    st.integers(1, 90),
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 120)), max_size=6),
    st.sampled_from([28, 91, 365]),
)
def test_folds_always_pass_the_separate_check(
    step: int,
    lead: int,
    length: int,
    settle: int,
    spans: list[tuple[int, int]],
    fold_days: int,
) -> None:
    days, horizon = np.arange(0, 3000, step), Horizon(lead, length)
    blocks: list[Block] = []
    for first, size in sorted(spans):
        if not blocks or first > blocks[-1].last:
            blocks.append(Block(first, first + size))
    folds = time_folds(days, horizon, settle, blocks, folds=12, fold_days=fold_days)
    check_folds(folds, horizon, settle, blocks)
    assert all(a.test[-1] < b.test[0] for a, b in pairwise(folds))


def test_check_catches_a_window_that_ends_too_late() -> None:
    with pytest.raises(LeakError, match="known 1 days later"):
        check_folds([Fold(np.array([0]), np.array([55]))], HORIZON, 14, [])


def test_check_catches_an_election_on_both_sides() -> None:
    fold = Fold(np.array([0]), np.array([100]))
    with pytest.raises(LeakError, match="on both"):
        check_folds([fold], HORIZON, 14, [Block(40, 110)])
