"""The units that reports may speak of, found by id, by short code or by name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from response.short_codes import Unit, short_codes
from response.typed import fold, nearest

_TYPOS = 2


class Places:
    """Units of one or more countries.

    Args:
        countries: the units of each country; codes are made within a country, and where two
            countries have the same code it belongs to neither.
    """

    def __init__(self, countries: Iterable[Iterable[Unit]]) -> None:
        self._countries = [list(units) for units in countries]
        self.by_id: dict[str, Unit] = {u.unit_id: u for units in self._countries for u in units}

    @cached_property
    def codes(self) -> dict[str, str]:
        """unit_id -> short code."""
        return {k: v for units in self._countries for k, v in short_codes(units).items()}

    @cached_property
    def _by_code(self) -> dict[str, list[Unit]]:
        found: dict[str, list[Unit]] = {}
        for unit_id, code in self.codes.items():
            found.setdefault(code, []).append(self.by_id[unit_id])
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[Unit]]:
        found: dict[str, list[Unit]] = {}
        for unit in self.by_id.values():
            for name in {fold(unit.name), fold(f"{unit.parent_name} {unit.name}")} - {""}:
                found.setdefault(name, []).append(unit)
        return found

    @cached_property
    def longest_name(self) -> int:
        """Words of the longest name."""
        return max((len(name.split()) for name in self._by_name), default=0)

    def find(self, text: str) -> list[Unit]:
        """Units that a text names: one, several of the same name, or none."""
        if (unit := self.by_id.get(text.strip())) is not None:
            return [unit]
        folded = fold(text)
        found = self.coded(folded.replace(" ", ""))
        if found:
            return found
        if (unit := self.by_id.get(folded)) is not None:
            return [unit]
        return self._by_name.get(folded, [])

    def named(self, folded: str) -> list[Unit]:
        """Units of a name, without accents and in capitals, alone or after its parent's."""
        return self._by_name.get(folded, [])

    def coded(self, word: str) -> list[Unit]:
        """Units of a short code; a letter O among the digits is a zero, an I or L a one."""
        letters, digits = word[:3], word[3:].translate(str.maketrans("OIL", "011"))
        return self._by_code.get(letters + digits, [])

    def suggest(self, word: str) -> list[str]:
        """Short codes that a word may have meant, the closest first; at most three."""
        close = nearest(word, self._by_code, 1) or nearest(word, self._by_code, _TYPOS)
        names = [
            self.codes[unit.unit_id]
            for name in nearest(word, self._by_name, 1)
            for unit in self._by_name[name]
        ]
        return list(dict.fromkeys([*names, *close]))[:3]
