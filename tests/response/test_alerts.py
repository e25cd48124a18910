"""Steps of an alert, and when a delivery is tried again."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from features.errors import ConflictError
from response.alerts import (
    LONGEST_RETRY,
    MOST_TRIES,
    TRANSITIONS,
    State,
    Step,
    after,
    follow,
    retry_after,
)

WHOLE = [Step.SIGN, Step.SEND, Step.ACKNOWLEDGE, Step.ACT, Step.CLOSE]


def test_an_alert_goes_its_way() -> None:
    states = [follow(WHOLE[:n]) for n in range(len(WHOLE) + 1)]
    assert states == ["draft", "approved", "sent", "acknowledged", "acted", "closed"]
    assert set(TRANSITIONS) == set(State)


def test_nothing_is_sent_without_a_signature() -> None:
    """Every way of up to six steps that sends an alert, or tells of it, has signed it before."""
    ways = 0
    for length in range(1, 6):
        for steps in itertools.product(Step, repeat=length):
            try:
                follow(steps)
            except ConflictError:
                continue
            ways += 1
            unsigned = (Step.HOLD, Step.RELEASE, Step.REJECT, Step.EXPIRE)
            told = [step for step in steps if step not in unsigned]
            if told:
                assert told[0] is Step.SIGN
                assert told.count(Step.SIGN) == 1
                assert told.count(Step.SEND) <= 1
    assert ways > 20


def test_a_second_acknowledgement_counts_and_a_second_signature_does_not() -> None:
    assert follow([*WHOLE[:3], Step.ACKNOWLEDGE]) is State.ACKNOWLEDGED
    assert follow([*WHOLE[:4], Step.ACKNOWLEDGE]) is State.ACTED
    with pytest.raises(ConflictError, match=r"follows approved \(send, cancel, expire\), got sign"):
        follow([Step.SIGN, Step.SIGN])
    with pytest.raises(ConflictError, match="nothing"):
        after(State.CLOSED, Step.CANCEL)


def test_what_is_held_back_cannot_be_signed_before_it_is_let_go() -> None:
    with pytest.raises(ConflictError, match=r"follows held \(release, reject, expire\), got sign"):
        follow([Step.HOLD, Step.SIGN])
    assert follow([Step.HOLD, Step.RELEASE, Step.SIGN]) is State.APPROVED


def test_waiting_doubles_up_to_an_hour_and_ends() -> None:
    waits = [retry_after(tries, 1.0) for tries in range(1, MOST_TRIES)]
    assert waits == [timedelta(minutes=m) for m in (1, 2, 4, 8, 16, 32, 60)]
    assert retry_after(1, 0.0) == timedelta(seconds=30)
    assert retry_after(30, 0.5) is None
    assert retry_after(MOST_TRIES, 0.5) is None
    assert max(w for w in waits if w) == LONGEST_RETRY
