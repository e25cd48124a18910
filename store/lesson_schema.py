"""The table of lessons: what a round taught, as it was known on a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from store.schema import Base


class Lessons(Base):
    """Frozen lessons of a round. The same document is kept once; a later day makes another.

    `lessons_id` names the bulletin, the day and the first letters of `digest`, the SHA-256 of the
    canonical form of `document`. `page_en` and `page_fr` are the pages made of it.
    """

    __tablename__ = "lessons"
    lessons_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    election_id: Mapped[str] = mapped_column(ForeignKey("election.election_id"))
    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletin.bulletin_id"))
    as_of: Mapped[date]
    is_settled: Mapped[bool]
    synthetic: Mapped[bool]
    document: Mapped[dict[str, Any]]
    page_en: Mapped[str] = mapped_column(Text)
    page_fr: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    __table_args__ = (Index("ix_lessons_election", "election_id", "as_of"),)
