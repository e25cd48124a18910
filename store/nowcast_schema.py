"""Tables of nowcasts and of the ratios behind them. Rows are only ever added."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.schema import Base


class RatioTable(Base):
    """A table of likelihood ratios (`response.ratios.updated`) and where it comes from.

    `learned_from` is the round whose outcomes were added to `previous_id`; both are NULL in the
    declared one. `known_at` is the moment from which a nowcast may use it. `ratios_id` is the
    digest of the rows with the country and the round.
    """

    __tablename__ = "nowcast_ratios"
    ratios_id: Mapped[str] = mapped_column(primary_key=True)
    iso3: Mapped[str] = mapped_column(index=True)
    learned_from: Mapped[str | None] = mapped_column(ForeignKey("election.election_id"))
    previous_id: Mapped[str | None] = mapped_column(ForeignKey("nowcast_ratios.ratios_id"))
    known_at: Mapped[datetime]
    created_at: Mapped[datetime]
    rows: Mapped[list[dict[str, Any]]]


class Nowcast(Base):
    """A bulletin's scores with the field reports known at `moment`; it never changes.

    `digest` is the SHA-256 of what it was made from and of its scores. `moved` counts the units
    whose probability is not the bulletin's. `assumptions` are those of `response.evidence`.
    """

    __tablename__ = "nowcast"
    nowcast_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletin.bulletin_id"))
    election_id: Mapped[str] = mapped_column(ForeignKey("election.election_id"), index=True)
    ratios_id: Mapped[str] = mapped_column(ForeignKey("nowcast_ratios.ratios_id"))
    moment: Mapped[datetime]
    assumptions: Mapped[dict[str, Any]]
    reports_digest: Mapped[str]
    posts_digest: Mapped[str]
    reports: Mapped[int]
    mediators: Mapped[int]
    units: Mapped[int]
    moved: Mapped[int]
    silent: Mapped[int]
    synthetic: Mapped[bool]
    created_at: Mapped[datetime]
    __table_args__ = (Index("ix_nowcast_bulletin", "bulletin_id", "moment"),)


class NowcastScore(Base):
    """One unit of a nowcast; see `response.nowcast.nowcast`. Numbers are NULL where it abstains.

    Scores are written before their nowcast, whose row closes them. `position` counts from 1 by
    rank, abstained units last: pages are read along it.
    """

    __tablename__ = "nowcast_score"
    nowcast_id: Mapped[str] = mapped_column(
        ForeignKey("nowcast.nowcast_id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    unit_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    rank: Mapped[int | None]
    probability: Mapped[float | None]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    next_days: Mapped[float | None]
    ahead: Mapped[float | None]
    expected_incidents: Mapped[float | None]
    band: Mapped[str]
    bulletin_probability: Mapped[float | None]
    reports: Mapped[int]
    mediators: Mapped[int]
    quiet_days: Mapped[float | None]
    watch: Mapped[str]
    says: Mapped[str]
    updates: Mapped[list[dict[str, Any]]]
    translations: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_nowcast_score_position", "nowcast_id", "position", unique=True),)
