"""Why a nowcast differs from its bulletin, in words: "2 reports of armed presence"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from features.vocabulary import NARROW, Language
from features.wording import in_languages, is_plural, numbered, percent
from response.evidence import STATES
from response.nowcast_vocabulary import Part, Watch
from response.ratios import ANY
from response.vocabulary import SAID, ReportKind, Sign, Verification

MOST_NAMED = 3
"""Reasons named in the sentence; all of them are in the list."""

LEAST_NAMED = 0.1
"""Smaller than this share of the weightiest, a reason is not named in the sentence."""

_EN, _FR = Language.EN, Language.FR
_REPORTS = {_EN: "{count} report[s] of {thing}", _FR: "{thing}, {count} signalement[s]"}
_NEAR = {_EN: " nearby", _FR: " à proximité"}
_STATE = " ({})"
_BEST = {_EN: " (at best {})", _FR: " (au mieux {})"}
_FOLLOWED = {_EN: ", which others may follow", _FR: ", que d'autres peuvent suivre"}
_SILENCE = {
    Part.SO_FAR: {
        _EN: "no {other}incident reported, with {watched} of the window so far watched",
        _FR: "aucun {other}incident signalé, {watched} de la période écoulée étant observés",
    },
    Part.NEXT: {
        _EN: "no {other}sign seen, with {watched} of the last days watched",
        _FR: "aucun {other}signe vu, {watched} des derniers jours étant observés",
    },
}
_OTHER = {_EN: "other ", _FR: "autre "}
_THINGS = {
    str(ReportKind.INCIDENT): {_EN: "an incident", _FR: "incident"},
    str(Sign.OTHER): {_EN: "another sign", _FR: "autre signe"},
}
_MOVED = {
    True: {_EN: "{why} raised {before} to {after}", _FR: "{why}\u202f: de {before} à {after}"},
    False: {_EN: "{why} lowered {before} to {after}", _FR: "{why}\u202f: de {before} à {after}"},
}
_HARDLY = {_EN: "{why}: still {before}", _FR: "{why}\u202f: toujours {before}"}
_AGAINST = {_EN: "; against this, {}", _FR: f"{NARROW}; en sens contraire, {{}}"}
_AS_BEFORE = {
    _EN: "no report that counts: {before}, as in the bulletin",
    _FR: f"aucun signalement qui compte{NARROW}: {{before}}, comme dans le bulletin",
}
_ABSTAINS = {
    _EN: "the bulletin abstains here, and so does the nowcast",
    _FR: "le bulletin s'abstient ici, la mise à jour aussi",
}
_UNHEARD = {
    _EN: "; mediators are posted here but not heard of {}: this silence is not calm",
    _FR: f"{NARROW}; des médiateurs sont en poste ici mais sans nouvelles {{}}{NARROW}: ce "
    "silence n'est pas du calme",
}
_FOR_DAYS = {_EN: "for {} day[s]", _FR: "depuis {} jour[s]"}
_YET = {_EN: "yet", _FR: "à ce jour"}


def updates_of(told: pd.DataFrame, pieces: pd.DataFrame) -> dict[str, list[Any]]:
    """The reasons of every unit, and each unit's nowcast in a sentence.

    Args:
        told: one row per unit: `probability`, `bulletin_probability`, `watch`, `quiet_days`.
        pieces: the evidence, with `at` (the row in `told`) and `contribution` in log-odds.

    Returns:
        `updates`: for each unit its reasons, the weightiest first; dicts with `part`, `what`,
        `verification` (the best; empty for silence), `near`, `reports`, `contribution` and `says`
        (English; other languages under `translations`). `says` and `translations`: the sentence.
    """
    updates = _reasons(pieces, len(told))
    sentences = [
        in_languages(
            {language: {"says": sentence(row, reasons, language)} for language in Language}
        )
        for row, reasons in zip(
            cast("list[dict[str, Any]]", told.to_dict("records")), updates, strict=True
        )
    ]
    return {
        "updates": updates,
        "says": [s["says"] for s in sentences],
        "translations": [s["translations"] for s in sentences],
    }


def _reasons(pieces: pd.DataFrame, units: int) -> list[list[dict[str, Any]]]:
    """Pieces that say the same of a unit, as one reason each."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(units)]
    if pieces.empty:
        return found
    best = pieces["verification"].map({str(v): i for i, v in enumerate(STATES)} | {"": -1})
    grouped = pieces.assign(best=best).groupby(["at", "part", "what", "near"], as_index=False)
    summed = grouped.agg(
        best=("best", "max"),
        reports=("reports", "sum"),
        contribution=("contribution", "sum"),
        watched=("watched", "mean"),
    )
    heard = {(r.at, r.part) for r in summed.itertuples() if r.what != ANY and not r.near}
    for row in summed.to_dict("records"):
        reason = {
            "part": row["part"],
            "what": row["what"],
            "verification": str(STATES[row["best"]]) if row["best"] >= 0 else "",
            "near": bool(row["near"]),
            "reports": int(row["reports"]),
            "contribution": float(row["contribution"]),
        }
        spoke = (row["at"], row["part"]) in heard
        words = {one: {"says": _reason(reason, row["watched"], spoke, one)} for one in Language}
        found[int(row["at"])].append(reason | in_languages(words))
    return [sorted(reasons, key=lambda r: -abs(r["contribution"])) for reasons in found]


