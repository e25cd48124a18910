"""Who is told: offices with a level, areas, a channel and a language. Addresses are private."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from features.errors import ContractError, NotFoundError
from features.vocabulary import Language
from response.rules import Channel
from response.vocabulary import Level
from store import audit
from store.alert_schema import Recipient
from store.schema import Unit

_MAILBOX = re.compile(r"[^\s@,;:<>()\[\]\\\"]+@[^\s@,;:<>()\[\]\\\"]+")
"""One mailbox, without a name: a list or a name in brackets would reach somebody else."""


def add(
    session: Session,
    *,
    name: str,
    level: Level,
    channel: Channel,
    address: str,
    language: Language,
    areas: Sequence[str],
    now: datetime,
    actor: str,
) -> Recipient:
    """Add a recipient.

    Args:
        session: an open session; the caller commits.
        name: of the office ("Préfet de Mopti"), which all who read alerts may see.
        level: alerts of this level go there.
        channel: how.
        address: of e-mail, `https://` address, or number with `+`; for who sends alone.
        language: of e-mails and text messages.
        areas: ids of units, parent areas or regions; empty for all.
        now: the moment.
        actor: who adds it, for the audit.

    Raises:
        ContractError: the address does not suit the channel, or an area is unknown.
    """
    _require_address(channel, address)
    for area in areas:
        known = or_(Unit.region_id == area, Unit.parent_id == area, Unit.unit_id == area)
        if session.scalar(select(Unit.unit_id).where(known).limit(1)) is None:
            raise ContractError(
                f"recipient: expected the id of a region, parent area or unit, got {area!r}; "
                "the first bulletin brings them"
            )
    made = Recipient(
        recipient_id=secrets.token_hex(4),
        name=name,
        level=str(level),
        areas=list(areas),
        channel=str(channel),
        address=address,
        language=str(language),
        created_at=now,
        ended_at=None,
    )
    session.add(made)
    session.flush()
    audit.record(session, audit.Entry(now, actor, "recipient.added", made.recipient_id))
    return made


def _require_address(channel: Channel, address: str) -> None:
    digits = address.removeprefix("+")
    fits = {
        Channel.EMAIL: address.isprintable() and _MAILBOX.fullmatch(address) is not None,
        Channel.WEBHOOK: address.startswith(("https://", "http://")) and " " not in address,
        Channel.SMS: address.startswith("+") and digits.isdecimal() and 6 <= len(digits) <= 15,
    }
    if not fits[channel]:
        raise ContractError(
            f"recipient: expected an address for {channel} (name@host, https://..., or a number "
            f"such as +22370000000), got one of {len(address)} characters that is none"
        )


def end(session: Session, recipient_id: str, now: datetime, actor: str) -> Recipient:
    """Tell a recipient no more; one already ended keeps its first moment.

    Raises:
        NotFoundError: there is none.
    """
    found = session.get(Recipient, recipient_id)
    if found is None:
        raise NotFoundError(f"expected the id of a recipient, got {recipient_id!r}; list them")
    if found.ended_at is None:
        found.ended_at = now
        session.flush()
        audit.record(session, audit.Entry(now, actor, "recipient.ended", recipient_id))
    return found


def listed(
    session: Session, *, after: str | None = None, limit: int | None = None
) -> list[Recipient]:
    """Recipients by id, ended ones too."""
    query = select(Recipient).order_by(Recipient.recipient_id).limit(limit)
    if after is not None:
        query = query.where(Recipient.recipient_id > after)
    return list(session.scalars(query))


def matching(
    session: Session, level: str, channels: Sequence[str], units: Sequence[Unit]
) -> list[Recipient]:
    """Who is told of an alert: by level, channel and area."""
    query = select(Recipient).where(
        Recipient.level == level, Recipient.channel.in_(channels), Recipient.ended_at.is_(None)
    )
    places = {place for u in units for place in (u.unit_id, u.parent_id, u.region_id)}
    found = session.scalars(query.order_by(Recipient.recipient_id))
    return [one for one in found if not one.areas or places & set(one.areas)]


def masked(channel: str, address: str) -> str:
    """An address as those see it who may not: `m…@example.org`, `+223…00`, `https://host/…`."""
    if channel == Channel.EMAIL:
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}…@{domain}"
    if channel == Channel.SMS:
        return f"{address[:4]}…{address[-2:]}"
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/…"
