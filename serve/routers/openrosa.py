"""`/openrosa`: the form for phones (ODK Collect, KoboCollect), and what they send.

See https://docs.getodk.org/openrosa/
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from xml.sax.saxutils import escape

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from features.errors import ContractError, NotFoundError
from features.vocabulary import Language
from response.bodies import Unread
from response.form import form_id, sheets, xform
from response.form_fields import from_xml
from response.reports import Fault, Reason
from response.submissions import Arrival
from response.vocabulary import Intake
from serve.auth import Now, OpenSession, Reporter
from serve.receiving import land, reporters, sender_of
from store import report_photos
from store.audit import Entry, record
from store.report_arrivals import from_form, from_unread
from store.report_places import newest_registries, units_of
from store.report_versions import State
from store.tokens import Caller

router = APIRouter(prefix="/openrosa", include_in_schema=False)
_XML = "text/xml"
_MOST_PARTS = 20
_FORM = "xml_submission_file"
_ALONE = ("text/xml", "application/xml")


class _Form(NamedTuple):
    form_id: str
    name: str
    version: str
    text: str


_kept: dict[tuple[str, tuple[str, ...]], _Form] = {}
_MOST_KEPT = 32


def _forms(session: Session, areas: tuple[str, ...]) -> list[_Form]:
    """The form of each country, with the units of the areas; kept until a registry is added."""
    found = []
    for registry in newest_registries(session):
        key = (registry.registry_id, areas)
        if key not in _kept:
            units = units_of(session, registry.registry_id, areas)
            if not units:
                continue
            made = sheets(units, registry.country, registry.iso3)
            (settings,) = made["settings"]
            if len(_kept) >= _MOST_KEPT:
                _kept.clear()
            _kept[key] = _Form(
                form_id(registry.iso3), settings["form_title"], settings["version"], xform(made)
            )
        found.append(_kept[key])
    return found


def _answer(request: Request, status: int, text: str = "") -> Response:
    headers = {
        "X-OpenRosa-Version": "1.0",
        "X-OpenRosa-Accept-Content-Length": str(request.app.state.settings.max_photo_bytes),
    }
    return Response(text, status, headers=headers, media_type=_XML if text else None)


@router.get("/formList")
def form_list(request: Request, session: OpenSession, caller: Reporter) -> Response:
    """The forms that a phone may fetch."""
    base = str(request.url.replace(path="/openrosa", query=""))
    entries = "".join(
        f"<xform><formID>{escape(one.form_id)}</formID><name>{escape(one.name)}</name>"
        f"<version>{one.version}</version><hash>md5:{_md5(one.text)}</hash>"
        f"<downloadUrl>{escape(base)}/forms/{one.form_id}.xml</downloadUrl></xform>"
        for one in _forms(session, caller.areas)
    )
    namespace = "http://openrosa.org/xforms/xformsList"
    text = f'<?xml version="1.0" encoding="UTF-8"?><xforms xmlns="{namespace}">{entries}</xforms>'
    return _answer(request, 200, text)


def _md5(text: str) -> str:
    """The digest that the standard asks for, to notice a new version."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@router.get("/forms/{name}.xml")
def form(
    request: Request, session: OpenSession, caller: Reporter, name: Annotated[str, Path()]
) -> Response:
    """A form as phones read it."""
    for one in _forms(session, caller.areas):
        if one.form_id == name:
            return _answer(request, 200, one.text)
    raise NotFoundError(f"expected the id of a form, got {name!r}; /openrosa/formList lists them")


@router.head("/submission")
def ask(request: Request, _caller: Reporter) -> Response:
    """Where to send, and how much: phones ask before they send."""
    answer = _answer(request, 204)
    answer.headers["Location"] = str(request.url)
    return answer


class _Sent(NamedTuple):
    """What a phone sent; `document` is None where it cannot be told from the rest."""

    document: bytes | None
    files: dict[str, bytes]
    whole: bytes


async def _sent(request: Request) -> _Sent:
    """The parts of a submission; a form alone does too.

    Raises:
        HTTPException: 413, it cannot be taken apart and is more than is kept so.
    """
    settings = request.app.state.settings
    whole = await request.body()
    kind = request.headers.get("content-type", "")
    if kind.startswith(_ALONE):
        found = _Sent(whole, {}, whole)
    else:
        found = await _apart(request, whole, settings.max_photo_bytes)
    if found.document is None and len(whole) > settings.max_body_bytes:
        says = f"expected the part xml_submission_file, got {len(whole)} bytes without it"
        raise HTTPException(413, f"{says}; send the form without its photos")
    return found


async def _apart(request: Request, whole: bytes, most: int) -> _Sent:
    document: bytes | None = None
    files: dict[str, bytes] = {}
    try:
        parts = await request.form(
            max_files=_MOST_PARTS, max_fields=_MOST_PARTS, max_part_size=most
        )
    except (HTTPException, ValueError, KeyError):
        return _Sent(None, {}, whole)
    for name, value in parts.multi_items():
        content = await value.read() if isinstance(value, UploadFile) else value.encode()
        if name == _FORM:
            document = content
        elif isinstance(value, UploadFile):
            files[value.filename or name] = content
    return _Sent(document, files, whole)


def _arrival(request: Request, caller: Caller, sent: _Sent) -> tuple[Arrival, list[str]]:
    """What lands, and the names of its photos: all files, where the form names none of them."""
    settings = request.app.state.settings
    sender = sender_of(caller, settings)
    if sent.document is None:
        unread = Unread(sent.whole, Reason(_FORM, Fault.MISSING))
        return from_unread(unread, Intake.OPENROSA, sender, caller.areas), sorted(sent.files)
    filled = from_xml(sent.document)
    if filled.answers is None:
        unread = Unread(sent.document, filled.unreadable[0])
        return from_unread(unread, Intake.OPENROSA, sender, caller.areas), sorted(sent.files)
    raw: Any = {"files": sorted(sent.files)}
    hashes = reporters(settings)
    arrival = from_form(filled, Intake.OPENROSA, raw, hashes, sender=sender, areas=caller.areas)
    return arrival, [filled.photo] if filled.photo in sent.files else []


@router.post("/submission")
def submit(
    request: Request,
    session: OpenSession,
    caller: Reporter,
    now: Now,
    sent: Annotated[_Sent, Depends(_sent)],
) -> Response:
    """A filled form. 201 where it is understood, 202 where it waits for a person; kept in both.

    A phone that has several photos may send the form once for each.
    """
    arrival, photos = _arrival(request, caller, sent)
    (landed,) = land(request, session, now, caller.token_id, [arrival])
    queued = landed.state is State.QUEUED or bool(landed.reasons)
    for name in photos:
        _keep_photo(request, session, caller, sent.files[name], landed.report_id, now)
    says = [reason.says(Language.FR) for reason in landed.reasons]
    message = "Gardé ; quelqu'un le lira : " + "; ".join(says) if queued else "Bien reçu"
    namespace = "http://openrosa.org/http/response"
    return _answer(
        request,
        202 if queued else 201,
        f'<OpenRosaResponse xmlns="{namespace}"><message>{escape(message)}</message>'
        "</OpenRosaResponse>",
    )


def _keep_photo(
    request: Request,
    session: Session,
    caller: Caller,
    content: bytes,
    report_id: str,
    now: datetime,
) -> None:
    """Keep a picture, also of a form that waits; one that is none does not lose the report."""
    try:
        report_photos.keep(session, request.app.state.settings.home, report_id, content, now)
        action = "report.photo added"
    except ContractError:
        action = "report.photo refused"
    record(session, Entry(now, caller.token_id, action, report_id))
