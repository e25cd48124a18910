"""`/v1/sms/{gateway}`: reports by SMS, and the reply that each one gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from html import escape
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi import APIRouter, BackgroundTasks, Path, Request, Response
from sqlalchemy.orm import Session

from features.errors import NotFoundError
from response import sms, sms_replies
from response.bodies import Unread
from response.reports import Fault, Reason, read_moment
from response.submissions import Arrival
from response.vocabulary import Intake
from serve import documented
from serve.auth import Now, OpenSession
from serve.receiving import Body, land, reporters, zone
from serve.report_schemas import SmsAnswer
from serve.settings import Settings
from serve.sms_gateways import SmsGateway, is_signed
from serve.webhooks import Key, reporting
from store import report_changes
from store.audit import Entry, record
from store.report_arrivals import from_sms, from_unread
from store.report_places import places
from store.report_versions import State

router = APIRouter(prefix="/v1", tags=["reports"])
_log = structlog.get_logger("vigie.sms")
_CANCEL_WITHIN = timedelta(hours=24)
_REPLY_SECONDS = 10

_REQUEST: dict[str, Any] = {
    # Whatever comes is kept, so that any body is right.
    "requestBody": {
        "content": {
            "application/json": {"schema": {}},
            "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
        },
    },
    "security": [{"token": []}, {"basic": []}],
}


@router.post(
    "/sms/{gateway}",
    responses={
        **documented.errors(400, 404, 422),
        200: {"content": {"application/xml": {"schema": {"type": "string"}}}},
    },
    response_model=SmsAnswer,
    openapi_extra=_REQUEST,
    summary="A message from a gateway",
)
def receive(
    request: Request,
    session: OpenSession,
    now: Now,
    later: BackgroundTasks,
    content: Body,
    gateway: Annotated[str, Path(description="Name of the gateway", examples=["generic"])],
    key: Key = None,
) -> Response:
    """`VIG MOP05 ARMES 3 marche`, `VIG AIDE` or `VIG ANNULE A1B2C`; the answer holds the reply.

    Let in with a token, or with the signature that the gateway is declared to make.
    """
    settings: Settings = request.app.state.settings
    declared = settings.sms_gateway(gateway)
    fields = _fields(request, content) if declared else {}
    if declared is not None and is_signed(
        declared, request.headers, content, fields, _address(request, settings)
    ):
        actor, areas = f"gateway {gateway}", declared.areas
        request.app.state.gate.count(actor)
    else:
        caller = reporting(request, now, key)
        actor, areas = caller.token_id, caller.areas
    if declared is None:
        raise NotFoundError(
            f"expected the name of a gateway, got {gateway!r}; declare it in VIGIE_SMS_GATEWAYS"
        )
    if declared.text in fields:
        answer = _answer(request, session, now, declared, gateway, fields, actor, areas)
    else:
        arrival = _unread(request, declared, f"sms {gateway}", fields, content, areas)
        (landed,) = land(request, session, now, actor, [arrival])
        reply = sms_replies.reply_reasons(landed.reasons, {})
        answer = SmsAnswer(reply=reply, state=landed.state, report_id=landed.report_id)
    number = fields.get(declared.sender, "")
    if declared.reply_url and number:
        later.add_task(_reply, declared, number, answer.reply)
    if declared.answer == "twiml":
        said = f"<Response><Message>{escape(answer.reply)}</Message></Response>"
        return Response(said, media_type="application/xml")
    return Response(answer.model_dump_json(), media_type="application/json")


def _fields(request: Request, content: bytes) -> dict[str, str]:
    """The fields of a body, form-encoded or JSON, values as text; none where it is neither."""
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            found: Any = json.loads(content)
        else:
            found = dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=100))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return {}
    return {str(name): "" if v is None else str(v) for name, v in found.items()}


def _unread(
    request: Request,
    declared: SmsGateway,
    sender: str,
    fields: Mapping[str, str],
    content: bytes,
    areas: tuple[str, ...],
) -> Arrival:
    """A body without the field of the message: a status, another gateway's, or nothing at all."""
    unread = Unread(content, Reason("text", Fault.MISSING))
    arrival = from_unread(unread, Intake.SMS, sender, areas)
    number = fields.get(declared.sender, "")
    who = reporters(request.app.state.settings).hash("phone", number) if number else None
    # Values that were told apart are also cleaned apart.
    return arrival._replace(reporter=who, raw=dict(fields) or content)


def _address(request: Request, settings: Settings) -> str:
    """The address as the gateway knows it, which a proxy may have changed."""
    if not settings.public_url:
        return str(request.url)
    path = urlsplit(str(request.url))
    query = f"?{path.query}" if path.query else ""
    return f"{settings.public_url.rstrip('/')}{path.path}{query}"


def _answer(
    request: Request,
    session: Session,
    now: datetime,
    declared: SmsGateway,
    gateway: str,
    fields: Mapping[str, str],
    actor: str,
    areas: tuple[str, ...],
) -> SmsAnswer:
    settings: Settings = request.app.state.settings
    number, text = fields.get(declared.sender, ""), fields.get(declared.text, "")
    reporter = reporters(settings).hash("phone", number) if number else None
    known = places(session)
    written = fields.get(declared.sent_at, "") if declared.sent_at else ""
    sent_at = min(read_moment(written, zone(settings)) or now, now)
    message = sms.read(text, known, sent_at, zone(settings))
    if message.command is sms.Command.CANCEL and reporter is not None:
        return _cancel(session, now, reporter, message.reference, actor)
    if message.command is sms.Command.HELP and not message.reasons:
        return SmsAnswer(reply=sms_replies.reply_help(), state=None, report_id=None)
    message_id = fields.get(declared.message_id, "") if declared.message_id else ""
    arrival = from_sms(message, fields, message_id, reporter, f"sms {gateway}", areas, sent_at)
    (landed,) = land(request, session, now, actor, [arrival])
    if landed.reasons or landed.report is None:
        reply = sms_replies.reply_reasons(landed.reasons, message.fields, message.rest)
    elif landed.state is State.DUPLICATE:
        reply = sms_replies.reply_again(landed.report_id)
    else:
        reply = sms_replies.reply_understood(
            landed.report, landed.report_id, known, zone(settings), message.rest
        )
    return SmsAnswer(reply=reply, state=landed.state, report_id=landed.report_id)


def _cancel(
    session: Session, now: datetime, reporter: str, reference: str, actor: str
) -> SmsAnswer:
    """Take back the sender's own report: the one named, or the last one of a day."""
    report_id = report_changes.last_of(session, reporter, reference, now - _CANCEL_WITHIN)
    if report_id is not None:
        report_changes.withdraw(session, report_id, reason="by SMS", actor=actor, now=now)
        record(session, Entry(now, actor, "report.withdrawn", report_id))
    return SmsAnswer(reply=sms_replies.reply_cancelled(report_id), state=None, report_id=report_id)


def _reply(gateway: SmsGateway, number: str, text: str) -> None:
    """Send a reply through a gateway that takes none as an answer; the number is not kept."""
    import httpx2

    fields = {
        name: value.replace("{to}", number).replace("{text}", text)
        for name, value in gateway.reply_fields.items()
    }
    headers = {name: value.get_secret_value() for name, value in gateway.reply_headers.items()}
    try:
        httpx2.post(
            gateway.reply_url, data=fields, headers=headers, timeout=_REPLY_SECONDS
        ).raise_for_status()
    except httpx2.HTTPError as error:
        _log.error("reply by SMS not sent", error=type(error).__name__)
