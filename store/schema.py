"""The operational database, as SQLAlchemy tables.

Alembic migrations in `store/migrations` create it; a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with a time zone, kept as UTC: SQLite alone would lose the zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a moment without a zone; turn the others to UTC.

        Raises:
            ValueError: `value` has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected a datetime with a time zone, got {value!r}; pass UTC")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        list[str]: JSON,
        date: Date,
        datetime: UtcDateTime,
        bool: Boolean,
        float: Float,
        int: Integer,
        str: String,
    }


class Mark(Base):
    """What this store says of itself (`store/mark.py`): synthetic or real data, what to ask."""

    __tablename__ = "mark"
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Registry(Base):
    """A version of a country's units. `registry_id` is the digest of its rows."""

    __tablename__ = "registry"
    registry_id: Mapped[str] = mapped_column(primary_key=True)
    iso3: Mapped[str] = mapped_column(index=True)
    country: Mapped[str]
    units: Mapped[int]
    synthetic: Mapped[bool]
    created_at: Mapped[datetime]


class Unit(Base):
    """One unit of one registry version. `geometry` is GeoJSON text in WGS 84, simplified."""

    __tablename__ = "unit"
    registry_id: Mapped[str] = mapped_column(ForeignKey("registry.registry_id"), primary_key=True)
    unit_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    parent_id: Mapped[str]
    parent_name: Mapped[str]
    region_id: Mapped[str]
    region_name: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]
    area_km2: Mapped[float | None]
    geometry: Mapped[str | None] = mapped_column(Text)


class Election(Base):
    """One round; `window_start` and `window_end` are what a bulletin for it speaks about."""

    __tablename__ = "election"
    election_id: Mapped[str] = mapped_column(primary_key=True)
    iso3: Mapped[str] = mapped_column(index=True)
    election_type: Mapped[str]
    round: Mapped[int]
    polling_date: Mapped[date]
    window_start: Mapped[date]
    window_end: Mapped[date]
    note: Mapped[str | None]
    synthetic: Mapped[bool]


class Bulletin(Base):
    """A frozen set of scores for one round, target and `as_of`.

    `digest` is the SHA-256 of the canonical form of its scores and of the digests behind
    them; the same inputs give the same digest. `bulletin_id` ends with its first letters.
    Words are English; `translations` has them in other languages: {"fr": {"notes": ...}}.
    """

    __tablename__ = "bulletin"
    bulletin_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    election_id: Mapped[str] = mapped_column(ForeignKey("election.election_id"), index=True)
    registry_id: Mapped[str] = mapped_column(ForeignKey("registry.registry_id"))
    iso3: Mapped[str]
    target: Mapped[str]
    target_says: Mapped[str]
    as_of: Mapped[date] = mapped_column(index=True)
    window_start: Mapped[date]
    window_end: Mapped[date]
    model_name: Mapped[str]
    model_version: Mapped[str]
    model_kind: Mapped[str]
    model_digest: Mapped[str]
    data_digest: Mapped[str]
    baseline_name: Mapped[str]
    base_rate: Mapped[float]
    interval_level: Mapped[float]
    vintage: Mapped[str]
    synthetic: Mapped[bool]
    units: Mapped[int]
    abstained: Mapped[int]
    notes: Mapped[str] = mapped_column(Text)
    translations: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime]


class Score(Base):
    """One unit's score. Where `coverage` is `none` the score abstains: its numbers are NULL.

    `drivers` is a list of {feature, family, says, translations, value, contribution}: where
    every unit starts, then one per family of features. Contributions are in log-odds and sum
    to the logit of the probability. `incidents_p50` and `incidents_p90` are quantiles of the
    count, `two_or_more` and `five_or_more` probabilities; NULL in bulletins older than they.
    `position` counts from 1 by rank, abstained units last: pages are read along it. Scores are
    written before their bulletin, whose row closes them.
    """

    __tablename__ = "score"
    bulletin_id: Mapped[str] = mapped_column(
        ForeignKey("bulletin.bulletin_id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    unit_id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    rank: Mapped[int | None]
    probability: Mapped[float | None]
    lower: Mapped[float | None]
    upper: Mapped[float | None]
    expected_incidents: Mapped[float | None]
    incidents_p50: Mapped[float | None]
    incidents_p90: Mapped[float | None]
    two_or_more: Mapped[float | None]
    five_or_more: Mapped[float | None]
    band: Mapped[str]
    baseline_probability: Mapped[float | None]
    coverage: Mapped[str]
    coverage_says: Mapped[str]
    drivers: Mapped[list[dict[str, Any]]]
    translations: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    __table_args__ = (Index("ix_score_position", "bulletin_id", "position", unique=True),)


class Incident(Base):
    """An incident as one ingest knew it, for a unit's history. No notes, no names of people."""

    __tablename__ = "incident"
    data_digest: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(primary_key=True)
    registry_id: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[str]
    event_date: Mapped[date]
    known_on: Mapped[date]
    event_type: Mapped[str]
    sub_event_type: Mapped[str | None]
    fatalities: Mapped[float]
    geo_precision: Mapped[int]
    placed_by: Mapped[str]
    __table_args__ = (
        ForeignKeyConstraint(["registry_id", "unit_id"], ["unit.registry_id", "unit.unit_id"]),
        Index("ix_incident_history", "data_digest", "unit_id", "event_date"),
    )


class Token(Base):
    """What lets somebody in: only the SHA-256 of its secret is kept.

    A `bearer` is sent by programs. A `session` is the cookie of a browser: made from a bearer
    (`parent_id`), with which it ends, or after signing in with an organisation's account.
    `areas` are ids of regions, parent areas or units; an empty list means everywhere.
    """

    __tablename__ = "token"
    token_id: Mapped[str] = mapped_column(primary_key=True)
    secret_sha256: Mapped[str]
    kind: Mapped[str]
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("token.token_id"))
    label: Mapped[str]
    role: Mapped[str]
    areas: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    __table_args__ = (UniqueConstraint("secret_sha256"),)


class Audit(Base):
    """Who read which scores and who changed what, when. Rows are only ever added.

    `actor` is the id of a token, `public`, or who ran a command on the machine. `subject` is
    what the action was done to: an address that was read, the id of a bulletin or of a token.
    The same read again within a fraction of a second is counted in `reads` of the first.
    """

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(index=True)
    action: Mapped[str]
    subject: Mapped[str]
    bulletin_id: Mapped[str | None]
    request_id: Mapped[str | None]
    reads: Mapped[int]
