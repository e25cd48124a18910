"""What each intake brings, as the one shape that lands: `response.submissions.Arrival`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from response.bodies import Unread
from response.form_fields import Filled
from response.report_csv import Row
from response.reports import FIELDS, Fault, Reason, read_moment
from response.sms import Message
from response.submissions import Arrival, digest
from response.vocabulary import Intake
from store.reporters import Reporters

LONGEST_ID = 200


def from_item(
    item: Mapping[str, Any],
    intake: Intake,
    sender: str,
    areas: tuple[str, ...],
    reporters: Reporters,
    zone: tzinfo,
    raw: Any = None,
) -> Arrival:
    """A report as a program or a table gives it.

    Args:
        item: by the names of `response.reports.FIELDS`, and `client_id`, `reporter`,
            `edited_at`, `withdraw`.
        intake: `API` or `CSV`.
        sender: id of the token, or who ran the command.
        areas: that the sender may report from; empty for all.
        reporters: hashes `reporter`; without one the sender counts as the reporter.
        zone: of times written without an offset.
        raw: all that came, where it is more than `item`.
    """
    reasons = []
    client_id = str(item.get("client_id") or "").strip()
    if len(client_id) > LONGEST_ID:
        reasons.append(Reason("client_id", Fault.TOO_LONG))
    edited = str(item.get("edited_at") or "").strip()
    edited_at = read_moment(edited, zone) if edited else None
    if edited and edited_at is None:
        reasons.append(Reason("edited_at", Fault.NOT_A_MOMENT, edited[:60]))
    withdraw = item.get("withdraw", False)
    if not isinstance(withdraw, bool):
        reasons.append(Reason("withdraw", Fault.UNKNOWN, str(withdraw)[:60]))
    who = str(item.get("reporter") or "").strip()
    return Arrival(
        intake,
        sender,
        client_id,
        {name: item.get(name) for name in FIELDS},
        dict(item) if raw is None else raw,
        reporter=reporters.hash(f"of {sender}", who or "the sender itself"),
        edited_at=edited_at,
        withdraw=withdraw is True,
        unreadable=tuple(reasons),
        areas=areas,
    )


def from_row(
    row: Row, sender: str, areas: tuple[str, ...], reporters: Reporters, zone: tzinfo
) -> Arrival:
    """A row of a csv; without an id of its own it is known by what it says."""
    client_id = str(row.fields.get("client_id") or "").strip()
    said = {name: value for name, value in row.fields.items() if value}
    item = {**row.fields, "client_id": client_id or digest(said)[:32]}
    return from_item(item, Intake.CSV, sender, areas, reporters, zone, raw=row.raw)


def from_form(
    filled: Filled,
    intake: Intake,
    raw: Any,
    reporters: Reporters,
    *,
    sender: str = "",
    areas: tuple[str, ...] = (),
) -> Arrival:
    """A filled form; what a server of forms knows as an account is hashed."""
    who = filled.who or sender
    return Arrival(
        intake,
        sender,
        filled.client_id,
        filled.fields,
        raw if filled.answers is None else filled.answers,
        reporter=reporters.hash(str(intake), who) if who else None,
        edited_at=filled.edited_at,
        instance_id=filled.instance_id,
        replaces=filled.replaces,
        withdraw=filled.withdraw,
        unreadable=filled.unreadable,
        areas=areas,
    )


def from_unread(
    unread: Unread, intake: Intake, sender: str, areas: tuple[str, ...] = ()
) -> Arrival:
    """A body that nothing could read; known by its bytes, so that it waits once."""
    return Arrival(intake, sender, "", {}, unread.content, unreadable=(unread.reason,), areas=areas)


def from_sms(
    message: Message,
    sent: Mapping[str, str],
    message_id: str,
    reporter: str | None,
    sender: str,
    areas: tuple[str, ...],
    sent_at: datetime,
) -> Arrival:
    """A message; a gateway that sends it again sends the same id.

    Without an id, the same words of the same reporter within ten minutes are the same message.
    """
    ten_minutes = int(sent_at.timestamp()) // 600
    return Arrival(
        Intake.SMS,
        sender,
        message_id or digest(reporter, dict(sent), ten_minutes)[:32],
        message.fields,
        {"sent": dict(sent), "not used": list(message.rest)},
        reporter=reporter,
        edited_at=sent_at,
        unreadable=message.reasons,
        areas=areas,
        once=True,
    )
