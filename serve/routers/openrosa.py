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
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from features.errors import ContractError, NotFoundError
from features.vocabulary import Language
from response.form import form_id, sheets, xform
from response.form_fields import Filled, from_xml
from response.vocabulary import Intake
from serve.auth import Now, OpenSession, Reporter
from serve.receiving import land, reporters
from store import report_photos
from store.audit import Entry, record
from store.landing import State
from store.report_arrivals import from_form
from store.report_places import newest_registries, units_of
from store.tokens import Caller

router = APIRouter(prefix="/openrosa", include_in_schema=False)
_XML = "text/xml"
_MOST_PARTS = 20


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


async def _parts(request: Request) -> FormData:
    """The parts of a submission.

    Raises:
        ContractError: it is not made of parts.
    """
    most: int = request.app.state.settings.max_photo_bytes
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise ContractError("submission: expected multipart/form-data, got something else")
    try:
        return await request.form(max_files=_MOST_PARTS, max_fields=_MOST_PARTS, max_part_size=most)
    except HTTPException as error:
        if error.status_code == 413:
            raise
        raise ContractError(f"submission: expected parts, got {error.detail}") from error


class _Sent(NamedTuple):
    document: bytes
    files: dict[str, bytes]


async def _sent(parts: Annotated[FormData, Depends(_parts)]) -> _Sent:
    document: bytes | None = None
    files: dict[str, bytes] = {}
    for name, value in parts.multi_items():
        content = await value.read() if isinstance(value, UploadFile) else value.encode()
        if name == "xml_submission_file":
            document = content
        elif isinstance(value, UploadFile):
            files[value.filename or name] = content
    if document is None:
        raise ContractError("submission: expected the part xml_submission_file, got none")
    return _Sent(document, files)


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
    filled = from_xml(sent.document)
    hashes = reporters(request.app.state.settings)
    raw: Any = {"xml": sent.document.decode("utf-8", "replace"), "files": sorted(sent.files)}
    arrival = from_form(
        filled, Intake.OPENROSA, raw, hashes, sender=caller.owner, areas=caller.areas
    )
    (landed,) = land(request, session, now, caller.token_id, [arrival])
    queued = landed.state is State.QUEUED or bool(landed.reasons)
    if not queued:
        _keep_photo(request, session, caller, filled, sent, landed.report_id, now)
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
    filled: Filled,
    sent: _Sent,
    report_id: str,
    now: datetime,
) -> None:
    """Keep the picture that the form names; one that is no picture does not lose the report."""
    content = sent.files.get(filled.photo or "")
    if content is None:
        return
    try:
        report_photos.keep(session, request.app.state.settings.home, report_id, content, now)
        action = "report.photo added"
    except ContractError:
        action = "report.photo refused"
    record(session, Entry(now, caller.token_id, action, report_id))
