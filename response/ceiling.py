"""A ceiling on what a coordinator is asked to read, over all rules: the gravest first.

What is over it is held back and stays in sight, with its words; nothing is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from response.alerts import BY_HAND, Draft
from response.cap import Certainty, Severity, Urgency
from response.contracts import require
from response.rules import Hours


class Ceiling(BaseModel):
    """At most so many drafts in so many hours.

    Attributes:
        drafts: that a coordinator is shown of one round within `within_hours`.
        always: severities that are shown whatever the ceiling says; they take up its room.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    drafts: Annotated[int, Field(ge=1, le=1000)]
    within_hours: Hours = 24
    always: tuple[Severity, ...] = (Severity.EXTREME,)


@dataclass(frozen=True)
class Sorted:
    """What becomes of drafts under a ceiling.

    Attributes:
        shown: new ones, for signature.
        held: new ones that are held back.
        released: ids of those held back before that are shown now.
        replaced: id of one held back before -> the new one of the same rule and area.
    """

    shown: list[Draft]
    held: list[Draft]
    released: list[str]
    replaced: dict[str, str]


def under(
    ceiling: Ceiling | None,
    new: Sequence[Draft],
    waiting: Mapping[str, Draft],
    past: pd.DataFrame,
    as_of: pd.Timestamp,
) -> Sorted:
    """Sort drafts into those to be shown and those to be held back.

    An alert of a severity in `always`, and one that goes to the next level because nobody
    answered, is shown in any case.

    Args:
        ceiling: None shows all.
        new: drafts of this moment.
        waiting: id -> draft of what was held back before.
        past: keeps `PAST_ALERTS`.
        as_of: the moment, with a time zone.
    """
    places = {_place(draft): draft.alert_id for draft in new}
    replaced = {i: places[_place(d)] for i, d in waiting.items() if _place(d) in places}
    stand = {i: d for i, d in waiting.items() if i not in replaced and d.expires_at > as_of}
    if ceiling is None:
        return Sorted(list(new), [], sorted(stand), replaced)
    certain = [d for d in new if d.escalates is not None or d.severity in ceiling.always]
    others = {draft.alert_id: draft for draft in new if draft not in certain} | stand
    room = max(ceiling.drafts - _shown(past, ceiling, as_of) - len(certain), 0)
    first = set(sorted(others, key=lambda alert_id: gravity(others[alert_id]))[:room])
    return Sorted(
        shown=[d for d in new if d in certain or d.alert_id in first],
        held=[d for d in new if d not in certain and d.alert_id not in first],
        released=sorted(first & set(stand)),
        replaced=replaced,
    )


def _shown(past: pd.DataFrame, ceiling: Ceiling, as_of: pd.Timestamp) -> int:
    """Drafts of rules that came before a coordinator within the ceiling's hours."""
    known = require(past, "past_alerts")
    since = as_of - timedelta(hours=ceiling.within_hours)
    return int(((known["shown_at"] > since) & (known["rule"] != BY_HAND)).sum())


def _place(draft: Draft) -> tuple[str, str, str]:
    return draft.rule, str(draft.level), draft.area_id


_ORDER = {
    word: place for words in (Severity, Urgency, Certainty) for place, word in enumerate(words)
}


def gravity(draft: Draft) -> tuple[object, ...]:
    """What the gravest drafts have least of; of equally grave ones the newest come first."""
    words = (Severity(draft.severity), Urgency(draft.urgency), Certainty(draft.certainty))
    ranks = tuple(_ORDER[word] for word in words)
    return (*ranks, -draft.drafted_at.timestamp(), draft.rule, -draft.strength, draft.area_id)
