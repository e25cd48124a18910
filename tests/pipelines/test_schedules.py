"""What the worker does by itself: which rounds are due, for which horizons, what was missed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from features.errors import ConfigError
from pipelines.pack import Pack, load_pack
from pipelines.question import ask, windows
from pipelines.schedules import DAYS_AHEAD, _missed, coming, crons, question_ahead
from pipelines.settings import Settings
from store.jobs import Ask

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(ROOT / "pipelines/configs/synthetic.toml")


@pytest.fixture
def elections() -> pd.DataFrame:
    polling = pd.to_datetime(["2024-10-20", "2024-11-10", "2030-01-01"])
    return pd.DataFrame(
        {
            "election_id": ["XVG-2024-PRES-1", "XVG-2024-PRES-2", "XVG-2030-PRES-1"],
            "iso3": "XVG",
            "election_type": "presidential",
            "round": [1, 2, 1],
            "polling_date": polling,
            "known_on": pd.to_datetime(["2023-10-20", "2024-10-20", "2029-01-01"]),
        }
    )


@pytest.mark.parametrize(
    ("today", "due"),
    [
        ("2024-06-01", []),  # the window starts on 23 September, more than 60 days ahead
        ("2024-08-01", ["XVG-2024-PRES-1"]),
        ("2024-10-19", ["XVG-2024-PRES-1"]),  # the run-off is not known yet
        ("2024-10-20", ["XVG-2024-PRES-1", "XVG-2024-PRES-2"]),
        ("2024-11-03", ["XVG-2024-PRES-2"]),  # the last day of the first window
        ("2025-01-01", []),
    ],
)
def test_rounds_are_due_while_known_and_near(
    pack: Pack, elections: pd.DataFrame, today: str, due: list[str]
) -> None:
    assert coming(pack, elections, date.fromisoformat(today), 60) == due


@pytest.mark.parametrize("today", [date(2024, 9, 1), date(2024, 9, 20), date(2024, 10, 30)])
def test_a_model_made_ahead_has_the_horizon_of_its_day(
    pack: Pack, elections: pd.DataFrame, today: date
) -> None:
    wanted = Ask(election_id="XVG-2024-PRES-1", as_of=today, asked_on=today)
    ends = windows(pack, elections)["window_end"].dt.date[0]
    for ahead in range(DAYS_AHEAD):
        later = today + timedelta(days=ahead)
        made = question_ahead(pack, elections, wanted, ahead)
        if later >= ends:
            assert made is None
            continue
        assert made is not None
        assert made.as_of == today  # it knows no more than today
        assert made.horizon == ask(pack, elections, made.election_id, later, "any").horizon


def test_missed_runs_are_counted() -> None:
    now = datetime(2025, 1, 15, 12, tzinfo=UTC)
    assert _missed("0 2 * * *", now - timedelta(hours=1), now) == 0
    assert _missed("0 2 * * *", now - timedelta(days=3), now) == 3
    assert _missed("", now - timedelta(days=3), now) == 0
    assert _missed("0 2 * * *", None, now) == 0


def test_a_cron_line_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="VIGIE_REFRESH_CRON"):
        crons(Settings(refresh_cron="every night"))
