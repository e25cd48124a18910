"""Bands, ranks and abstention."""

from __future__ import annotations

import pandas as pd
import pytest

from models.counts import COLUMNS
from response.bands import THRESHOLDS, band, banded


@pytest.mark.parametrize(
    ("probability", "name"),
    [
        (0.0, "low"),
        (0.0999, "low"),
        (0.1, "elevated"),
        (0.25, "high"),
        (0.5, "very_high"),
        (1.0, "very_high"),
    ],
)
def test_thresholds_belong_to_the_higher_band(probability: float, name: str) -> None:
    assert band(probability) == name


def test_a_probability_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a probability"):
        band(float("nan"))


def test_thresholds_fall() -> None:
    levels = [t for t, _ in THRESHOLDS]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == 0


def test_a_unit_without_reports_abstains_and_takes_no_rank() -> None:
    scores = pd.DataFrame(
        {
            "unit_id": ["a", "b", "c", "d"],
            "probability": [0.2, 0.9, 0.6, 0.6],
            "lower": 0.1,
            "upper": 0.95,
            "expected_incidents": 1.0,
            **dict.fromkeys(COLUMNS, 0.0),
            "baseline_probability": 0.3,
            "drivers": [[{"feature": "x"}]] * 4,
            "coverage": ["good", "none", "thin", "coarse"],
        }
    )
    got = banded(scores).set_index("unit_id")
    assert got["band"].to_dict() == {
        "a": "elevated",
        "b": "abstained",
        "c": "very_high",
        "d": "very_high",
    }
    assert got["rank"].dropna().to_dict() == {"c": 1, "d": 2, "a": 3}
    assert (
        got.loc[
            "b",
            [
                *("probability", "lower", "upper", "expected_incidents", "baseline_probability"),
                *COLUMNS,
            ],
        ]
        .isna()
        .all()
    )
    assert got.loc["b", "drivers"] == []
