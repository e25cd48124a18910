"""What a reader must know before acting on a plan, in French and English.

It brings no table and no solver along, so that a plan that is kept is read at once.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from features.vocabulary import NARROW, Language
from response.deployment_request import Request

UNKNOWN, UNREACHABLE, REGION, CLOSED, FULL, MOST = (
    *("unknown", "unreachable", "region_out", "closed", "no_team", "most"),
)
SAYS: dict[str, tuple[str, str]] = {
    UNKNOWN: ("not in the bulletin", "absentes du bulletin"),
    UNREACHABLE: ("cannot be reached", "inaccessibles"),
    REGION: ("in a region where nobody goes", "dans une région où personne ne va"),
    CLOSED: ("no team may or can go there", "aucune équipe ne peut ou ne doit y aller"),
    FULL: (
        "every team that can go there is promised elsewhere",
        "toute équipe qui peut y aller est promise ailleurs",
    ),
    MOST: (
        "more than the plan sets teams aside for",
        "plus que le plan n'en réserve d'équipes",
    ),
}
"""Why a unit is left out -> English, French."""


def number(value: float, language: Language, digits: int = 1) -> str:
    """A number as the language writes it."""
    text = f"{value:,.{digits}f}"
    if language is Language.FR:
        return text.replace(",", NARROW).replace(".", ",")
    return text


def percent(share: float, language: Language) -> str:
    """A share in per cent."""
    return f"{number(share * 100, language, 0)}{NARROW if language is Language.FR else ''}%"


def _covered(request: Request, mediators: int) -> float:
    """As `response.deployment_network.effect`, for one number of mediators."""
    counted: int = min(mediators, request.cap)
    return float(1 - (1 - request.effectiveness) ** counted)


def assumptions(request: Request, figures: dict[str, Any], language: Language) -> list[str]:
    """What a reader must know before acting on a plan."""
    one, cap = percent(request.effectiveness, language), request.cap
    full = percent(_covered(request, cap), language)
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
