"""Invented place names with accents, some of them repeated, as in a real registry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FIRST = (
    "Ba Bé Bou Da Dé Dia Do Fa Fé Ga Gou Ka Kè Ko Lé Lou Ma Mé Nia No Pé Sa Sè Ta Té Va Wé Ya Zé Zo"
)
_MIDDLE = "bé da dou fa gné ka lé li ma mbé na né ngo ra ré ssi ta té va yé zo"
_LAST = "béla dougal fara gué kolo lomé mani nava péla rondo ssala taré vélo zéni"
_ADDED = ("-Nord", "-Sud", "-Rivière", "-Colline")
_REPEATED_SHARE = 0.06


def unit_names(
    rng: np.random.Generator, parents: NDArray[np.intp], regions: NDArray[np.intp]
) -> tuple[list[str], list[str], list[str]]:
    """Names of units, parent areas and regions.

    The first unit of a parent area gives it its name, and the first parent area of a region
    gives the region its name, as seats do in reality. A few names come back in another
    parent area, never twice in the same one.

    Args:
        rng: source of randomness.
        parents: parent area of each unit, numbered from 0, shape (units,).
        regions: region of each parent area, numbered from 0, shape (parent areas,).

    Returns:
        Unit names (units,), parent-area names (parent areas,), region names (regions,).
    """
    names = _distinct(rng, len(parents))
    seats = [int(np.flatnonzero(parents == p)[0]) for p in range(len(regions))]
    for unit in rng.permutation(len(parents))[: round(_REPEATED_SHARE * len(parents))]:
        other = int(rng.integers(len(parents)))
        siblings = {names[u] for u in np.flatnonzero(parents == parents[unit])}
        if int(unit) not in seats and names[other] not in siblings:
            names[int(unit)] = names[other]
    parent_names = [names[seat] for seat in seats]
    region_names = [
        parent_names[int(np.flatnonzero(regions == r)[0])] for r in range(int(regions.max()) + 1)
    ]
    return names, parent_names, region_names


def _distinct(rng: np.random.Generator, count: int) -> list[str]:
    first, middle, last = _FIRST.split(), _MIDDLE.split(), _LAST.split()
    names: dict[str, None] = {}
    while len(names) < count:
        name = str(rng.choice(first))
        if rng.random() < 0.5:
            name += str(rng.choice(middle))
        name += str(rng.choice(last))
        if rng.random() < 0.06:
            name += str(rng.choice(_ADDED))
        names[name] = None
    return list(names)
