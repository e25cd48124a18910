"""How often one may ask: counts in windows of time, in this process."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True)
class Rate:
    """So many in so long."""

    most: int
    per: str

    @classmethod
    def read(cls, text: str) -> Rate:
        """A rate written as `600/minute`.

        Raises:
            ValueError: it is not.
        """
        found = re.fullmatch(r"(\d+)/(second|minute|hour|day)", text)
        if found is None:
            raise ValueError(f"expected a rate such as 600/minute, got {text!r}")
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"{self.most} requests a {self.per}"


class Windows:
    """Counts per name in windows that begin together; at the start of each all is forgotten.

    Each request pays for this, so it is a dict and an addition.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self.rate = rate
        self._clock = clock
        self._length = _SECONDS[rate.per]
        self._ends = clock() + self._length
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def hit(self, name: str) -> bool:
        """Count one; whether it was still within the rate."""
        with self._lock:
            self._renew()
            count = self._counts[name] = self._counts.get(name, 0) + 1
        return count <= self.rate.most

    def full(self, name: str) -> bool:
        """Whether one more would be too many."""
        with self._lock:
            self._renew()
            return self._counts.get(name, 0) >= self.rate.most

    def seconds_left(self) -> int:
        """Whole seconds until the window ends, at least one."""
        return max(1, math.ceil(self._ends - self._clock()))

    def _renew(self) -> None:
        now = self._clock()
        if now >= self._ends:
            self._ends = now + self._length
            self._counts.clear()
