"""Turns: what must not be written by two at the same time is written one after the other."""

from __future__ import annotations

from enum import IntEnum

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from store.schema import Mark


class Turn(IntEnum):
    """What is waited for, as the number of PostgreSQL's advisory lock: its name in ASCII."""

    REPORTS = 0x5265706F7274
    ALERTS = 0x416C657274


def take_turn(session: Session, turn: Turn) -> None:
    """Wait until nobody else has the turn, and keep it until the end of this transaction.

    It comes before anything is read. On SQLite, where all writers are one queue, a statement that
    changes nothing takes the write lock.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": int(turn)})
    else:
        session.execute(update(Mark).where(Mark.key == "").values(value=""))
