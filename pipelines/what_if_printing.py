"""What `vigie what-if` prints, in the language asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from features.vocabulary import NARROW, Language
from pipelines.printing import out, table
from pipelines.what_if import WhatIf


@dataclass(frozen=True)
class _Words:
    title: str
    columns: tuple[str, ...]
    nothing: str
    count: str
    rest: str
    before: str
    weighed: str
    bands: dict[str, str]


_SHOWN = 0.005
"""Smaller changes of a contribution would be printed as 0.00."""

_WORDS = {
    Language.EN: _Words(
        title="probability under the scenario",
        columns=("unit", "place", "bulletin", "what if", "points", "rank", "band"),
        nothing="no probability changes: nothing assumed reaches what the model looks at",
        count="{} of {} scored units change, the largest change first",
        rest="{} more change less; --top shows more, --json has all",
        before="(before: {})",
        weighed="weighs otherwise because of the rest",
        bands={
            "very_high": "very high",
            "high": "high",
            "elevated": "elevated",
            "low": "low",
        },
    ),
    Language.FR: _Words(
        title="probabilité selon le scénario",
        columns=("unité", "lieu", "bulletin", "scénario", "points", "rang", "niveau"),
        nothing="aucune probabilité ne change : rien de ce qui est supposé ne touche "
        "ce que regarde le modèle",
        count="{} des {} unités notées changent, le plus grand changement d'abord",
        rest="{} autres changent moins ; --top en montre plus, --json les contient toutes",
        before=f"(avant{NARROW}: {{}})",
        weighed="pèse autrement à cause du reste",
        bands={
            "very_high": "très élevé",
            "high": "élevé",
            "elevated": "accru",
            "low": "faible",
        },
    ),
}


def print_what_if(result: WhatIf, units: pd.DataFrame, language: Language, top: int) -> None:
    """The units whose probability changed, by how much, and which drivers moved them."""
    words, changed = _WORDS[language], result.changed
    if changed.empty:
        out.print(words.nothing)
        return
    rows = changed.head(top).merge(units, on="unit_id", how="left").to_dict("records")
    shown = table(words.title, *words.columns)
    for row in rows:
        shown.add_row(*_cells(row, words, language))
    out.print(shown)
    for row in rows:
        out.print(f"{row['unit_id']} {row['name']}", markup=False, highlight=False)
        for driver in row["drivers"]:
            if abs(driver["change"]) < _SHOWN:
                continue
            out.print(_line(driver, language), markup=False, highlight=False, soft_wrap=True)
    out.print(words.count.format(len(changed), int(result.before["rank"].notna().sum())))
    if len(changed) > top:
        out.print(words.rest.format(len(changed) - top))


def _cells(row: dict[Any, Any], words: _Words, language: Language) -> list[str]:
    was, now = f"{row['rank_before']:.0f}", f"{row['rank_after']:.0f}"
    percent = "%" if language is Language.EN else f"{NARROW}%"
    return [
        str(row["unit_id"]),
        f"{row['name']}, {row['parent_name']}"[:20],
        _decimal(f"{row['before'] * 100:.1f}", language) + percent,
        _decimal(f"{row['after'] * 100:.1f}", language) + percent,
        _decimal(f"{row['change'] * 100:+.1f}", language),
        now if was == now else f"{was}>{now}",
        words.bands[row["band_after"]],
    ]


def _line(driver: dict[str, Any], language: Language) -> str:
    """One driver: what its contribution changed by in log-odds, and what it says now."""
    said = driver["translations"].get(str(language), driver)
    colon = ":" if language is Language.EN else f"{NARROW}:"
    change = _decimal(f"{driver['change']:+.2f}", language)
    words = _WORDS[language]
    text = words.weighed
    if said["says"]:
        text = f"{said['says']} {words.before.format(said['said_before'])}"
    return f"  {change} {said['family']}{colon} {text}"


def _decimal(text: str, language: Language) -> str:
    return text if language is Language.EN else text.replace(".", ",")
