"""Why mediators go to each post of a plan, in French and English."""

from __future__ import annotations

import pandas as pd

from features.vocabulary import Language
from response.deployment_assumed import number
from response.deployment_network import effect
from response.deployment_request import Request
from response.vocabulary import SAID, ReportKind, Verification


def reasons(
    posts: pd.DataFrame, units: pd.DataFrame, request: Request, reports: pd.DataFrame | None = None
) -> list[dict[str, str]]:
    """Why mediators go to each post: one sentence per row of `posts`, in every language.

    Args:
        posts: `unit_id`, `base`, `mediators`.
        units: `unit_id`, `expected_incidents`.
        request: what was asked.
        reports: of the round before, current; or None.
    """
    expected = dict(zip(units["unit_id"], units["expected_incidents"].astype(float), strict=True))
    ranked = units["expected_incidents"].astype(float).rank(ascending=False, method="min")
    rank = dict(zip(units["unit_id"], ranked, strict=True))
    people = posts.groupby("unit_id")["mediators"].sum().to_dict()
    told = _told(reports)
    return [
        {
            str(language): _reason(u, expected[u], rank[u], people[u], request, told, language)
            for language in Language
        }
        for u in posts["unit_id"]
    ]


def _reason(
    unit_id: str,
    expected: float,
    rank: float,
    people: int,
    request: Request,
    told: dict[str, dict[str, int]],
    language: Language,
) -> str:
    french = language is Language.FR
    parts = []
    if pd.isna(expected):
        parts.append("le bulletin s'abstient ici" if french else "the bulletin abstains here")
    else:
        share = float(effect(request, people))
        much, near = number(expected, language, 2), number(expected * share, language, 2)
        parts.append(
            f"{much} incidents attendus (rang {rank:.0f}), dont {near} supposés couverts"
            if french
            else f"{much} incidents expected (rank {rank:.0f}), {near} assumed covered"
        )
    if unit_id in request.must_cover:
        parts.append("doit être couverte" if french else "must be covered")
    if unit_id in request.units and request.units[unit_id].minimum:
        least = request.units[unit_id].minimum
        parts.append(f"au moins {least} demandés" if french else f"at least {least} asked for")
    for kind, count in sorted(told.get(unit_id, {}).items()):
        name = SAID[ReportKind(kind)].in_language(language)
        parts.append(f"{count} × {name}")
    return "; ".join(parts) if not french else " ; ".join(parts)


def _told(reports: pd.DataFrame | None) -> dict[str, dict[str, int]]:
    """Unit -> kind of report -> how many stand; those that saw nothing aside."""
    if reports is None:
        return {}
    kept = reports.loc[
        (reports["verification"] != str(Verification.REFUTED))
        & (reports["kind"] != str(ReportKind.NOTHING_SEEN))
    ]
    found: dict[str, dict[str, int]] = {}
    for (unit_id, kind), rows in kept.groupby(["unit_id", "kind"]):
        found.setdefault(str(unit_id), {})[str(kind)] = len(rows)
    return found
