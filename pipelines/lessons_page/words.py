"""Words of the pages of lessons, in French and English."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from features.vocabulary import Language
from response.lessons_words import typeset

_MONTHS = {
    Language.EN: (
        *("January", "February", "March", "April", "May", "June", "July"),
        *("August", "September", "October", "November", "December"),
    ),
    Language.FR: (
        *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
        *("août", "septembre", "octobre", "novembre", "décembre"),
    ),
}

WORDS: MappingProxyType[str, tuple[str, str]] = MappingProxyType(
    {
        "title": ("Lessons of the round", "Leçons du tour"),
        "synthetic": (
            "SYNTHETIC DATA: made up; says nothing about any country.",
            "DONNÉES SYNTHÉTIQUES : inventées ; elles ne disent rien d'aucun pays.",
        ),
        "polling": ("polling day", "jour du vote"),
        "window": ("window", "période"),
        "to": ("to", "au"),
        "bulletin": ("bulletin", "bulletin"),
        "as_of": ("as known on", "connu au"),
        "knew": ("that knew what was known on", "fondé sur ce qui était connu le"),
        "counts": ("What counts", "Ce qui compte"),
        "open_window": (
            "Provisional: the window is still open. These lessons settle on",
            "Provisoire : la période court encore. Ces leçons seront établies le",
        ),
        "reports_due": (
            "Provisional: reports of the last days may still come in. These lessons settle on",
            "Provisoire : des signalements des derniers jours peuvent encore arriver. Ces leçons "
            "seront établies le",
        ),
        "data_end_sooner": (
            "Provisional: the data at hand end before the last reports of the window can be in. "
            "They would have to reach",
            "Provisoire : les données disponibles s'arrêtent avant que les derniers signalements "
            "de la période aient pu arriver. Elles devraient aller jusqu'au",
        ),
        "in_short": ("In short", "En bref"),
        "to_change": (
            "What to change before the next round",
            "Ce qu'il faut changer avant le prochain tour",
        ),
        "to_change_says": (
            "Each follows from one figure past a limit by a declared rule; all rules, with "
            "those that ask for nothing, are at the end.",
            "Chaque point suit d'un chiffre au-delà d'une limite, selon une règle déclarée ; "
            "toutes les règles, avec celles qui ne demandent rien, sont à la fin.",
        ),
        "nothing_to_change": (
            "No figure is past its limit.",
            "Aucun chiffre ne dépasse sa limite.",
        ),
        "figure": ("figure", "chiffre"),
        "limit": ("limit", "limite"),
        "where": ("Where it happened", "Où cela s'est passé"),
        "region": ("region", "région"),
        "units": ("communes", "communes"),
        "units_hit": ("with an incident", "à incident"),
        "incidents": ("incidents", "incidents"),
        "share": ("share", "part"),
        "expected": ("expected", "attendus"),
        "electoral": ("linked to the election", "liés au scrutin"),
        "deaths": ("deaths", "morts"),
        "mediators": ("mediators", "médiateurs"),
        "posted_yes": ("yes, number not known", "oui, nombre inconnu"),
        "posted_no": ("none", "aucun"),
        "posted_unknown": ("not known", "non connu"),
        "table_says": (
            "“Expected” is the sum of the bulletin's expected incidents. Incidents linked to the "
            "election are of any type but peaceful protest; they may lie outside the target.",
            "« Attendus » est la somme des incidents attendus du bulletin. Les incidents liés au "
            "scrutin sont de tout type sauf manifestation pacifique ; ils peuvent être hors de la "
            "cible.",
        ),
        "map_forecast": ("What was forecast: bands", "Ce qui était prévu : niveaux"),
        "map_outcome": ("What came of it", "Ce qu'il en a été"),
        "map_posts": (
            "Where mediators were, and incidents (dots, by number)",
            "Où étaient les médiateurs, et les incidents (points, selon leur nombre)",
        ),
        "key_hit": ("warned, and an incident", "averti, avec incident"),
        "key_miss": ("incident without warning", "incident sans avertissement"),
        "key_false_alarm": ("warned, no incident", "averti, sans incident"),
        "key_quiet": ("neither", "ni l'un ni l'autre"),
        "key_unscored": ("no score", "sans score"),
        "key_posted": ("mediators here", "médiateurs ici"),
        "key_told": (
            "mediators in the region, place not known",
            "médiateurs dans la région, lieu non connu",
        ),
        "key_not_posted": ("no mediator", "aucun médiateur"),
        "key_dot_unposted": ("incident where nobody stood", "incident là où personne n'était"),
        "key_dot": ("other incident", "autre incident"),
        "forecast": ("Forecast against what happened", "Prévision et réalité"),
        "no_forecast": (
            "The bulletin abstained in every commune: there is no forecast to judge.",
            "Le bulletin s'est abstenu dans chaque commune : il n'y a pas de prévision à juger.",
        ),
        "model": ("model", "modèle"),
        "this_bulletin": ("the bulletin", "le bulletin"),
        "its_baseline": ("(in the bulletin)", "(dans le bulletin)"),
        "average_precision": ("AP", "PM"),
        "auc": ("AUC", "AUC"),
        "brier": ("Brier", "Brier"),
        "brier_skill": ("Brier skill", "gain de Brier"),
        "log_loss_skill": ("log-loss skill", "gain log."),
        "calibration_error": ("cal. error", "err. de calib."),
        "precision_at_20": ("of the top 20", "des 20 premières"),
        "precision_at_50": ("of the top 50", "des 50 premières"),
        "scores_says": (
            "AP: average precision (1 is perfect). Brier and calibration error: less is better. "
            "Skills: against the base rate known on the day, 0 is no better. “Of the top 20”: "
            "share with an incident. One round is one draw: differences this small may be chance.",
            "PM : précision moyenne (1 est parfait). Brier et erreur de calibration : moins vaut "
            "mieux. Gains : par rapport au taux de base connu ce jour-là, 0 n'est pas mieux. « Des "
            "20 premières » : part à incident. Un tour est un seul tirage : de si petits écarts "
            "peuvent tenir au hasard.",
        ),
        "only_stored": (
            "The other baselines could not be fitted again: only that of the bulletin is shown.",
            "Les autres références n'ont pu être ajustées à nouveau : seule celle du bulletin est "
            "montrée.",
        ),
        "reliability": ("Is a probability what it says?", "Une probabilité dit-elle vrai ?"),
        "reliability_says": (
            "Ten groups of communes of equal size, by forecast; bars are 90% intervals of the "
            "share that happened. Grey line: perfect.",
            "Dix groupes de communes de même taille, selon la prévision ; les barres sont des "
            "intervalles à 90 % de la part survenue. Ligne grise : parfait.",
        ),
        "axis_forecast": ("forecast probability", "probabilité prévue"),
        "axis_observed": ("share with an incident", "part à incident"),
        "band": ("band", "niveau"),
        "forecast_mean": ("mean forecast", "prévision moyenne"),
        "observed": ("happened", "survenu"),
        "interval": ("90% interval", "intervalle à 90 %"),
        "by_name": ("By name", "Nommément"),
        "by_name_says": (
            "A warning is the band “{band}” or above. After each name: incidents, then the "
            "probability that was forecast.",
            "Un avertissement est le niveau « {band} » ou plus. Après chaque nom : les incidents, "
            "puis la probabilité prévue.",
        ),
        "hits": ("Hits: warned, and an incident", "Vus : avertis, avec incident"),
        "misses": ("Misses: an incident, and no warning", "Manqués : incident sans avertissement"),
        "false_alarms": (
            "False alarms: warned, and none",
            "Fausses alertes : avertis, sans incident",
        ),
        "unscored": (
            "Incidents where there was no score",
            "Incidents là où il n'y avait pas de score",
        ),
        "commune": ("commune", "commune"),
        "probability": ("probability", "probabilité"),
        "rank": ("rank", "rang"),
        "none_of_these": ("None.", "Aucun."),
        "and_more": ("{n} more in the JSON.", "{n} de plus dans le JSON."),
        "deployment": ("Deployment against need", "Déploiement et besoin"),
        "no_deployment": (
            "No deployment is on record for this round: neither an approved plan in the store nor "
            "numbers in the country pack. That does not mean that nobody was sent.",
            "Aucun déploiement n'est consigné pour ce tour : ni plan approuvé dans la base, ni "
            "nombres dans le fichier du pays. Cela ne veut pas dire que personne n'a été envoyé.",
        ),
        "sent_posts": (
            "{mediators} mediators, commune by commune. Source: {source}.",
            "{mediators} médiateurs, commune par commune. Source : {source}.",
        ),
        "sent_regions": (
            "{mediators} mediators in {regions}; where in these regions is not known. Source: "
            "{source}. So their coverage is bounded: at the least, {most} to a commune, where the "
            "fewest incidents fell; at the most, in teams of {team}, where the most fell; between "
            "them, teams spread over all communes of these regions.",
            "{mediators} médiateurs à {regions} ; où dans ces régions n'est pas connu. Source : "
            "{source}. Leur couverture est donc encadrée : au moins, {most} par commune, là où le "
            "moins d'incidents ont eu lieu ; au plus, par équipes de {team}, là où le plus ont eu "
            "lieu ; entre les deux, des équipes réparties sur toutes les communes de ces régions.",
        ),
        "plan": ("plan", "plan"),
        "covered": ("incidents covered", "incidents couverts"),
        "covered_electoral": ("linked to the election", "liés au scrutin"),
        "plan_units": ("communes", "communes"),
        "plan_sent": ("as deployed", "tel que déployé"),
        "plan_bulletin": ("by the bulletin", "selon le bulletin"),
        "plan_baseline": ("by the bulletin's baseline", "selon la référence du bulletin"),
        "plan_equal": ("spread over the whole country", "réparti sur tout le pays"),
        "plan_hindsight": ("best in hindsight", "le meilleur après coup"),
        "plan_hindsight_in_regions": (
            "best in hindsight, same regions",
            "le meilleur après coup, mêmes régions",
        ),
        "plan_bulletin_in_regions": (
            "by the bulletin, same regions",
            "selon le bulletin, mêmes régions",
        ),
        "plans_says": (
            "Share of incidents in communes where somebody stands. Every plan has {mediators} "
            "mediators in teams of {team}, one team to a commune, and no limit of access or "
            "travel, so that plans outside the regions may not have been possible.",
            "Part des incidents dans des communes où quelqu'un se trouve. Chaque plan compte "
            "{mediators} médiateurs par équipes de {team}, une équipe par commune, sans limite "
            "d'accès ni de trajet : des plans hors de ces régions n'auraient peut-être pas été "
            "possibles.",
        ),
        "needed": (
            "In hindsight, {half} mediators in the right communes would have stood where half of "
            "the incidents fell, {most} where four in five did, {all} where all did.",
            "Après coup, {half} médiateurs dans les bonnes communes se seraient trouvés là où la "
            "moitié des incidents ont eu lieu, {most} là où quatre sur cinq, {all} là où tous.",
        ),
        "curve_says": (
            "Share of incidents covered by the number of mediators. Bar: what was deployed, from "
            "the least to the most that it can have covered.",
            "Part des incidents couverte selon le nombre de médiateurs. Barre : ce qui a été "
            "déployé, du moins au plus qu'il ait pu couvrir.",
        ),
        "axis_mediators": ("mediators", "médiateurs"),
        "axis_covered": ("incidents covered", "incidents couverts"),
        "spots": ("Hot spots without a mediator", "Points chauds sans médiateur"),
        "spots_unknown": (
            "Hot spots in regions with mediators, place not known",
            "Points chauds dans des régions à médiateurs, lieu non connu",
        ),
        "reports": ("Field reports", "Rapports de terrain"),
        "no_reports": (
            "No field report of this window is on record. That does not mean that nothing was "
            "seen.",
            "Aucun rapport de terrain de cette période n'est consigné. Cela ne veut pas dire que "
            "rien n'a été vu.",
        ),
        "reports_says": (
            "{reports} reports from {units} communes by {reporters} reporters; {edited} edited, "
            "{withdrawn} withdrawn; {checked} checked ({share}).",
            "{reports} rapports de {units} communes par {reporters} personnes ; {edited} modifiés, "
            "{withdrawn} retirés ; {checked} vérifiés ({share}).",
        ),
        "kind": ("kind", "genre"),
        "intake": ("came in by", "venus par"),
        "verification": ("verification", "vérification"),
        "number": ("number", "nombre"),
        "hours": ("hours", "heures"),
        "median": ("median", "médiane"),
        "p90": ("one in ten above", "un sur dix au-delà"),
        "seen_to_sent_hours": ("from seeing to sending", "de voir à envoyer"),
        "seen_to_known_hours": ("from seeing to knowing", "de voir à savoir"),
        "signs": ("Signs, and what followed", "Les signes, et la suite"),
        "sign": ("sign", "signe"),
        "followed": ("followed by an incident", "suivis d'un incident"),
        "open": ("not over yet", "pas encore échus"),
        "signs_says": (
            "Reports after which an incident of the target fell in the same commune 1 to {days} "
            "days later. That it followed does not say that the sign led to it.",
            "Rapports après lesquels un incident de la cible a eu lieu dans la même commune 1 à "
            "{days} jours plus tard. Qu'il ait suivi ne dit pas que le signe y menait.",
        ),
        "foreseen": (
            "Of {incidents} incidents, {signed} had a sign reported from their commune in the "
            "{days} days before, {unsigned} had reports and no sign, {unwatched} no report at all.",
            "Sur {incidents} incidents, {signed} avaient un signe rapporté de leur commune dans "
            "les {days} jours d'avant, {unsigned} des rapports et aucun signe, {unwatched} aucun "
            "rapport.",
        ),
        "silence": (
            "{silent} of {posted} communes with mediators sent nothing.",
            "{silent} des {posted} communes à médiateurs n'ont rien envoyé.",
        ),
        "alerts": ("Alerts", "Alertes"),
        "no_alerts": (
            "No alert of this round is on record. That does not mean that nobody was told.",
            "Aucune alerte de ce tour n'est consignée. Cela ne veut pas dire que personne n'a été "
            "prévenu.",
        ),
        "alerts_says": (
            "{alerted} of {incidents} incidents had an alert for their commune sent 1 to {days} "
            "days before.",
            "{alerted} des {incidents} incidents avaient une alerte pour leur commune envoyée 1 à "
            "{days} jours avant.",
        ),
        "every_level": ("all levels", "tous les échelons"),
        "drafted": ("drafted", "rédigées"),
        "approved": ("signed", "signées"),
        "sent": ("sent", "envoyées"),
        "acknowledged": ("acknowledged", "accusées"),
        "acted": ("acted on", "suivies d'effet"),
        "closed": ("closed", "closes"),
        "alert_followed": ("an incident after", "un incident après"),
        "lead_days": ("lead, days", "avance, jours"),
        "draft_to_approved": ("draft to signature", "projet à signature"),
        "approved_to_sent": ("signature to sending", "signature à envoi"),
        "sent_to_acknowledged": ("sending to acknowledgement", "envoi à accusé"),
        "sent_to_acted": ("sending to action", "envoi à action"),
        "sent_to_closed": ("sending to closure", "envoi à clôture"),
        "times_says": (
            "Hours, median; in brackets how many got that far.",
            "Heures, médiane ; entre parenthèses, combien sont allées jusque-là.",
        ),
        "reason": ("reason", "raison"),
        "levels": ("By level", "Par échelon"),
        "f_units": ("communes", "communes"),
        "f_units_with_incidents": ("communes with an incident", "communes à incident"),
        "f_warned": ("of these, warned", "dont averties"),
        "f_not_warned": ("of these, not warned", "dont non averties"),
        "f_posted": ("of these, with mediators", "dont avec médiateurs"),
        "f_not_posted": ("of these, without", "dont sans médiateur"),
        "f_posted_unknown": ("of these, not known", "dont on ne sait"),
        "f_field_reports": ("field reports on record", "rapports de terrain consignés"),
        "f_regions": ("regions", "régions"),
        "f_regions_with_incidents": ("regions with an incident", "régions à incident"),
        "f_regions_not_posted": ("of these, without mediators", "dont sans médiateur"),
        "f_incidents_not_posted": ("incidents in these", "incidents dans celles-ci"),
        "f_mediators": ("mediators", "médiateurs"),
        "f_expected_incidents": ("incidents expected", "incidents attendus"),
        "f_incidents": ("incidents", "incidents"),
        "f_electoral": ("linked to the election", "liés au scrutin"),
        "f_deaths": ("deaths", "morts"),
        "f_incidents_window_before": ("in as many days before", "en autant de jours avant"),
        "f_incidents_year_before": (
            "in the same days a year before",
            "aux mêmes jours un an avant",
        ),
        "f_alerts_sent": ("alerts sent", "alertes envoyées"),
        "rules": ("Every rule", "Toutes les règles"),
        "rule": ("what is looked at", "ce qui est regardé"),
        "level": ("level", "échelon"),
        "state": ("result", "résultat"),
        "change": ("change", "à changer"),
        "fine": ("fine", "bien"),
        "no_data": ("no data", "sans données"),
        "at_least": ("from", "dès"),
        "below": ("below", "sous"),
        "rests_on": ("What this rests on", "Sur quoi cela repose"),
        "vintage": ("vintage of the data", "date des données"),
        "schema": ("document", "document"),
        "not_told": ("not told", "non dit"),
    }
)
"""Key -> English, French."""


def word(key: str, language: Language) -> str:
    """A word of the page."""
    english, french = WORDS[key]
    return typeset(french if language is Language.FR else english, language)


def day(value: str, language: Language) -> str:
    """An ISO day as people write it: 29 July 2018, 29 juillet 2018, 1er août 2018."""
    when = date.fromisoformat(value)
    first = "1er" if when.day == 1 and language is Language.FR else str(when.day)
    return f"{first}\u00a0{_MONTHS[language][when.month - 1]}\u00a0{when.year}"
