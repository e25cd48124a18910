"""What a reader should take away from a round, in a few sentences made of its figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.vocabulary import Language
from features.wording import is_plural, number, numbered, percent
from response.lessons_evidence import Limits
from response.lessons_forecast import FORECAST
from response.lessons_reports import share_of
from response.lessons_rules import Sections
from response.lessons_words import BANDS, baseline_name, decimals, typeset

_MOST = 0.5
_EN = {
    "happened": "{incidents} incident[s] in {hit} of {units} communes, {deaths} death[s].",
    "where": "They fell mostly in {regions}.",
    "electoral": "Of those linked to the election ({electoral}), most fell in {regions}.",
    "nobody": "No mediator was posted in {regions}: {part} of {incidents} incidents ({share}).",
    "everybody": "Mediators were posted in every region where an incident fell.",
    "unknown": "Nothing is on record of a deployment.",
    "covered": "{share} of incidents fell in communes where mediators stood.",
    "bounded": "Only the regions of the {mediators} mediators are known ({source}): they stood "
    "where {low} to {high} of incidents fell, {value} if they were spread evenly.",
    "plans": "As many mediators placed by the bulletin would have stood where {bulletin} fell; "
    "in hindsight, {needed} would have sufficed for all.",
    "forecast": "The bulletin warned (band “{band}” or above) of {hits} of the {hit} communes with "
    "an incident; {false} other[s] warned had none.",
    "scores": "Average precision {ap}, best baseline {ap_baseline} ({name}); Brier score {brier}, "
    "best baseline {brier_baseline} ({brier_name}; less is better).",
    "no_score": "The bulletin abstained: there is no forecast to judge.",
}
_FR = {
    "happened": "{incidents} incident[s] dans {hit} des {units} communes, {deaths} mort[s].",
    "where": "Ils ont eu lieu surtout à : {regions}.",
    "electoral": "Ceux liés au scrutin ({electoral}) ont eu lieu surtout à : {regions}.",
    "nobody": "Aucun médiateur n'était posté à : {regions}. Y ont eu lieu {part} des {incidents} "
    "incidents ({share}).",
    "everybody": "Des médiateurs étaient postés dans chaque région où un incident a eu lieu.",
    "unknown": "Aucun déploiement n'est consigné.",
    "covered": "{share} des incidents ont eu lieu dans des communes où se trouvaient des "
    "médiateurs.",
    "bounded": "Seules les régions des {mediators} médiateurs sont connues ({source}) : ils "
    "se trouvaient là où {low} à {high} des incidents ont eu lieu, {value} s'ils étaient répartis "
    "également.",
    "plans": "Autant de médiateurs placés selon le bulletin se seraient trouvés là où {bulletin} "
    "ont eu lieu ; après coup, {needed} auraient suffi pour tous.",
    "forecast": "Le bulletin avait averti (niveau « {band} » ou plus) de {hits} des {hit} communes "
    "à incident ; {false} autre[s] commune[s] avertie[s] n'en ont pas connu.",
    "scores": "Précision moyenne {ap}, meilleure référence {ap_baseline} ({name}) ; score de Brier "
    "{brier}, meilleure référence {brier_baseline} ({brier_name} ; moins vaut mieux).",
    "no_score": "Le bulletin s'est abstenu : il n'y a pas de prévision à juger.",
}
_SAID = {Language.EN: _EN, Language.FR: _FR}
_AND = {Language.EN: " and ", Language.FR: " et "}


def headlines(s: Sections, limits: Limits) -> dict[str, list[str]]:
    """Sentences in every language.

    Args:
        s: the sections of the report.
        limits: where figures start to matter.
    """
    return {
        str(language): [
            *_happened(s, limits, language),
            *_deployed(s, language),
            *_forecast(s, limits, language),
        ]
        for language in Language
    }


def main_regions(regions: pd.DataFrame, counted: str, limits: Limits) -> pd.DataFrame:
    """The fewest regions that hold more than half of the incidents of a class.

    A second one is named beside a first that holds them alone, if it holds `region_share`.
    """
    rows = regions.sort_values([counted, "region_id"], ascending=[False, True])
    share = rows[f"{counted}_share"].fillna(0.0)
    before = share.cumsum() - share
    keep = (before <= _MOST) & (share > 0)
    if keep.sum() == 1 and len(rows) > 1 and share.iloc[1] >= limits.region_share:
        keep.iloc[1] = True
    return rows.loc[keep]


def _say(key: str, language: Language, count: float = 2, /, **values: str) -> str:
    text = numbered(_SAID[language][key], plural=is_plural(count, language))
    return typeset(text.format(**values), language)


def _list(rows: pd.DataFrame, counted: str, language: Language, shares: bool = True) -> str:
    said = [
        f"{r['region']} ({number(r[counted], language)}"
        + (f", {percent(r[f'{counted}_share'], language)})" if shares else ")")
        for r in rows.to_dict("records")
    ]
    return said[0] if len(said) == 1 else ", ".join(said[:-1]) + _AND[language] + said[-1]


def _happened(s: Sections, limits: Limits, language: Language) -> list[str]:
    t = s.totals
    figures = ("incidents", "units", "deaths", "electoral")
    told = {name: number(t[name], language) for name in figures}
    hit = number(t["units_with_incidents"], language)
    out = [_say("happened", language, t["incidents"], hit=hit, **told)]
    if t["incidents"]:
        rows = main_regions(s.regions, "incidents", limits)
        out.append(_say("where", language, regions=_list(rows, "incidents", language)))
    if t["electoral"]:
        rows = main_regions(s.regions, "electoral", limits)
        regions = _list(rows, "electoral", language)
        out.append(_say("electoral", language, electoral=told["electoral"], regions=regions))
    return out


def _deployed(s: Sections, language: Language) -> list[str]:
    if s.deployment["status"] == "none":
        return [_say("unknown", language)]
    total = s.totals["incidents"]
    if not total:
        return []
    rows = s.regions.loc[(s.regions["posted"] == "no") & (s.regions["incidents"] > 0)]
    part = int(rows["incidents"].sum())
    out = [_say("everybody", language)]
    if part:
        out = [
            _say(
                "nobody",
                language,
                regions=_list(rows, "incidents", language, shares=False),
                part=number(part, language),
                incidents=number(total, language),
                share=percent(share_of(part, total), language),
            )
        ]
    plans = s.deployment["plans"]
    plans = plans.loc[plans["counted"] == "incidents"].set_index("plan")
    sent = {k: percent(float(plans.loc["sent", k]), language) for k in ("low", "value", "high")}
    if s.deployment["status"] == "regions":
        mediators = number(s.deployment["mediators"], language)
        source = s.deployment["source"][str(language)]
        out.append(_say("bounded", language, mediators=mediators, source=source, **sent))
    else:
        out.append(_say("covered", language, share=sent["value"]))
    if "bulletin" in plans.index:
        needed = number(s.deployment["needed"]["100%"], language)
        bulletin = percent(float(plans.loc["bulletin", "value"]), language)
        out.append(_say("plans", language, bulletin=bulletin, needed=needed))
    return out


def _forecast(s: Sections, limits: Limits, language: Language) -> list[str]:
    if s.forecast["status"] == "none":
        return [_say("no_score", language)]
    counts: dict[str, Any] = s.forecast["counts"]
    hits, false = counts.get("hit", 0), counts.get("false_alarm", 0)
    out = [
        _say(
            "forecast",
            language,
            false,
            band=BANDS[language][limits.warned_from],
            hits=number(hits, language),
            hit=number(hits + counts.get("miss", 0), language),
            false=number(false, language),
        )
    ]
    table = s.forecast["scores"].set_index("model")
    others = table.drop(FORECAST)
    if others.empty or others["average_precision"].isna().all():
        return out
    best, sharp = others["average_precision"].idxmax(), others["brier"].idxmin()
    out.append(
        _say(
            "scores",
            language,
            ap=decimals(table.loc[FORECAST, "average_precision"], 3, language),
            ap_baseline=decimals(others.loc[best, "average_precision"], 3, language),
            name=baseline_name(str(best), language),
            brier=decimals(table.loc[FORECAST, "brier"], 4, language),
            brier_baseline=decimals(others.loc[sharp, "brier"], 4, language),
            brier_name=baseline_name(str(sharp), language),
        )
    )
    return out
