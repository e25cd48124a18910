"""Which incidents are linked to an election: the rule of the country pack, on type, words and day.

Sources seldom say it. In Mali in 2018 most of what struck the vote was filed under "Strategic
developments" (burnt ballot boxes, ransacked voting offices), so that a filter on battles and
riots misses it, and the notes are the only place that tells.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.days import day_numbers
from features.names import fold
from pipelines.pack import ElectoralRule

VERSION = 1


def electoral(
    incidents: pd.DataFrame,
    notes: pd.Series[str],
    elections: pd.DataFrame,
    units: pd.DataFrame,
    rule: ElectoralRule,
) -> NDArray[np.bool_]:
    """Which incidents the rule links to an election.

    A round counts only if it was known by the day on which the incident became known: what
    is said of an incident must not change when an election is called later.

    Args:
        incidents: table under the `incidents` contract.
        notes: what the source tells of each incident, by `incident_id`; may lack some.
        elections: the calendar, under its contract.
        units: the registry, which says the country of each unit.
        rule: the rule.

    Returns:
        Shape (incidents,).
    """
    typed = incidents["event_type"].isin([str(t) for t in rule.event_types])
    typed &= ~incidents["sub_event_type"].isin(list(rule.except_sub_event_types))
    by_id = notes.to_dict()
    worded = _mentions([by_id.get(i, "") for i in incidents["incident_id"]], rule)
    timed = _near_polling(incidents, elections, units, rule)
    return typed.to_numpy(dtype=bool) & worded & timed


def _mentions(told: list[str], rule: ElectoralRule) -> NDArray[np.bool_]:
    found = _pattern([word for listed in rule.words.values() for word in listed])
    struck = _pattern(list(rule.except_words)) if rule.except_words else None
    texts = (fold(text) for text in told)
    if struck is not None:
        texts = (struck.sub(" ", text) for text in texts)
    return np.array([bool(found.search(text)) for text in texts], dtype=bool)


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Any of the words, in text that was folded."""
    ends = [re.escape(fold(word)) + (r"\w*" if word.endswith("*") else "") for word in words]
    return re.compile(rf"\b(?:{'|'.join(ends)})\b")


def _near_polling(
    incidents: pd.DataFrame, elections: pd.DataFrame, units: pd.DataFrame, rule: ElectoralRule
) -> NDArray[np.bool_]:
    country = incidents["unit_id"].map(units.set_index("unit_id")["iso3"]).to_numpy(dtype=str)
    event = day_numbers(incidents["event_date"])
    known = day_numbers(incidents["known_on"])
    near = np.zeros(len(incidents), dtype=bool)
    for iso3, polling, announced in zip(
        elections["iso3"],
        day_numbers(elections["polling_date"]),
        day_numbers(elections["known_on"]),
        strict=True,
    ):
        near |= (
            (country == iso3)
            & (event >= polling - rule.days_before)
            & (event <= polling + rule.days_after)
            & (known >= announced)
        )
    return near
