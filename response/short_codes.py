"""A short code per unit that a person can type on a phone: MOP05.

Three letters of the parent area and two digits of the unit within it, both from ids that stay:
the same registry always gives the same codes, and a unit added at the end moves no other one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from features.errors import ContractError
from response.typed import fold

LETTERS, DIGITS = 3, 2


class Unit(NamedTuple):
    """A unit as reports know it."""

    unit_id: str
    name: str
    parent_id: str
    parent_name: str
    region_id: str
    region_name: str

    @property
    def says(self) -> str:
        """The unit for people: "Konna (Mopti)"."""
        return f"{self.name} ({self.parent_name})"


def short_codes(units: Iterable[Unit]) -> dict[str, str]:
    """A code for each unit.

    The letters are the first three of the parent area's name that no parent area before it, in
    the order of ids, has taken; the digits are the last two of the unit's id, or its place
    among its siblings where ids do not end so.

    Args:
        units: of one country.

    Returns:
        unit_id -> code, for example {"ML050501": "MOP01"}.

    Raises:
        ContractError: more parent areas than names of three letters.
    """
    siblings: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        siblings[unit.parent_id].append(unit)
    letters: dict[str, str] = {}
    for parent_id in sorted(siblings):
        name = siblings[parent_id][0].parent_name
        taken = set(letters.values())
        found = next((code for code in _names(name) if code not in taken), None)
        if found is None:
            raise ContractError(
                f"short codes: expected a free name of three letters for {name!r} "
                f"({parent_id}), got none"
            )
        letters[parent_id] = found
    return {
        unit_id: letters[parent_id] + digits
        for parent_id, found in siblings.items()
        for unit_id, digits in _digits(parent_id, found).items()
    }


def _names(name: str) -> Iterator[str]:
    """Names of three letters for an area, the most telling first."""
    letters = "".join(c for c in fold(name) if c.isalpha())
    padded = letters.ljust(LETTERS, "X")
    yield padded[:LETTERS]
    for tail in combinations(padded[1:], LETTERS - 1):
        yield padded[0] + "".join(tail)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        yield padded[: LETTERS - 1] + last
    for middle in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
            yield padded[0] + middle + last


def _digits(parent_id: str, units: list[Unit]) -> dict[str, str]:
    ids = sorted(unit.unit_id for unit in units)
    tails = [unit_id.removeprefix(parent_id) for unit_id in ids]
    if all(len(t) == DIGITS and t.isdigit() and t.isascii() for t in tails):
        return dict(zip(ids, tails, strict=True))
    width = max(DIGITS, len(str(len(ids))))
    return {unit_id: f"{at:0{width}d}" for at, unit_id in enumerate(ids, 1)}
