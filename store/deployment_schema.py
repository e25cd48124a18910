"""Tables of deployments. Plans, their posts and approvals are only ever added, never changed."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from store.schema import Base


class Deployment(Base):
    """A deployment for one round, from one bulletin. Its plan is the newest of its versions.

    `follows` is the deployment of the round before, whose posts it starts from.
    """

    __tablename__ = "deployment"
    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    election_id: Mapped[str] = mapped_column(ForeignKey("election.election_id"), index=True)
    bulletin_id: Mapped[str] = mapped_column(ForeignKey("bulletin.bulletin_id"))
    follows: Mapped[str | None] = mapped_column(ForeignKey("deployment.deployment_id"))
    created_at: Mapped[datetime]


class DeploymentVersion(Base):
    """One version of a plan: planned, or edited by a person with a reason.

    `request` is the `response.deployment_request.Request`, `figures` what
    `response.deployment.measured` says. `posts` counts its rows; `follows_version` is the version
    of the deployment followed. `role` and `actor` say who: a role and the id of a token, no name.
    """

    __tablename__ = "deployment_version"
    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployment.deployment_id"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    how: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    role: Mapped[str]
    actor: Mapped[str]
    mediators: Mapped[int]
    posts: Mapped[int]
    follows_version: Mapped[int | None]
    request: Mapped[dict[str, Any]]
    figures: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class DeploymentPost(Base):
    """Mediators of one base in one unit. Posts are written before their version, which closes them.

    `why` is {"en": ..., "fr": ...}.
    """

    __tablename__ = "deployment_post"
    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unit_id: Mapped[str] = mapped_column(primary_key=True)
    base: Mapped[str] = mapped_column(primary_key=True)
    mediators: Mapped[int]
    why: Mapped[dict[str, Any]]
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "version"],
            ["deployment_version.deployment_id", "deployment_version.version"],
            deferrable=True,
            initially="DEFERRED",
        ),
    )


class DeploymentApproval(Base):
    """Who, by role, approved a version, when and with which words."""

    __tablename__ = "deployment_approval"
    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    approved_at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (
        ForeignKeyConstraint(
            ["deployment_id", "version"],
            ["deployment_version.deployment_id", "deployment_version.version"],
        ),
    )


class WatchPlace(Base):
    """A place to watch that one ingest knew.

    A rally, caravan or meeting has its day; a lasting place, such as a voting center, has none.
    """

    __tablename__ = "watch_place"
    data_digest: Mapped[str] = mapped_column(primary_key=True)
    registry_id: Mapped[str] = mapped_column(primary_key=True)
    place_id: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    event_date: Mapped[date | None]
    known_on: Mapped[date]
    __table_args__ = (
        ForeignKeyConstraint(["registry_id", "unit_id"], ["unit.registry_id", "unit.unit_id"]),
        Index("ix_watch_place_unit", "data_digest", "registry_id", "unit_id"),
    )


class UnitPopulation(Base):
    """People of a unit, as one ingest knew them; what is known of a parent area is shared out."""

    __tablename__ = "unit_population"
    data_digest: Mapped[str] = mapped_column(primary_key=True)
    registry_id: Mapped[str] = mapped_column(primary_key=True)
    unit_id: Mapped[str] = mapped_column(primary_key=True)
    known_on: Mapped[date] = mapped_column(primary_key=True)
    population: Mapped[float]
    __table_args__ = (
        ForeignKeyConstraint(["registry_id", "unit_id"], ["unit.registry_id", "unit.unit_id"]),
    )


class PastDeployment(Base):
    """Mediators who were sent out for a round, as a country pack tells of them."""

    __tablename__ = "past_deployment"
    election_id: Mapped[str] = mapped_column(ForeignKey("election.election_id"), primary_key=True)
    mediators: Mapped[int]
    regions: Mapped[list[str]]
    source: Mapped[dict[str, Any]]


class FileKind(StrEnum):
    """What a deployment can be exported as."""

    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"


MEDIA: dict[FileKind, str] = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.HTML: "text/html; charset=utf-8",
}
