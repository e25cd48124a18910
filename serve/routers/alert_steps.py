"""`/v1/alerts`, changes: drafting, signing, acknowledging, receipts, and who is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from features.errors import ContractError, ForbiddenError
from features.vocabulary import Language
from response.alerts import BY_HAND, Draft, Step
from response.cap import Words
from response.rules import AreaKind
from serve import cursors, documented
from serve.alert_schemas import (
    AlertOut,
    CancelNote,
    NewAlert,
    NewRecipient,
    Receipt,
    ReceiptOut,
    RecipientOut,
    Recipients,
    StepNote,
)
from serve.auth import Admin, Now, OpenSession, allowed
from serve.language import Wanted
from serve.routers.alerts import AlertId, out
from serve.routers.bulletins import Cursor
from store import alert_reading, alert_rounds, alerts, outbox, recipients
from store.alerts import Actor
from store.roles import Action
from store.selecting import in_areas
from store.tokens import Caller

router = APIRouter(prefix="/v1", tags=["alerts"])

Drafter = Annotated[Caller, Depends(allowed(Action.PLAN))]
Signer = Annotated[Caller, Depends(allowed(Action.APPROVE))]
Reporter = Annotated[Caller, Depends(allowed(Action.REPORT))]
_STEP = documented.errors(400, 404, 409, 422)


def _actor(caller: Caller) -> Actor:
    return Actor(caller.token_id, caller.label, str(caller.role))


@router.post(
    "/alerts",
    status_code=201,
    responses=documented.errors(400, 404, 409, 422),
    summary="Draft an alert by hand",
)
def draft(
    session: OpenSession, caller: Drafter, now: Now, language: Wanted, wanted: NewAlert
) -> AlertOut:
    """It goes out once a coordinator has signed it."""
    if set(wanted.words) != set(Language):
        raise ContractError(f"words: expected {', '.join(Language)}, got {', '.join(wanted.words)}")
    if len(set(wanted.unit_ids)) < len(wanted.unit_ids):
        raise ContractError("unit_ids: expected each unit once, got one twice")
    found = alert_rounds.of(session, wanted.election_id)
    units = alerts.units_of(session, found.registry_id, wanted.unit_ids)
    outside = [unit.unit_id for unit in units if not in_areas(unit, caller.areas)]
    if outside:
        raise ForbiddenError(
            f"expected units within {', '.join(caller.areas)}, got {', '.join(outside[:5])}; "
            "ask somebody whose token may see them"
        )
    one = Draft(
        election_id=wanted.election_id,
        rule=BY_HAND,
        kind=BY_HAND,
        level=wanted.level,
        area_kind=AreaKind.UNIT if len(units) == 1 else AreaKind.REGION,
        area_id=",".join(sorted(wanted.unit_ids))[:200],
        area_name=wanted.area_name,
        unit_ids=tuple(wanted.unit_ids),
        channels=tuple(dict.fromkeys(wanted.channels)),
        urgency=wanted.urgency,
        severity=wanted.severity,
        certainty=wanted.certainty,
        strength=0.0,
        words={lang: Words(**said.model_dump()) for lang, said in wanted.words.items()},
        evidence={},
        drafted_at=now,
        expires_at=now + timedelta(hours=wanted.hours),
    )
    alerts.write_draft(
        session,
        one,
        registry_id=found.registry_id,
        synthetic=found.synthetic,
        by=_actor(caller),
    )
    return out(alert_reading.one(session, one.alert_id), language)


def _take(
    session: OpenSession,
    caller: Caller,
    now: Now,
    language: Language,
    alert_id: str,
    step: Step,
    note: str,
) -> AlertOut:
    alert_reading.one(session, alert_id, caller.areas)
    alerts.take(session, alert_id, step, at=now, by=_actor(caller), note=note)
    return out(alert_reading.one(session, alert_id), language)


@router.post("/alerts/{alert_id}/sign", responses=_STEP, summary="Sign a draft: it goes out")
def sign(
    session: OpenSession, caller: Signer, now: Now, language: Wanted, alert_id: AlertId,
    said: StepNote,
) -> AlertOut:  # fmt: skip
    """The signature stands with the token's label and role, and a digest of the words."""
    return _take(session, caller, now, language, alert_id, Step.SIGN, said.note)


