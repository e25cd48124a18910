"""What the rules of lessons ask and say, in French and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from features.vocabulary import NARROW, Band, Language
from features.wording import number, percent
from response.lessons_rules import NAMES, Finding
from response.vocabulary import SAID, Level, Sign

_SPACED = re.compile(r" ([:;!?%»])")


class Words(NamedTuple):
    """What a rule looks at, and what it says where it asks for a change."""

    asks: str
    change: str


BANDS: dict[Language, dict[Band, str]] = {
    Language.EN: {
        Band.VERY_HIGH: "very high",
        Band.HIGH: "high",
        Band.ELEVATED: "elevated",
        Band.LOW: "low",
        Band.ABSTAINED: "no score",
    },
    Language.FR: {
        Band.VERY_HIGH: "très élevé",
        Band.HIGH: "élevé",
        Band.ELEVATED: "accru",
        Band.LOW: "faible",
        Band.ABSTAINED: "sans score",
    },
}

BASELINES: dict[Language, dict[str, str]] = {
    Language.EN: {
        "base_rate": "base rate",
        "zero": "never anything",
        "count_84d": "count of 12 weeks",
        "count_365d": "count of 12 months",
        "parent_mean_365d": "mean of the cercle or district",
        "count_365d_parent_mean": "count of 12 months and mean of the cercle",
        "decay_365d_parent_mean": "fading count and mean of the cercle",
        "previous_election": "previous election",
    },
    Language.FR: {
        "base_rate": "taux de base",
        "zero": "jamais rien",
        "count_84d": "nombre sur 12 semaines",
        "count_365d": "nombre sur 12 mois",
        "parent_mean_365d": "moyenne du cercle ou district",
        "count_365d_parent_mean": "nombre sur 12 mois et moyenne du cercle",
        "decay_365d_parent_mean": "nombre qui s'estompe et moyenne du cercle",
        "previous_election": "scrutin précédent",
    },
}
"""What people call the baselines of `models.baselines`."""

FIGURES: dict[str, str] = {
    "uncovered_region": "share",
    "uncovered_spots": "count",
    "no_deployment": "count",
    "unknown_posts": "share",
    "better_plan": "share",
    "missed": "share",
    "false_alarms": "share",
    "outcome_ratio": "ratio",
    "calibration_error": "ratio",
    "below_baseline": "share",
    "no_score": "share",
    "no_reports": "count",
    "report_delay": "hours",
    "report_checked": "share",
    "silent_posts": "share",
    "unseen": "share",
    "empty_signs": "count",
    "no_alerts": "count",
    "approve_hours": "hours",
    "acknowledge_hours": "hours",
    "act_hours": "hours",
    "acted": "share",
    "unalerted": "share",
    "rise": "ratio",
    "no_regional_alert": "count",
}
"""How the figure of each rule is read: a share of 1, hours, a ratio or a count."""

_EN: dict[str, Words] = {
    "uncovered_region": Words(
        "Largest share of incidents in a region where no mediator was posted",
        "{region}: {incidents} of {incidents_total} incidents ({incidents_share}) and {electoral} "
        "of {electoral_total} linked to the election ({electoral_share}) fell there, in "
        "{units} communes, and no mediator was posted. Plan posts there, or write down why "
        "nobody can be sent.",
    ),
    "uncovered_spots": Words(
        "Communes with several incidents and no mediator",
        "{number} communes had {hot_spot} incidents or more and no mediator: {places}. Put them "
        "to the planner as places that must be covered, or on its access list with the reason.",
    ),
    "no_deployment": Words(
        "Deployments on record for this round",
        "No deployment is on record for this round, so that coverage cannot be told. Keep the "
        "approved plan in Vigie.",
    ),
    "unknown_posts": Words(
        "Doubt about coverage, since posts are not known by commune",
        "Only the regions of the {mediators} mediators are on record: their coverage lies "
        "anywhere from {low_share} to {high_share}. Record each approved deployment commune by "
        "commune.",
    ),
    "better_plan": Words(
        "Share of incidents that a plan by the bulletin would have covered besides",
        "The same {mediators} mediators, placed by the bulletin of the time, would have stood "
        "where {plan_share} of incidents fell (by its baseline {baseline_share}), against "
        "{sent_share} at best; the best plan in hindsight {best_share}. Start the next plan from "
        "the bulletin.",
    ),
    "missed": Words(
        "Share of communes with an incident that had no warning",
        "{missed} of {hit_units} communes with an incident were below the band “{band}”; "
        "{in_lower} of them were in the band “{lower_band}”. Have the communes of that band "
        "watched too, at less cost. Most incidents: {places}.",
    ),
    "false_alarms": Words(
        "False alarms beyond those that the probabilities announced, as a share of warnings",
        "{false} of {warned} warned communes had no incident, where the probabilities announced "
        "{expected}. Recalibrate before the next bulletin.",
    ),
    "outcome_ratio": Words(
        "Communes with an incident against those expected, either way (five added to both)",
        "{observed} communes had an incident, and {expected} were expected. Look at what "
        "changed, train again, and tell planners how far the totals were off.",
    ),
    "calibration_error": Words(
        "Calibration error of the bulletin",
        "Probabilities were off by {figure} on average over ten groups. Recalibrate before the "
        "next bulletin.",
    ),
    "below_baseline": Words(
        "Brier score above that of the best baseline, as a share of it",
        "The bulletin's Brier score was {brier_loss}, that of the baseline “{baseline_name}” "
        "{baseline_loss} (less is better). One round is little evidence: hold them "
        "against each other over more windows, with vigie backtest, before the next round.",
    ),
    "no_score": Words(
        "Share of incidents in communes without a score",
        "{incidents} of {incidents_total} incidents fell where the bulletin had no score: "
        "{places}. Find a source of reports for these places.",
    ),
    "no_reports": Words(
        "Field reports of the window on record",
        "No field report of this round is on record, so that neither timeliness nor signs can be "
        "judged. Have mediators report from the first day of the window, “nothing seen” too.",
    ),
    "report_delay": Words(
        "Hours from seeing to knowing, median of field reports",
        "Half of the field reports were known more than {median} hours after what they tell "
        "(one in ten: {p90}). Have them sent by SMS from the place.",
    ),
    "report_checked": Words(
        "Share of field reports that were checked",
        "{checked} of {reports} field reports were corroborated, confirmed or refuted. Name who "
        "checks reports, and within how long.",
    ),
    "silent_posts": Words(
        "Share of communes with mediators from which nothing came",
        "{silent} of {posted} communes with mediators sent no report: {places}. Ask for “nothing "
        "seen” each day, and call where nothing comes.",
    ),
    "unseen": Words(
        "Share of incidents without a sign before, where somebody was reporting",
        "{unsigned} of {watched} incidents had reports from their commune in the {days} days "
        "before, and none of a warning sign. Go through them with those who were there; add the "
        "signs that the list lacks.",
    ),
    "empty_signs": Words(
        "Signs after which incidents were no more frequent than after “nothing seen”",
        "After reports of {signs}, incidents within {days} days were no more frequent than after "
        "“nothing seen” ({nothing_share}). Estimate their weights in re-scoring again.",
    ),
    "no_alerts": Words(
        "Alerts of this round on record",
        "No alert of this round is on record, so that neither lead time nor response can be "
        "judged. Draft and sign alerts in Vigie, and ask for acknowledgement.",
    ),
    "approve_hours": Words(
        "Hours from draft to signature, median",
        "Half of the alerts waited more than {median} hours for a signature (one in ten: {p90}). "
        "Name deputies who may sign.",
    ),
    "acknowledge_hours": Words(
        "Hours from sending to acknowledgement, median",
        "Half of the acknowledgements came more than {median} hours after sending (one in ten: "
        "{p90}). Agree with receivers who answers, and by which channel.",
    ),
    "act_hours": Words(
        "Hours from sending to action, median",
        "Half of the actions came more than {median} hours after sending (one in ten: {p90}). "
        "Agree before the round what is done at each alert, by whom.",
    ),
    "acted": Words(
        "Share of sent alerts to which somebody said what was done",
        "{acted} of {sent} sent alerts were answered with what was done. Ask for it with each "
        "alert, and call where no answer comes.",
    ),
    "unalerted": Words(
        "Share of incidents without an alert before",
        "{late} of {incidents} incidents had no alert for their commune sent in the {days} days "
        "before. Lower the thresholds of the rules, or sign sooner.",
    ),
    "rise": Words(
        "Incidents against as many days before, where no alert went to the regional level",
        "{incidents} incidents in {days} days, {before} in as many days before, and no alert to "
        "the regional level on record. Set a rule that drafts one at such a rise.",
    ),
    "no_regional_alert": Words(
        "Alerts to the regional level on record",
        "{incidents} incidents in {units_with_incidents} communes, {deaths} deaths, and no alert "
        "to the regional level on record. Agree with ECOWAS what it is told, when and by whom.",
    ),
}

_FR: dict[str, Words] = {
    "uncovered_region": Words(
        "Plus grande part des incidents dans une région sans médiateur posté",
        "{region} : {incidents} des {incidents_total} incidents ({incidents_share}) et "
        "{electoral} des {electoral_total} liés au scrutin ({electoral_share}) y ont eu lieu, dans "
        "{units} communes, et aucun médiateur n'y était posté. Y prévoir des postes, ou écrire "
        "pourquoi personne ne peut y être envoyé.",
    ),
    "uncovered_spots": Words(
        "Communes à plusieurs incidents et sans médiateur",
        "{number} communes ont connu au moins {hot_spot} incidents sans médiateur : {places}. Les "
        "donner au planificateur comme lieux à couvrir, ou les porter sur sa liste d'accès avec "
        "la raison.",
    ),
    "no_deployment": Words(
        "Déploiements consignés pour ce tour",
        "Aucun déploiement n'est consigné pour ce tour : la couverture ne peut être dite. Garder "
        "le plan approuvé dans Vigie.",
    ),
    "unknown_posts": Words(
        "Doute sur la couverture, les postes n'étant pas connus par commune",
        "Seules les régions des {mediators} médiateurs sont consignées : leur couverture se situe "
        "n'importe où entre {low_share} et {high_share}. Consigner chaque déploiement approuvé "
        "commune par commune.",
    ),
    "better_plan": Words(
        "Part des incidents qu'un plan suivant le bulletin aurait couverte en plus",
        "Les mêmes {mediators} médiateurs, placés selon le bulletin d'alors, se seraient trouvés "
        "là où {plan_share} des incidents ont eu lieu (selon sa référence {baseline_share}), "
        "contre {sent_share} au mieux ; le meilleur plan après coup, {best_share}. Partir du "
        "bulletin pour le prochain plan.",
    ),
    "missed": Words(
        "Part des communes à incident restées sans avertissement",
        "{missed} des {hit_units} communes à incident étaient sous le niveau « {band} » ; "
        "{in_lower} d'entre elles étaient au niveau « {lower_band} ». Faire aussi observer les "
        "communes de ce niveau, à moindre coût. Le plus d'incidents : {places}.",
    ),
    "false_alarms": Words(
        "Fausses alertes au-delà de celles qu'annonçaient les probabilités, en part des "
        "avertissements",
        "{false} des {warned} communes averties n'ont connu aucun incident, là où les probabilités "
        "en annonçaient {expected}. Recalibrer avant le prochain bulletin.",
    ),
    "outcome_ratio": Words(
        "Communes à incident rapportées à celles attendues, dans un sens ou l'autre (cinq "
        "ajoutées aux deux)",
        "{observed} communes ont connu un incident, {expected} étaient attendues. Regarder ce qui "
        "a changé, entraîner à nouveau, et dire aux planificateurs de combien les totaux "
        "s'écartaient.",
    ),
    "calibration_error": Words(
        "Erreur de calibration du bulletin",
        "Les probabilités s'écartaient de {figure} en moyenne sur dix groupes. Recalibrer avant "
        "le prochain bulletin.",
    ),
    "below_baseline": Words(
        "Score de Brier au-dessus de celui de la meilleure référence, en part de celui-ci",
        "Le score de Brier du bulletin était de {brier_loss}, celui de la référence "
        "« {baseline_name} » de {baseline_loss} (moins vaut mieux). Un tour prouve peu : les "
        "comparer sur d'autres périodes, avec vigie backtest, avant le prochain tour.",
    ),
    "no_score": Words(
        "Part des incidents dans des communes sans score",
        "{incidents} des {incidents_total} incidents ont eu lieu là où le bulletin n'avait pas de "
        "score : {places}. Trouver une source de signalements pour ces lieux.",
    ),
    "no_reports": Words(
        "Rapports de terrain de la période consignés",
        "Aucun rapport de terrain de ce tour n'est consigné : ni les délais ni les signes ne "
        "peuvent être jugés. Faire rapporter les médiateurs dès le premier jour de la période, "
        "« rien vu » compris.",
    ),
    "report_delay": Words(
        "Heures entre voir et savoir, médiane des rapports de terrain",
        "La moitié des rapports de terrain ont été connus plus de {median} heures après ce qu'ils "
        "disent (un sur dix : {p90}). Les faire envoyer par SMS depuis le lieu.",
    ),
    "report_checked": Words(
        "Part des rapports de terrain vérifiés",
        "{checked} des {reports} rapports de terrain ont été recoupés, confirmés ou démentis. "
        "Nommer qui vérifie les rapports, et en combien de temps.",
    ),
    "silent_posts": Words(
        "Part des communes à médiateurs d'où rien n'est venu",
        "{silent} des {posted} communes à médiateurs n'ont envoyé aucun rapport : {places}. "
        "Demander « rien vu » chaque jour, et appeler là d'où rien ne vient.",
    ),
    "unseen": Words(
        "Part des incidents sans signe avant eux, là où quelqu'un rapportait",
        "{unsigned} des {watched} incidents avaient des rapports de leur commune dans les {days} "
        "jours d'avant, dont aucun d'un signe d'alerte. Les reprendre avec ceux qui étaient là ; "
        "ajouter les signes qui manquent à la liste.",
    ),
    "empty_signs": Words(
        "Signes après lesquels les incidents n'étaient pas plus fréquents qu'après « rien vu »",
        "Après des rapports de {signs}, les incidents sous {days} jours n'étaient pas plus "
        "fréquents qu'après « rien vu » ({nothing_share}). Estimer à nouveau leur poids dans la "
        "mise à jour des scores.",
    ),
    "no_alerts": Words(
        "Alertes de ce tour consignées",
        "Aucune alerte de ce tour n'est consignée : ni l'avance ni la réponse ne peuvent être "
        "jugées. Rédiger et signer les alertes dans Vigie, et demander un accusé de réception.",
    ),
    "approve_hours": Words(
        "Heures entre projet et signature, médiane",
        "La moitié des alertes ont attendu plus de {median} heures une signature (une sur dix : "
        "{p90}). Nommer des suppléants qui peuvent signer.",
    ),
    "acknowledge_hours": Words(
        "Heures entre envoi et accusé de réception, médiane",
        "La moitié des accusés de réception sont venus plus de {median} heures après l'envoi (un "
        "sur dix : {p90}). Convenir avec les destinataires de qui répond, et par quel canal.",
    ),
    "act_hours": Words(
        "Heures entre envoi et action, médiane",
        "La moitié des actions sont venues plus de {median} heures après l'envoi (une sur dix : "
        "{p90}). Convenir avant le tour de ce qui est fait à chaque alerte, et par qui.",
    ),
    "acted": Words(
        "Part des alertes envoyées auxquelles quelqu'un a dit ce qui a été fait",
        "{acted} des {sent} alertes envoyées ont reçu en réponse ce qui a été fait. Le demander "
        "avec chaque alerte, et appeler là d'où ne vient aucune réponse.",
    ),
    "unalerted": Words(
        "Part des incidents sans alerte avant eux",
        "{late} des {incidents} incidents n'ont eu aucune alerte pour leur commune dans les "
        "{days} jours d'avant. Abaisser les seuils des règles, ou signer plus tôt.",
    ),
    "rise": Words(
        "Incidents rapportés à autant de jours avant, sans alerte à l'échelon régional",
        "{incidents} incidents en {days} jours, {before} en autant de jours avant, et aucune "
        "alerte à l'échelon régional consignée. Poser une règle qui en rédige "
        "une à une telle hausse.",
    ),
    "no_regional_alert": Words(
        "Alertes à l'échelon régional consignées",
        "{incidents} incidents dans {units_with_incidents} communes, {deaths} morts, et aucune "
        "alerte à l'échelon régional consignée. Convenir avec la CEDEAO de ce qui lui est dit, "
        "quand et par qui.",
    ),
}

RULES: dict[Language, dict[str, Words]] = {Language.EN: _EN, Language.FR: _FR}
"""Words of every rule of `response.lessons_rules`."""

CAUTION: dict[Language, str] = {
    Language.EN: "This report says what was forecast, where mediators stood and what was "
    "reported. It claims nothing about causes: a place where mediators stood and nothing "
    "happened does not show that they were not needed, nor that they prevented anything. "
    "Incidents are those that sources reported.",
    Language.FR: "Ce rapport dit ce qui était prévu, où se trouvaient les médiateurs et ce qui a "
    "été signalé. Il n'affirme rien sur les causes : un lieu où des médiateurs se trouvaient et "
    "où rien n'est arrivé ne montre ni qu'ils étaient inutiles, ni qu'ils ont empêché quoi que ce "
    "soit. Les incidents sont ceux que les sources ont signalés.",
}


def typeset(text: str, language: Language) -> str:
    """Narrow no-break spaces where French wants them; English as it is."""
    if language is not Language.FR:
        return text
    return _SPACED.sub(NARROW + r"\1", text).replace("« ", "«" + NARROW)


def says(finding: Finding, language: Language) -> str | None:
    """What a finding asks to change; None where it asks for nothing."""
    if finding.state != "change":
        return None
    values = {**finding.values, **_shares(finding.values), "figure": finding.figure}
    told = {k: tell(k, v, language) for k, v in values.items()}
    return typeset(RULES[language][finding.rule].change.format_map(told), language)


def asks(rule: str, language: Language) -> str:
    """What a rule looks at."""
    return typeset(RULES[language][rule].asks, language)


def shown(rule: str, value: float | None, language: Language) -> str:
    """A rule's figure or limit as it is read; a dash where there is none."""
    if value is None or value != value:
        return "–"
    kind = FIGURES[rule]
    if kind == "share":
        return percent(value, language)
    told = number(value, language)
    return f"{told}{NARROW}h" if kind == "hours" else told


