"""Which constraints of a request clash, when no plan keeps them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from features.errors import ConflictError
from features.vocabulary import Language
from response.deployment_network import network
from response.deployment_programme import solve
from response.deployment_request import Constraint, Request, constraints, without

Feasible = Callable[[frozenset[str]], bool]


class InfeasibleError(ConflictError):
    """No plan keeps every constraint.

    Args:
        clashes: groups of constraints that cannot hold together; a group without any one of its
            own can. No two share a constraint, and with all of them lifted there is a plan.
    """

    def __init__(self, clashes: Sequence[Sequence[Constraint]]) -> None:
        self.clashes = tuple(tuple(group) for group in clashes)
        super().__init__(self.says(Language.EN))

    def says(self, language: Language) -> str:
        """The same in a language."""
        groups = [
            " + ".join(f"{c.in_language(language)} [{c.key}]" for c in group)
            for group in self.clashes
        ]
        said = "; ".join(f"({number}) {group}" for number, group in enumerate(groups, start=1))
        if language is Language.FR:
            return (
                f"aucun plan ne respecte toutes les contraintes ; se contredisent : {said} ; "
                "lever ou assouplir une contrainte de chaque groupe"
            )
        return (
            f"no plan keeps every constraint; these clash: {said}; lift or ease one constraint of "
            "each group"
        )


def explain(request: Request, units: pd.DataFrame, posts: pd.DataFrame) -> InfeasibleError:
    """Why no plan keeps every constraint of a request that has none.

    Args:
        request: a request without a plan.
        units: as `response.deployment_network.network` takes them.
        posts: likewise.
    """
    every = constraints(request)
    keys = frozenset(c.key for c in every)
    nothing = np.zeros(len(units))

    def feasible(kept: frozenset[str]) -> bool:
        eased = without(request, keys - kept)
        return solve(network(eased, units, posts.head(0)), nothing) is not None

    lifted: set[str] = set()
    clashes = []
    while not feasible(keys - lifted):
        clash = set(smallest_conflict([c.key for c in every if c.key not in lifted], feasible))
        clashes.append([c for c in every if c.key in clash])
        lifted |= clash
    return InfeasibleError(clashes)


def smallest_conflict(keys: Sequence[str], feasible: Feasible) -> list[str]:
    """Keys that cannot hold together, none of which can be left out (QuickXplain, Junker 2004).

    Args:
        keys: of all constraints, which together are not feasible.
        feasible: whether there is a plan that keeps those given; the fewer are kept, the easier.
    """

    def search(kept: tuple[str, ...], added: bool, rest: Sequence[str]) -> list[str]:
        if added and not feasible(frozenset(kept)):
            return []
        if len(rest) == 1:
            return list(rest)
        first, second = rest[: len(rest) // 2], rest[len(rest) // 2 :]
        of_second = search((*kept, *first), True, second)
        of_first = search((*kept, *of_second), bool(of_second), first)
        return [*of_first, *of_second]

    return search((), False, list(keys))