def _reason(reason: dict[str, Any], watched: float, spoke: bool, language: Language) -> str:
    if reason["what"] == ANY:
        share = percent(watched, language)
        other = _OTHER[language] if spoke else ""
        return _SILENCE[Part(reason["part"])][language].format(other=other, watched=share)
    count = reason["reports"]
    text = numbered(_REPORTS[language], is_plural(count, language))
    said = text.format(count=count, thing=_thing(reason["what"], language))
    state = SAID[Verification(reason["verification"])].in_language(language)
    said += _NEAR[language] if reason["near"] else ""
    said += (_BEST[language] if count > 1 else _STATE).format(state)
    follows = reason["part"] == Part.NEXT and reason["what"] == ReportKind.INCIDENT
    return said + (_FOLLOWED[language] if follows else "")


def _thing(what: str, language: Language) -> str:
    if what in _THINGS:
        return _THINGS[what][language]
    word = ReportKind(what) if what in list(ReportKind) else Sign(what)
    return SAID[word].in_language(language)


def probability(value: float, language: Language) -> str:
    """A probability as people read it: 0.21, 0,21; three digits where two would say 0 or 1."""
    digits = 2 if 0.005 <= value < 0.995 else 3
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language is _FR else text


def sentence(row: dict[str, Any], reasons: Sequence[dict[str, Any]], language: Language) -> str:
    """A unit's nowcast in a sentence: "2 reports of armed presence, ... raised 0.21 to 0.44"."""
    before, after = row["bulletin_probability"], row["probability"]
    if np.isnan(before):
        return _ABSTAINS[language] + _unheard(row, language)
    shown = {"before": probability(before, language), "after": probability(after, language)}
    most = max((abs(r["contribution"]) for r in reasons), default=0.0)
    moving = [r for r in reasons if abs(r["contribution"]) > LEAST_NAMED * most]
    if not moving:
        return _AS_BEFORE[language].format(**shown) + _unheard(row, language)
    if shown["before"] == shown["after"]:
        all_of_it = _joined([_said(r, language) for r in moving], language)
        return _HARDLY[language].format(why=all_of_it, **shown) + _unheard(row, language)
    up = after > before
    why = [_said(r, language) for r in moving if (r["contribution"] > 0) == up]
    against = [_said(r, language) for r in moving if (r["contribution"] > 0) != up]
    text = _MOVED[up][language].format(why=_joined(why, language), **shown)
    if against:
        text += _AGAINST[language].format(_joined(against, language))
    return text + _unheard(row, language)


def _said(reason: dict[str, Any], language: Language) -> str:
    if language is _EN:
        return str(reason["says"])
    return str(reason["translations"][str(language)]["says"])


def _joined(reasons: Sequence[str], language: Language) -> str:
    return (f"{NARROW}; " if language is _FR else "; ").join(reasons[:MOST_NAMED])


def _unheard(row: dict[str, Any], language: Language) -> str:
    if row["watch"] != Watch.SILENT:
        return ""
    if np.isnan(row["quiet_days"]):
        return _UNHEARD[language].format(_YET[language])
    days = int(row["quiet_days"])
    since = numbered(_FOR_DAYS[language], is_plural(days, language)).format(days)
    return _UNHEARD[language].format(since)
