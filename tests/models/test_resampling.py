"""Blocks of time, and what is drawn from them."""

from __future__ import annotations

import numpy as np
import pytest

from models.resampling import LEAST_BLOCKS, draws, interval, ratio_of_sums, time_blocks
from models.splits import Block


def test_blocks_are_half_years_in_order_of_time() -> None:
    first = np.array([400, 0, 100, 181, 182, 370])
    blocks = time_blocks(first, first + 41, [])
    assert list(blocks) == [2, 0, 0, 0, 1, 2]


def test_windows_of_one_election_are_never_parted() -> None:
    first = np.array([0, 170, 190, 210, 240])
    election = Block(185, 230)
    assert list(time_blocks(first, first + 30, [])) == [0, 0, 1, 1, 1]
    assert list(time_blocks(first, first + 30, [election])) == [0, 0, 0, 0, 1]


def test_blocks_are_drawn_whole_and_the_first_row_is_the_sample() -> None:
    blocks = np.array([0, 0, 1, 2, 3, 4, 5, 9, 9])
    drawn = draws(blocks, seed=1, number=200)
    assert drawn.shape == (201, 9)
    assert (drawn[0] == 1).all()
    assert (drawn[:, 0] == drawn[:, 1]).all()
    assert (drawn[:, 7] == drawn[:, 8]).all()
    each = drawn[1:][:, [0, 2, 3, 4, 5, 6, 7]]
    assert (each.sum(axis=1) == 7).all()
    assert not (drawn[1:] == 1).all()


def test_too_few_blocks_give_no_interval() -> None:
    drawn = draws(np.arange(LEAST_BLOCKS - 1), seed=0)
    assert drawn.shape == (1, LEAST_BLOCKS - 1)
    assert all(np.isnan(interval(drawn[1:, 0])))


def test_interval_of_a_mean_is_near_its_normal_interval() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, 400)
    means = ratio_of_sums(values, np.ones(400), draws(np.arange(400), seed=2))
    low, high = interval(means[1:])
    assert means[0] == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.645 * values.std() / 20, rel=0.1)


def test_like_windows_in_blocks_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    blocks = np.repeat(np.arange(20), 20)
    values = rng.normal(0, 1, 20)[blocks]
    alone = interval(ratio_of_sums(values, np.ones(400), draws(np.arange(400), 0))[1:])
    together = interval(ratio_of_sums(values, np.ones(400), draws(blocks, 0))[1:])
    assert together[1] - together[0] > 3 * (alone[1] - alone[0])


def test_missing_windows_are_left_out_of_both_sums() -> None:
    above, below = np.array([1.0, np.nan, 3.0]), np.array([2.0, 5.0, 2.0])
    assert ratio_of_sums(above, below, np.ones((1, 3)))[0] == pytest.approx(1.0)
    assert np.isnan(ratio_of_sums(above, below, np.array([[0.0, 1.0, 0.0]]))[0])