@router.post(
    "/alerts/{alert_id}/release", responses=_STEP, summary="Bring forward a draft that is held back"
)
def release(
    session: OpenSession, caller: Signer, now: Now, language: Wanted, alert_id: AlertId,
    said: StepNote,
) -> AlertOut:  # fmt: skip
    """It then waits for its signature like any other, and takes up room under the ceiling."""
    return _take(session, caller, now, language, alert_id, Step.RELEASE, said.note)


@router.post("/alerts/{alert_id}/reject", responses=_STEP, summary="Refuse a draft")
def reject(
    session: OpenSession, caller: Signer, now: Now, language: Wanted, alert_id: AlertId,
    said: StepNote,
) -> AlertOut:  # fmt: skip
    """It never goes out, and its rule keeps quiet there for its cooldown."""
    return _take(session, caller, now, language, alert_id, Step.REJECT, said.note)


@router.post("/alerts/{alert_id}/cancel", responses=_STEP, summary="Take an alert back")
def cancel(
    session: OpenSession, caller: Signer, now: Now, language: Wanted, alert_id: AlertId,
    said: CancelNote,
) -> AlertOut:  # fmt: skip
    """Who was told is told so, by a CAP message that refers to the first."""
    return _take(session, caller, now, language, alert_id, Step.CANCEL, said.note)


@router.post("/alerts/{alert_id}/acknowledge", responses=_STEP, summary="Say that it was read")
def acknowledge(
    session: OpenSession, caller: Reporter, now: Now, language: Wanted, alert_id: AlertId,
    said: StepNote,
) -> AlertOut:  # fmt: skip
    """Once anybody has, the next level is not told."""
    return _take(session, caller, now, language, alert_id, Step.ACKNOWLEDGE, said.note)


@router.post("/alerts/{alert_id}/act", responses=_STEP, summary="Say what was done")
def act(
    session: OpenSession, caller: Reporter, now: Now, language: Wanted, alert_id: AlertId,
    said: StepNote,
) -> AlertOut:  # fmt: skip
    """Several may; each stands with its moment."""
    return _take(session, caller, now, language, alert_id, Step.ACT, said.note)


@router.post("/alerts/{alert_id}/close", responses=_STEP, summary="Close an alert")
def close(
    session: OpenSession, caller: Drafter, now: Now, language: Wanted, alert_id: AlertId,
    said: StepNote,
) -> AlertOut:  # fmt: skip
    """Nothing more is to be done."""
    return _take(session, caller, now, language, alert_id, Step.CLOSE, said.note)


@router.post(
    "/alert-receipts", responses=_STEP, summary="A gateway's or receiver's receipt of a message"
)
def receipt(session: OpenSession, caller: Reporter, now: Now, said: Receipt) -> ReceiptOut:
    """The same said twice is written once."""
    state = outbox.receipt(
        session,
        said.message_id,
        received=said.received,
        at=now,
        detail=said.detail,
        areas=caller.areas,
    )
    return ReceiptOut(message_id=said.message_id, state=state)


@router.get("/alert-recipients", responses=documented.errors(422), summary="Who is told")
def list_recipients(
    request: Request,
    session: OpenSession,
    _caller: Admin,
    limit: Annotated[int, Query(ge=1, le=500, description="Most to return")] = 100,
    cursor: Cursor = None,
) -> Recipients:
    """All recipients by id, their addresses whole: only admins see them."""
    after = cursors.read(cursor, str)
    rows = recipients.listed(session, after=after[0] if after else None, limit=limit + 1)
    following = None
    if len(rows) > limit:
        following = cursors.following(request, (rows[limit - 1].recipient_id,))
    found = [RecipientOut.model_validate(row) for row in rows[:limit]]
    return Recipients(recipients=found, next=following)


@router.post(
    "/alert-recipients",
    status_code=201,
    responses=documented.errors(400, 422),
    summary="Add a recipient",
)
def add_recipient(
    session: OpenSession, caller: Admin, now: Now, wanted: NewRecipient
) -> RecipientOut:
    """Alerts that are sent from now on go there."""
    said = wanted.model_dump()
    return RecipientOut.model_validate(
        recipients.add(session, **said, now=now, actor=caller.token_id)
    )


@router.delete(
    "/alert-recipients/{recipient_id}",
    responses=documented.errors(404, 422),
    summary="Tell a recipient no more",
)
def end_recipient(
    session: OpenSession,
    caller: Admin,
    now: Now,
    recipient_id: Annotated[str, Path(examples=["3fa9c01b"])],
) -> RecipientOut:
    """What it was told stays."""
    return RecipientOut.model_validate(recipients.end(session, recipient_id, now, caller.token_id))
