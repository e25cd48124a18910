"""Reading reports back: pages of them as they stand, one with its history, what bears it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from features.errors import ForbiddenError
from response.places import Places
from store.report_changes import require_report
from store.report_places import is_within, newest_registries
from store.report_schema import ReportPhoto, ReportSubmission, ReportVersion
from store.schema import Unit


@dataclass(frozen=True)
class Wanted:
    """Which reports are wanted; everything that is given must hold.

    Attributes:
        areas: ids of regions, parent areas or units that the reader may see; empty for all.
        seen_since: the first moment seen that counts.
    """

    areas: tuple[str, ...] = ()
    region: str | None = None
    parent: str | None = None
    unit_id: str | None = None
    kind: str | None = None
    sign: str | None = None
    verification: str | None = None
    intake: str | None = None
    seen_since: datetime | None = None
    seen_until: datetime | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Standing:
    """A report as it stands, and when it first landed."""

    report: ReportVersion
    landed_at: datetime


def standing(
    session: Session,
    wanted: Wanted,
    *,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Standing]:
    """Reports as they stand, the last landed first.

    Args:
        session: an open session.
        wanted: which.
        after: when the last report of the page before landed, and its id.
        limit: most to return.
    """
    now_, first = ReportVersion, aliased(ReportVersion)
    tops = (
        select(now_.report_id, func.max(now_.version).label("version"))
        .group_by(now_.report_id)
        .subquery()
    )
    query = (
        select(now_, first.known_at)
        .join(tops, and_(tops.c.report_id == now_.report_id, tops.c.version == now_.version))
        .join(first, and_(first.report_id == now_.report_id, first.version == 1))
        .order_by(first.known_at.desc(), now_.report_id)
        .limit(limit)
    )
    for name in ("unit_id", "kind", "sign", "verification", "intake"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(getattr(now_, name) == str(value))
    if wanted.seen_since is not None:
        query = query.where(now_.seen_at >= wanted.seen_since)
    if wanted.seen_until is not None:
        query = query.where(now_.seen_at <= wanted.seen_until)
    if not wanted.withdrawn:
        query = query.where(now_.withdrawn.is_(False))
    for areas in ((wanted.region,), (wanted.parent,), wanted.areas):
        if any(areas):
            columns = (Unit.region_id, Unit.parent_id, Unit.unit_id)
            inside = select(Unit.unit_id).where(or_(*(column.in_(areas) for column in columns)))
            query = query.where(now_.unit_id.in_(inside))
    if after is not None:
        moment, report_id = after
        same = and_(first.known_at == moment, now_.report_id > report_id)
        query = query.where(or_(first.known_at < moment, same))
    return [Standing(*row) for row in session.execute(query)]


def require_seen(
    session: Session, report_id: str, places: Places, areas: Sequence[str]
) -> ReportVersion:
    """A report that a reader of `areas` may see.

    Raises:
        NotFoundError: there is no such report.
        ForbiddenError: it is of another area.
    """
    found = require_report(session, report_id)
    unit = places.by_id.get(found.unit_id)
    if areas and (unit is None or not is_within(unit, areas)):
        raise ForbiddenError(
            f"report {report_id} is of {found.unit_id}, outside {', '.join(areas)}, "
            "which is what this token sees; ask for another token"
        )
    return found


def versions(session: Session, report_id: str) -> list[ReportVersion]:
    """Every version of a report, the first first."""
    return list(
        session.scalars(
            select(ReportVersion)
            .where(ReportVersion.report_id == report_id)
            .order_by(ReportVersion.version)
        )
    )


def submissions(session: Session, report_id: str) -> list[ReportSubmission]:
    """Everything that was sent for a report and understood, in the order of arrival."""
    return list(
        session.scalars(
            select(ReportSubmission)
            .where(ReportSubmission.report_id == report_id)
            .order_by(ReportSubmission.received_at, ReportSubmission.submission_id)
        )
    )


def photos(session: Session, report_ids: Sequence[str]) -> dict[str, list[str]]:
    """Digests of the photos of some reports that are still kept."""
    rows = session.execute(
        select(ReportPhoto.report_id, ReportPhoto.sha256)
        .where(ReportPhoto.report_id.in_(report_ids), ReportPhoto.removed_at.is_(None))
        .order_by(ReportPhoto.received_at, ReportPhoto.sha256)
    )
    found: dict[str, list[str]] = {}
    for report_id, sha256 in rows:
        found.setdefault(report_id, []).append(sha256)
    return found


def borne_out(
    session: Session,
    reports: Sequence[ReportVersion],
    places: Places,
    areas: Sequence[str],
    now: datetime,
) -> dict[str, list[str]]:
    """Of these reports, those that others bear out, and by which: what Vigie suggests.

    Args:
        session: an open session.
        reports: as they stand.
        places: the units that reports may name.
        areas: of the reader, beyond which nothing is told; empty for all.
        now: the moment whose knowledge counts.
    """
    if not reports:
        return {}
    # Tables take a second to import: only who asks for suggestions waits for them.
    import pandas as pd

    from response.contracts import current
    from response.corroboration import WITHIN_HOURS, suggest_corroborated
    from store.reports import report_history

    around = timedelta(hours=WITHIN_HOURS)
    start = min(r.seen_at for r in reports) - around
    end = max(r.seen_at for r in reports) + around
    known = current(report_history(session, until=now), pd.Timestamp(now))
    near = known.loc[known["seen_at"].between(pd.Timestamp(start), pd.Timestamp(end))]
    seen = {id_ for id_, unit in places.by_id.items() if is_within(unit, areas)}
    near = near.loc[near["unit_id"].isin(seen)]
    ids = [registry.registry_id for registry in newest_registries(session)]
    centres = pd.DataFrame(
        session.execute(
            select(Unit.unit_id, Unit.lon, Unit.lat).where(
                Unit.registry_id.in_(ids), Unit.unit_id.in_(sorted(set(near["unit_id"])))
            )
        ).all(),
        columns=["unit_id", "lon", "lat"],
    )
    asked = {r.report_id for r in reports}
    found = suggest_corroborated(near.reset_index(drop=True), centres)
    pairs = zip(found["report_id"], found["by"], strict=True)
    return {str(report_id): list(by) for report_id, by in pairs if report_id in asked}
