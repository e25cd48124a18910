"""A plan in words, in French and English: why there, and what is assumed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd

from features.vocabulary import Language
from features.wording import NARROW
from response.deployment_network import effect
from response.deployment_reports import SAYS
from response.deployment_request import Request
from response.vocabulary import SAID, ReportKind, Verification


def number(value: float, language: Language, digits: int = 1) -> str:
    """A number as the language writes it."""
    text = f"{value:,.{digits}f}"
    if language is Language.FR:
        return text.replace(",", NARROW).replace(".", ",")
    return text


def percent(share: float, language: Language) -> str:
    """A share in per cent."""
    return f"{number(share * 100, language, 0)}{NARROW if language is Language.FR else ''}%"


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


def assumptions(request: Request, figures: dict[str, Any], language: Language) -> list[str]:
    """What a reader must know before acting on a plan."""
    one, cap = percent(request.effectiveness, language), request.cap
    full = percent(float(effect(request, cap)), language)
    shared = percent(request.risk.shared, language)
    level = percent(request.risk.level, language)
    left_out = _left_out(request, figures, language)
    if language is Language.FR:
        said = [
            f"Hypothèse, et non constat : un médiateur couvre {one} des incidents attendus de son "
            f"unité, chacun de plus la même part du reste, {cap} en couvrent {full}, davantage "
            "n'ajoutent rien. Vigie n'affirme aucun effet causal de la médiation.",
            f"Intervalles à {level}, sur {request.risk.draws} tirages du bulletin ; hypothèse : "
            f"{shared} de l'erreur des scores est commune à une région.",
        ]
        if figures["abstained"]:
            said.append(
                f"{figures['abstained']} unités sur {figures['units']} n'ont pas de score : rien "
                "n'est compté pour elles, et ce silence n'est pas du calme. "
                f"{figures['abstained_with_mediators']} d'entre elles reçoivent des médiateurs."
            )
        return said + left_out
    said = [
        f"Assumed, not found: one mediator covers {one} of the incidents expected in a unit, each "
        f"further one the same share of the rest, {cap} cover {full}, more add nothing. Vigie "
        "claims no causal effect of mediation.",
        f"Intervals of {level}, over {request.risk.draws} draws from the bulletin; assumed: "
        f"{shared} of the scores' error is common to a region.",
    ]
    if figures["abstained"]:
        said.append(
            f"{figures['abstained']} of {figures['units']} units have no score: nothing is counted "
            f"for them, and that silence is not calm. {figures['abstained_with_mediators']} of "
            "them get mediators."
        )
    return said + left_out


def _left_out(request: Request, figures: dict[str, Any], language: Language) -> list[str]:
    """How many units with grave reports are promised no team for them, and why; no names."""
    told = figures.get("reports")
    if not told or not told["left_out"]:
        return []
    french = language is Language.FR
    counts = Counter(one["why"] for one in told["left_out"])
    whys = ", ".join(f"{n} {SAYS[why][french]}" for why, n in sorted(counts.items()))
    n, least, promised = len(told["left_out"]), request.cover_reports_from, len(told["promised"])
    if french:
        return [
            f"Signalements de gravité {least} ou plus au tour précédent{NARROW}: {promised} unités "
            f"en reçoivent une équipe, {n} n'en sont pas assurées ({whys})."
        ]
    return [
        f"Reports of severity {least} or more in the round before: {promised} units get a team "
        f"for them, {n} are not promised one ({whys})."
    ]
