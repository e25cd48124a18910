"""The page of lessons, made of the document alone, and of the maps that stand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jinja2
import pandas as pd

from features.vocabulary import Band, Language
from features.wording import number, percent
from models.baselines import BASELINES
from pipelines.lessons_page import pictures
from pipelines.lessons_page.words import day, word
from response.lessons_forecast import FIGURES, FORECAST
from response.lessons_words import BANDS, baseline_name, decimals, level_name, shown, typeset
from response.vocabulary import SAID, Intake, Level, ReportKind, Sign, Verification

NAMED = 25
"""Most units of a kind that the page names; the document has all."""
_PLANS = (
    *("sent", "bulletin_in_regions", "hindsight_in_regions"),
    *("bulletin", "baseline", "equal", "hindsight"),
)
_STEPS = (
    *("draft_to_approved", "approved_to_sent", "sent_to_acknowledged"),
    *("sent_to_acted", "sent_to_closed"),
)
_WORDS: dict[str, Any] = {str(w): w for enum in (Sign, ReportKind, Verification) for w in enum}


@dataclass(frozen=True)
class Drawn:
    """The maps of a page: addresses of pictures, the same in every language."""

    bands: str
    outcomes: str
    posts: str | None


def draw(
    document: dict[str, Any],
    units: pd.DataFrame,
    polygons: pd.DataFrame,
    scores: pd.DataFrame,
    mediators: pd.Series[float] | None,
) -> Drawn | None:
    """The maps of a document; None where the country has no outlines.

    Args:
        document: as `response.lessons.learn`.
        units: the registry.
        polygons: outlines, under the `polygons` contract.
        scores: `unit_id` and `band`.
        mediators: per unit, missing where only the region was told; None where nothing is known.
    """
    polygons = polygons.loc[polygons["unit_id"].isin(units["unit_id"])]
    if polygons.empty:
        return None
    bands = units["unit_id"].map(scores.set_index("unit_id")["band"])
    told = {u["unit_id"]: u["outcome"] for u in document["units"]}
    rest = bands.eq(str(Band.ABSTAINED)).map({True: "unscored", False: "quiet"})
    outcomes = units["unit_id"].map(told).fillna(rest)
    posts = None
    if mediators is not None:
        spots = pd.DataFrame(
            document["deployment"]["hot_spots"],
            columns=["unit_id", "incidents", "electoral", "posted"],
        )
        there = units["unit_id"].map(mediators)
        posts = pictures.posts_map(units, polygons, there, spots)
    return Drawn(
        pictures.band_map(units, polygons, bands),
        pictures.outcome_map(units, polygons, outcomes),
        posts,
    )


def html(document: dict[str, Any], drawn: Drawn | None, languages: Sequence[Language]) -> str:
    """The page: the same document gives the same bytes.

    Args:
        document: as `response.lessons.learn`.
        drawn: its maps.
        languages: one, or several, one after the other in the same file.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines.lessons_page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = [{"language": str(one), **_in(document, one)} for one in languages]
    return environment.get_template("lessons.html").render(d=document, drawn=drawn, parts=parts)


def _in(document: dict[str, Any], language: Language) -> dict[str, Any]:
    """What the template needs in one language."""
    deployment, forecast = document["deployment"], document["forecast"]
    made: dict[str, str] = {}
    if forecast["status"] == "some":
        made["reliability"] = pictures.reliability_picture(forecast["reliability"], language)
    plans = _plans(deployment)
    if plans and plans["sent"]["incidents"]["value"] is not None:
        made["curve"] = pictures.curve_picture(
            deployment["curve"], plans["sent"]["incidents"], deployment["mediators"], language
        )
    return {
        "t": lambda key, **values: _filled(key, language, values),
        "num": lambda v: "–" if v is None else number(v, language),
        "pct": lambda v: "–" if v is None else percent(v, language),
        "dec": lambda v, n=3: decimals(v, n, language),
        "day": lambda v: day(v, language),
        "called": lambda name: baseline_name(name, language),
        "band": lambda name: BANDS[language][Band(name)],
        "said": _said(language),
        "level": lambda name: level_name(Level(name), language),
        "shown": lambda rule, v: shown(rule, v, language),
        "pictures": made,
        "plans": plans,
        "plan_order": [p for p in _PLANS if p in plans],
        "figures": FIGURES,
        "named": _named(document["units"]),
        "spots": _spots(deployment),
        "changes": _changes(document["findings"]),
        "colon": typeset(" :", language) if language is Language.FR else ":",
        "semi": typeset(" ;", language) if language is Language.FR else ";",
        "steps": _STEPS,
        "most_named": NAMED,
        "this": FORECAST,
        "many": len([s for s in forecast.get("scores", []) if s["model"] in BASELINES]) > 1,
        "band_colours": {str(b): c for b, c in reversed(pictures.BANDS.items())},
        "outcome_colours": pictures.OUTCOMES,
        "post_colours": pictures.POSTS,
        "dots": pictures.DOTS,
    }


def _filled(key: str, language: Language, values: dict[str, Any]) -> str:
    text = word(key, language)
    return typeset(text.format(**values), language) if values else text


def _said(language: Language) -> Callable[[str], str]:
    """Names of kinds, signs and verifications; what came in by is a name already."""

    def said(name: str) -> str:
        if name in list(Intake):
            return {"csv": "CSV", "sms": "SMS", "api": "API"}.get(name, name)
        return SAID[_WORDS[name]].in_language(language) if name in _WORDS else name

    return said


def _changes(findings: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What asks for a change, by level."""
    asking = [f for f in findings if f["state"] == "change"]
    by_level = {str(level): [f for f in asking if f["level"] == level] for level in Level}
    return {level: found for level, found in by_level.items() if found}


def _plans(deployment: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The row of each plan and class."""
    out: dict[str, dict[str, Any]] = {}
    for row in deployment.get("plans", []):
        out.setdefault(row["plan"], {})[row["counted"]] = row
    return out


def _named(units: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Units by outcome, the most incidents first, then the highest probability."""
    kinds = ("hit", "miss", "false_alarm", "unscored_incident")
    return {kind: [u for u in units if u["outcome"] == kind] for kind in kinds}


def _spots(deployment: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    spots = deployment.get("hot_spots", [])
    return {kind: [s for s in spots if s["posted"] == kind] for kind in ("no", "unknown")}
