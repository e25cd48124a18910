"""Alerts in a rehearsal: drafted by the pack's rules, signed, sent, answered, closed.

Drafting and sending are those of the service; here are only the people, and what each makes of
an alert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pandas as pd
from sqlalchemy.orm import Session

from pipelines import alerting
from pipelines.pack import load_pack
from pipelines.rehearsal_offices import FATES, Fate
from pipelines.rehearsal_play import Play
from pipelines.sending import carriers, send, sender
from response.alerts import OPEN, TOLD, TRANSITIONS, State, Step
from response.ceiling import Ceiling
from response.contracts import empty
from response.triggers import drafts
from store import alert_reading, alerts, outbox, telling
from store.alert_reading import Followed
from store.alerts import Actor
from store.database import sessions
from store.outbox import Outcome
from store.roles import Role

COORDINATION = Actor("rehearsal", "Coordination", str(Role.COORDINATOR))
OFFICE = Actor("rehearsal", "Préfecture", str(Role.PLANNER))
_MOST = 10_000

_SIGNED = {Fate.HANDLED, Fate.UNANSWERED, Fate.CALLED_OFF}
_FIRST: dict[Fate, tuple[Step, ...]] = {
    **dict.fromkeys(_SIGNED, (Step.SIGN,)),
    Fate.REJECTED: (Step.REJECT,),
    Fate.STOPPED: (Step.SIGN, Step.CANCEL),
    Fate.FORGOTTEN: (),
}
"""What the coordinator does with a draft."""

_NEXT: dict[tuple[Fate, State], Step] = {
    (Fate.HANDLED, State.SENT): Step.ACKNOWLEDGE,
    (Fate.HANDLED, State.ACKNOWLEDGED): Step.ACT,
    (Fate.HANDLED, State.ACTED): Step.CLOSE,
    (Fate.CALLED_OFF, State.SENT): Step.ACKNOWLEDGE,
    (Fate.CALLED_OFF, State.ACKNOWLEDGED): Step.CANCEL,
}
"""What is done next with an alert that people were told of."""

_NOTES = {
    Step.REJECT: "the office on the spot knows of it",
    Step.ACT: "a team went there",
    Step.CANCEL: "two people there say that it did not happen",
}


def drafting(play: Play, which: int, now: datetime) -> None:
    """Hold the pack's rules against what is known, and count what is not shown at once."""
    pack, made = load_pack(play.pack_file), sessions(play.engine)
    if play.scale.drafts is not None:
        pack = pack.model_copy(update={"alert_ceiling": Ceiling(drafts=play.scale.drafts)})
    election_id = play.rounds[which].election_id
    with made() as session:
        seen = alerting.situation(session, election_id, now)
    met = drafts(pack.alerts, replace(seen, past=empty("past_alerts")), pd.Timestamp(now))
    found = alerting.draft(made, pack, election_id, now)
    new = [*found.shown, *found.held]
    raised = sum(one.escalates is not None for one in new)
    for one in new:
        play.fates[one.alert_id] = FATES[len(play.fates) % len(FATES)]
    play.alerted[which].update(
        {
            "met": len(met),
            "drafted": len(new) - raised,
            "escalated": raised,
            "held back": len(found.held),
            "let go": len(found.released),
        }
    )


def desk(play: Play, which: int, now: datetime) -> None:
    """The coordinator signs or rejects what is new; some of it nobody looks at."""
    with sessions(play.engine).begin() as session:
        for one in _of_round(session, play, which, [State.DRAFT]):
            for step in _FIRST[play.fates[one.alert.alert_id]]:
                _take(session, play, which, one, step, now, COORDINATION)


def sending(play: Play, which: int, now: datetime) -> None:
    """One round of sending, to the offices' server."""
    done = send(sessions(play.engine), carriers(play.settings), sender(play.settings), lambda: now)
    play.alerted[which].update(published=len(done.published), expired=len(done.expired))
    play.alerted[which].update({f"messages {outcome}": n for outcome, n in done.outcomes.items()})
    play.faults += done.faults


def answering(play: Play, which: int, now: datetime) -> None:
    """Receipts come back, dead letters are sent again, and offices do the next step of each."""
    with sessions(play.engine).begin() as session:
        play.alerted[which].update(_receipts(session, play, now))
        for state in (Outcome.DEAD, Outcome.UNDELIVERED):
            for row in telling.told(session, state=state):
                outbox.again(session, row.message_id, now, COORDINATION.actor)
                play.alerted[which]["asked again"] += 1
        for one in _of_round(session, play, which, TOLD):
            step = _NEXT.get((play.fates[one.alert.alert_id], one.state))
            if step is not None:
                _take(session, play, which, one, step, now, OFFICE)


def _receipts(session: Session, play: Play, now: datetime) -> Counter[str]:
    """Each message's receipt, some twice; the gateway could not deliver the first it took."""
    said: Counter[str] = Counter()
    for message_id in play.offices.said():
        received = message_id != play.offices.lost or play.offices.accepted[message_id] > 1
        for _ in range(1 + received):
            outbox.receipt(session, message_id, received=received, at=now, detail="")
        said["received" if received else "undelivered"] += 1
    return said


def closing(play: Play, which: int, now: datetime) -> None:
    """After the round, nothing stays open."""
    with sessions(play.engine).begin() as session:
        for one in _of_round(session, play, which, OPEN):
            step = Step.CLOSE if Step.CLOSE in TRANSITIONS[one.state] else Step.REJECT
            _take(session, play, which, one, step, now, COORDINATION)
    play.hand("alerts", now, election=play.rounds[which].election_id, **play.alerted[which])


def _of_round(
    session: Session, play: Play, which: int, states: Sequence[State] | frozenset[State]
) -> list[Followed]:
    election_id = play.rounds[which].election_id
    found = [
        one
        for state in sorted(states)
        for one in alert_reading.page(session, election_id=election_id, state=state, limit=_MOST)
    ]
    return sorted(found, key=lambda one: (one.alert.drafted_at, one.alert.alert_id))


def _take(
    session: Session,
    play: Play,
    which: int,
    one: Followed,
    step: Step,
    now: datetime,
    by: Actor,
) -> None:
    note = _NOTES.get(step, "")
    alerts.take(session, one.alert.alert_id, step, at=now, by=by, note=note)
    play.alerted[which][f"{step}"] += 1
