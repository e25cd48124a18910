"""What a filled form says, from KoboToolbox, ODK Central or OpenRosa, as plain fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from response.reports import FIELDS, Fault, Reason, read_moment
from response.vocabulary import Intake

PHOTO = "photo"
_UUID = "uuid:"
_DEEPEST = 20


class Filled(NamedTuple):
    """A filled form.

    Attributes:
        client_id: what stays the same through all edits, as far as the form itself tells.
        instance_id: of this version.
        replaces: of the version that this one was made from.
        who: whose account sent it; to be hashed, never kept.
        photo: name of the picture's file.
        edited_at: when the server says that this version came; None where it does not.
        withdraw: whether the server says that it was deleted.
        answers: path of each question -> answer, where the form came as XML.
    """

    client_id: str
    instance_id: str | None
    replaces: str | None
    fields: dict[str, Any]
    who: str | None = None
    photo: str | None = None
    edited_at: datetime | None = None
    withdraw: bool = False
    unreadable: tuple[Reason, ...] = ()
    answers: Mapping[str, Any] | None = None


def _last(path: str) -> str:
    """The name of a question within its groups: "group/severity" -> "severity"."""
    return path.replace("}", "/").rpartition("/")[2]


def _fields(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that make a report: `end` is when the form was finished."""
    named = {_last(path): value for path, value in answers.items()}
    found = {name: named[name] for name in FIELDS if named.get(name) not in (None, "")}
    if "end" in named and "sent_at" not in found:
        found["sent_at"] = named["end"]
    return found


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _bare(name: Any) -> str | None:
    """An instance's name as every server knows it, without `uuid:`."""
    text = _text(name)
    return text.removeprefix(_UUID) if text else None


def from_kobo(payload: Mapping[str, Any]) -> Filled:
    """A submission as KoboToolbox's REST service and data API give it.

    Keys are paths of questions; `_id` stays through edits, `_uuid` and `meta/instanceID` do not.
    See https://support.kobotoolbox.org/rest_services.html
    """
    client = payload.get("_id") or payload.get("meta/rootUuid") or payload.get("_uuid")
    form = payload.get("_xform_id_string") or ""
    deleted = bool(payload.get("_deleted_at"))
    return Filled(
        client_id=f"{form}/{client}" if client else "",
        instance_id=_bare(payload.get("meta/instanceID") or payload.get("_uuid")),
        replaces=_bare(payload.get("meta/deprecatedID")),
        fields=_fields(payload),
        who=_text(payload.get("_submitted_by")),
        photo=_text(payload.get(PHOTO)),
        withdraw=deleted,
        unreadable=() if client else (Reason("_id", Fault.MISSING),),
    )


def from_odata(row: Mapping[str, Any]) -> Filled:
    """A row of ODK Central's OData document `Submissions`.

    `__id` stays through edits; `__system` says when it was sent, edited and deleted.
    See https://docs.getodk.org/central-api-odata-endpoints/
    """
    system = row.get("__system")
    system = system if isinstance(system, Mapping) else {}
    moments = [system.get(name) for name in ("updatedAt", "deletedAt", "submissionDate")]
    edited = [m for m in (read_moment(str(v), UTC) for v in moments if v) if m is not None]
    client = _bare(row.get("__id"))
    flat = _flatten(row)
    return Filled(
        client_id=client or "",
        instance_id=_bare(flat.get("meta/instanceID")) or client,
        replaces=None,
        fields=_fields(flat),
        who=_text(system.get("submitterId")),
        photo=_text(flat.get(PHOTO)),
        edited_at=max(edited) if edited else None,
        withdraw=bool(system.get("deletedAt")),
        unreadable=() if client else (Reason("__id", Fault.MISSING),),
    )


def _flatten(row: Mapping[str, Any], path: str = "", depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping) and not name.startswith("__") and depth < _DEEPEST:
            found |= _flatten(value, f"{path}{name}/", depth + 1)
        else:
            found[f"{path}{name}"] = value
    return found


def from_central_webhook(payload: Mapping[str, Any]) -> Filled:
    """An event of ODK Central as the webhook service of HOT sends it: type, id, data.

    See https://github.com/hotosm/central-webhook
    """
    data = payload.get("data")
    xml = data.get("xml") if isinstance(data, Mapping) else None
    if not isinstance(xml, str):
        return _broken("data.xml", Fault.MISSING, _bare(payload.get("id")) or "")
    return from_xml(xml.encode("utf-8", "replace"))


def from_xml(document: bytes) -> Filled:
    """A filled form as OpenRosa clients send it.

    Documents with a DTD, entities or references to elsewhere are refused unread.
    See https://docs.getodk.org/openrosa-metadata/ for `instanceID` and `deprecatedID`.
    """
    try:
        root = fromstring(document, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        return _broken("xml_submission_file", Fault.NOT_READABLE, type(error).__name__)
    answers = _answers(root)
    named = {_last(path): value for path, value in answers.items()}
    instance = _bare(named.get("instanceID") or root.get("instanceID"))
    replaces = _bare(named.get("deprecatedID"))
    return Filled(
        client_id=replaces or instance or "",
        instance_id=instance,
        replaces=replaces,
        fields=_fields(answers),
        photo=_text(named.get(PHOTO)),
        unreadable=() if instance else (Reason("instanceID", Fault.MISSING),),
        answers={"form": root.get("id"), **answers},
    )


def _answers(root: Element) -> dict[str, Any]:
    """Path of each leaf -> its text."""
    found: dict[str, Any] = {}
    waiting = [(child, "", 0) for child in root]
    while waiting:
        element, path, depth = waiting.pop(0)
        here = f"{path}{_last(str(element.tag))}"
        if len(element) and depth < _DEEPEST:
            waiting += [(child, f"{here}/", depth + 1) for child in element]
        elif element.text and element.text.strip():
            found.setdefault(here, element.text.strip())
    return found


def _broken(field: str, fault: Fault, got: str) -> Filled:
    return Filled("", None, None, {}, unreadable=(Reason(field, fault, got),))


def from_odk(payload: Mapping[str, Any]) -> Filled:
    """What ODK Central brings: a row of its OData document, or an event of the webhook service."""
    return from_odata(payload) if "__id" in payload else from_central_webhook(payload)


FORMATS: dict[Intake, Callable[[Mapping[str, Any]], Filled]] = {
    Intake.KOBO: from_kobo,
    Intake.ODK: from_odk,
}
"""What reads the JSON of each server of forms."""
