"""A ceiling over all rules: the gravest first, and nothing dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from features.vocabulary import Language
from response.alerts import BY_HAND, Draft
from response.cap import Certainty, Severity, Urgency, Words
from response.ceiling import Ceiling, gravity, under
from response.contracts import MOMENT, empty, require
from response.rules import AreaKind, Channel
from response.vocabulary import Level

NOW = pd.Timestamp("2018-07-20T12:00:00", tz="UTC")
PLAIN = Draft(
    election_id="XXA-2018-PRES-1",
    rule="rising",
    kind="rise",
    level=Level.LOCAL,
    area_kind=AreaKind.UNIT,
    area_id="XX0101",
    area_name="Konna",
    unit_ids=("XX0101",),
    channels=(Channel.EMAIL,),
    urgency=Urgency.EXPECTED,
    severity=Severity.MODERATE,
    certainty=Certainty.POSSIBLE,
    strength=0.5,
    words=dict.fromkeys(Language, Words("h", "r", "i")),
    evidence={},
    drafted_at=NOW.to_pydatetime(),
    expires_at=(NOW + timedelta(hours=48)).to_pydatetime(),
)


def draft(area: str, severity: Severity = Severity.MODERATE, hours: float = 0, **how: Any) -> Draft:
    at = (NOW - timedelta(hours=hours)).to_pydatetime()
    moments = {"drafted_at": at, "expires_at": at + timedelta(hours=48)}
    return replace(PLAIN, area_id=area, severity=severity, **{**moments, **how})


def shown(*rows: tuple[str, float | None]) -> pd.DataFrame:
    """Past alerts from (rule, hours since a coordinator was shown it; None while held back)."""
    if not rows:
        return empty("past_alerts")
    moments = [pd.NaT if h is None else NOW - timedelta(hours=h) for _, h in rows]
    table = pd.DataFrame(
        {
            "alert_id": [f"a{n}" for n in range(len(rows))],
            "rule": [rule for rule, _ in rows],
            "level": "local",
            "area_id": "elsewhere",
            "state": "draft",
            "strength": 0.5,
            "drafted_at": pd.to_datetime([NOW - timedelta(hours=90)] * len(rows)),
            "shown_at": pd.to_datetime(pd.Series(moments), utc=True),
            "sent_at": pd.to_datetime(pd.Series([pd.NaT] * len(rows)), utc=True),
            "escalated": False,
        }
    )
    moments_ = dict.fromkeys(("drafted_at", "shown_at", "sent_at"), MOMENT)
    return require(table.astype(moments_), "past_alerts")


def areas(drafts: list[Draft]) -> list[str]:
    return [one.area_id for one in drafts]


def test_the_gravest_are_shown_and_the_others_held() -> None:
    new = [draft("a"), draft("b", Severity.SEVERE), draft("c", Severity.MINOR)]
    found = under(Ceiling(drafts=2), new, {}, shown(), NOW)
    assert (areas(found.shown), areas(found.held)) == (["a", "b"], ["c"])
    assert under(None, new, {}, shown(), NOW).held == []


def test_room_is_what_was_shown_of_late_by_rules() -> None:
    past = shown(("rising", 23), ("rising", 24), ("rising", None), (BY_HAND, 1))
    found = under(Ceiling(drafts=2), [draft("a"), draft("b")], {}, past, NOW)
    assert (len(found.shown), len(found.held)) == (1, 1)


def test_the_extreme_and_the_unanswered_are_never_held_back() -> None:
    past = shown(*[("rising", 1.0)] * 3)
    new = [draft("a", Severity.EXTREME), draft("b", escalates="x"), draft("c", Severity.SEVERE)]
    found = under(Ceiling(drafts=3), new, {}, past, NOW)
    assert (areas(found.shown), areas(found.held)) == (["a", "b"], ["c"])
    assert areas(under(Ceiling(drafts=3, always=()), new, {}, past, NOW).held) == ["a", "c"]


def test_what_was_held_back_is_let_go_by_gravity_and_then_the_newest() -> None:
    waiting = {
        "old": draft("old", hours=30),
        "new": draft("new", hours=2),
        "grave": draft("grave", Severity.SEVERE, hours=40),
        "over": draft("over", Severity.SEVERE, hours=48),
    }
    found = under(Ceiling(drafts=2), [draft("c", Severity.MINOR)], waiting, shown(), NOW)
    assert (found.released, areas(found.held)) == (["grave", "new"], ["c"])


def test_a_worse_one_takes_the_place_of_the_one_that_waits() -> None:
    waiting = {"w": draft("a", hours=3), "other": draft("b", hours=3)}
    worse = draft("a", strength=0.9)
    found = under(Ceiling(drafts=1), [worse], waiting, shown(), NOW)
    assert found.replaced == {"w": worse.alert_id}
    assert (areas(found.shown), found.released) == (["a"], [])


@given(
    st.lists(st.sampled_from(list(Severity)), max_size=12),
    st.lists(st.sampled_from(list(Severity)), max_size=12),
    st.integers(1, 10),
    st.integers(0, 12),
)
def test_nothing_is_lost_and_no_graver_one_waits_for_a_lesser(
    new: list[Severity], waiting: list[Severity], drafts: int, before: int
) -> None:
    fresh = [draft(f"n{i}", one) for i, one in enumerate(new)]
    kept = {f"w{i}": draft(f"w{i}", one, hours=5) for i, one in enumerate(waiting)}
    past = shown(*[("rising", 1.0)] * before)
    found = under(Ceiling(drafts=drafts, always=()), fresh, kept, past, NOW)
    assert sorted(areas([*found.shown, *found.held])) == sorted(areas(fresh))
    assert set(found.released) <= set(kept)
    assert not found.replaced
    now = [*found.shown, *(kept[i] for i in found.released)]
    later = [*found.held, *(kept[i] for i in set(kept) - set(found.released))]
    assert len(now) == min(max(drafts - before, 0), len(fresh) + len(kept))
    assert all(gravity(a)[0] <= gravity(b)[0] for a in now for b in later)  # type: ignore[operator]
