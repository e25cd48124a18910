"""Reports by webhook of a server of forms, and by csv."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.bodies import Unread, read_object
from response.form_fields import FORMATS
from response.report_csv import NoRowsError, read_rows
from response.vocabulary import Intake
from serve import documented
from serve.auth import Now, OpenSession, Reporter
from serve.language import Wanted
from serve.receiving import Body, land, land_many, reporters, sender_of, told, zone
from serve.report_schemas import LandedAll, LandedOut
from serve.webhooks import WebhookCaller
from store import mark
from store.report_arrivals import from_form, from_row, from_unread
from store.tokens import Caller

router = APIRouter(prefix="/v1", tags=["reports"])

_KOBO = {
    "_id": 23,
    "_uuid": "b75f5fdc-a6a3-4dc6-b186-0bbcef40abda",
    "meta/instanceID": "uuid:b75f5fdc-a6a3-4dc6-b186-0bbcef40abda",
    "_submission_time": "2018-07-20T09:00:00",
    "unit": "ML050501",
    "kind": "nothing_seen",
    "seen_at": "2018-07-20T08:00:00.000+00:00",
}
_CENTRAL = {
    "type": "submission.create",
    "id": "uuid:3c142a0d-37b9-4d37-baf0-e58876428181",
    "data": {"xml": "<data id='vigie_report_mli'>...</data>"},
}


_WAITS = "It could not be read; it is kept and waits for a person. Sending it again changes nothing"


def _any_body(example: dict[str, Any]) -> dict[str, Any]:
    """The body as a document of the API: whatever comes is kept, so that any is right."""
    return {
        "requestBody": {
            "content": {"application/json": {"schema": {}, "example": example}},
        }
    }


def _filled(
    request: Request,
    response: Response,
    session: Session,
    caller: Caller,
    now: datetime,
    language: Language,
    intake: Intake,
    content: bytes,
) -> LandedOut:
    settings = request.app.state.settings
    payload = read_object(content)
    if isinstance(payload, Unread):
        arrival = from_unread(payload, intake, sender_of(caller, settings), caller.areas)
        # A server of forms takes any answer but a 2xx for a fault of ours, and tries for days.
        response.status_code = 202
    else:
        filled = FORMATS[intake](payload)
        arrival = from_form(filled, intake, payload, reporters(settings), areas=caller.areas)
    (landed,) = land(request, session, now, caller.token_id, [arrival])
    return told(landed, language)


@router.post(
    "/reports/kobo",
    responses={**documented.errors(422), 202: {"model": LandedOut, "description": _WAITS}},
    openapi_extra=_any_body(_KOBO),
    summary="A submission from KoboToolbox",
)
def kobo(
    request: Request,
    response: Response,
    session: OpenSession,
    caller: WebhookCaller,
    now: Now,
    language: Wanted,
    content: Body,
) -> LandedOut:
    """The JSON of its REST service, as it sends it. 200 also where it waits for a person."""
    return _filled(request, response, session, caller, now, language, Intake.KOBO, content)


@router.post(
    "/reports/odk",
    responses={**documented.errors(422), 202: {"model": LandedOut, "description": _WAITS}},
    openapi_extra=_any_body(_CENTRAL),
    summary="A submission from ODK Central",
)
def odk(
    request: Request,
    response: Response,
    session: OpenSession,
    caller: WebhookCaller,
    now: Now,
    language: Wanted,
    content: Body,
) -> LandedOut:
    """An event of `central-webhook`, or a row of the OData document."""
    return _filled(request, response, session, caller, now, language, Intake.ODK, content)


@router.post(
    "/reports/csv",
    responses={**documented.errors(422), 202: {"model": LandedAll, "description": _WAITS}},
    openapi_extra={
        "requestBody": {
            "content": {"text/csv": {"schema": {}}},
        }
    },
    summary="Reports collected on paper",
)
def csv(
    request: Request,
    response: Response,
    session: OpenSession,
    caller: Reporter,
    now: Now,
    language: Wanted,
    content: Body,
) -> LandedAll:
    """One row per report, with headings. What became of each row; bad rows wait for a person.

    Of a file that is no text, or has not the headings that are needed, nothing lands: it waits
    whole for a person. The same file again lands nothing twice.
    """
    settings = request.app.state.settings
    sender = sender_of(caller, settings)
    names: list[tuple[str | None, int | None]] = [(None, None)]
    try:
        rows = read_rows(content)
    except NoRowsError as error:
        unread = Unread(content, error.reason)
        arrivals = [from_unread(unread, Intake.CSV, sender, caller.areas)]
        response.status_code = 202
    else:
        arrivals = [
            from_row(row, sender, caller.areas, reporters(settings), zone(settings)) for row in rows
        ]
        names = [(row.fields.get("client_id") or None, row.line) for row in rows]
    landed = land_many(request, now, caller.token_id, arrivals)
    results = [told(one, language, *name) for one, name in zip(landed, names, strict=True)]
    counts = Counter(str(one.state) for one in landed)
    return LandedAll(synthetic=mark.is_synthetic(session), results=results, counts=counts)
