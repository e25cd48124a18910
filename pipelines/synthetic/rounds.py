"""The election calendar of the synthetic country.

Mandates last three years, so that eight years hold several rounds of every kind. Days are
whole numbers counted from the first day of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

LAST_DAY = date(2024, 12, 31)

WINDOW_START_DAYS = -27
WINDOW_END_DAYS = 14
WINDOW_LENGTH_DAYS = WINDOW_END_DAYS - WINDOW_START_DAYS + 1

_MANDATE_YEARS = 3
_TERM = {  # a year of the mandate's rhythm, month, which Sunday, days to a second round
    "presidential": (2024, 10, 3, 21),
    "legislative": (2023, 5, 2, 21),
    "municipal": (2022, 11, 3, None),
}
_ID = {"presidential": "PRES", "legislative": "LEG", "municipal": "MUN"}


@dataclass(frozen=True)
class Round:
    """One round; days are counted from the first day of the data, both ends included."""

    election_id: str
    election_type: str
    number: int
    polling_day: int
    campaign_start: int
    campaign_end: int
    announced: int

    @property
    def window(self) -> tuple[int, int]:
        """First and last day of the forecast window."""
        return self.polling_day + WINDOW_START_DAYS, self.polling_day + WINDOW_END_DAYS


def first_day(years: int) -> date:
    """First day of `years` whole years that end on the last day of the data."""
    return date(LAST_DAY.year - years + 1, 1, 1)


def make_rounds(years: int) -> list[Round]:
    """All rounds of the years, by polling day."""
    start = first_day(years)
    rounds: list[Round] = []
    for election_type, (year, month, week, gap) in _TERM.items():
        for held in range(start.year, LAST_DAY.year + 1):
            if (held - year) % _MANDATE_YEARS == 0:
                polling = (_sunday(held, month, week) - start).days
                name = f"XVG-{held}-{_ID[election_type]}"
                rounds.append(_first(name, election_type, polling))
                if gap is not None:
                    rounds.append(_second(name, election_type, polling, gap))
    return sorted(rounds, key=lambda r: r.polling_day)


def _first(name: str, election_type: str, polling: int) -> Round:
    return Round(f"{name}-1", election_type, 1, polling, polling - 22, polling - 2, polling - 300)


def _second(name: str, election_type: str, first_polling: int, gap: int) -> Round:
    """The second round is announced with the results of the first, five days after it."""
    polling, announced = first_polling + gap, first_polling + 5
    return Round(f"{name}-2", election_type, 2, polling, announced + 3, polling - 2, announced)


def _sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))