def tell(name: str, value: Any, language: Language) -> str:
    """A value of a finding as words.

    Names that end in `_share` are shares of 1, in `_loss` losses, in `_name` names of baselines.
    """
    if isinstance(value, Band):
        return BANDS[language][value]
    if isinstance(value, tuple):
        words = [_word(v, language) for v in value]
        more = len(words) - NAMES
        rest = {Language.EN: f" and {more} more", Language.FR: f" et {more} autres"}[language]
        return ", ".join(words[:NAMES]) + (rest if more > 0 else "")
    if isinstance(value, str):
        return baseline_name(value, language) if name.endswith("_name") else value
    if value is None or value != value:
        return "–"
    if name.endswith("_loss"):
        return decimals(value, 4, language)
    return percent(value, language) if name.endswith("_share") else number(value, language)


def decimals(value: float | None, digits: int, language: Language) -> str:
    """A number with so many decimals; a dash where there is none."""
    if value is None or value != value:
        return "–"
    text = f"{round(value, digits) + 0.0:.{digits}f}"
    return text.replace(".", ",") if language is Language.FR else text


def baseline_name(name: str, language: Language) -> str:
    """A baseline as people call it; its own name where it has no other."""
    return BASELINES[language].get(name, name.replace("_", " "))


def _word(value: str, language: Language) -> str:
    return SAID[Sign(value)].in_language(language) if value in list(Sign) else value


def _shares(values: Mapping[str, Any]) -> dict[str, float]:
    """`x_share` for each `x` that has an `x_total`."""
    out = {}
    for name in values:
        if f"{name}_total" in values:
            total = values[f"{name}_total"]
            out[f"{name}_share"] = values[name] / total if total else float("nan")
    return out


def level_name(level: Level, language: Language) -> str:
    """A level's name."""
    return SAID[level].in_language(language)
