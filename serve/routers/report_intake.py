"""Reports by webhook of a server of forms, and by csv."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.form_fields import FORMATS
from response.report_csv import read_rows
from response.vocabulary import Intake
from serve import documented
from serve.auth import Now, OpenSession, Reporter
from serve.language import Wanted
from serve.receiving import Body as Raw
from serve.receiving import land, reporters, told, zone
from serve.report_schemas import LandedAll, LandedOut
from serve.webhooks import WebhookCaller
from store import mark
from store.report_arrivals import from_form, from_row
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


def _filled(
    request: Request,
    session: Session,
    caller: Caller,
    now: datetime,
    language: Language,
    intake: Intake,
    payload: Mapping[str, Any],
) -> LandedOut:
    hashes = reporters(request.app.state.settings)
    arrival = from_form(FORMATS[intake](payload), intake, payload, hashes, areas=caller.areas)
    (landed,) = land(request, session, now, caller.token_id, [arrival])
    return told(landed, language)


@router.post(
    "/reports/kobo",
    responses=documented.errors(400, 422),
    summary="A submission from KoboToolbox",
)
def kobo(
    request: Request,
    session: OpenSession,
    caller: WebhookCaller,
    now: Now,
    language: Wanted,
    payload: Annotated[dict[str, Any], Body(examples=[_KOBO])],
) -> LandedOut:
    """The JSON of its REST service, as it sends it. 200 also where it waits for a person."""
    return _filled(request, session, caller, now, language, Intake.KOBO, payload)


@router.post(
    "/reports/odk",
    responses=documented.errors(400, 422),
    summary="A submission from ODK Central",
)
def odk(
    request: Request,
    session: OpenSession,
    caller: WebhookCaller,
    now: Now,
    language: Wanted,
    payload: Annotated[dict[str, Any], Body(examples=[_CENTRAL])],
) -> LandedOut:
    """An event of `central-webhook`, or a row of the OData document."""
    return _filled(request, session, caller, now, language, Intake.ODK, payload)


@router.post(
    "/reports/csv",
    responses=documented.errors(400, 422),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string"}}},
        }
    },
    summary="Reports collected on paper",
)
def csv(
    request: Request,
    session: OpenSession,
    caller: Reporter,
    now: Now,
    language: Wanted,
    content: Raw,
) -> LandedAll:
    """One row per report, with headings. What became of each row; bad rows wait for a person.

    A file without the headings that are needed is refused whole. The same file again lands
    nothing twice.
    """
    settings = request.app.state.settings
    rows = read_rows(content)
    arrivals = [
        from_row(row, caller.owner, caller.areas, reporters(settings), zone(settings))
        for row in rows
    ]
    landed = land(request, session, now, caller.token_id, arrivals)
    results = [
        told(one, language, row.fields.get("client_id") or None, row.line)
        for one, row in zip(landed, rows, strict=True)
    ]
    counts = Counter(str(one.state) for one in landed)
    return LandedAll(synthetic=mark.is_synthetic(session), results=results, counts=counts)
