"""The history of field reports as a table, for the re-scoring, the alerts and the lessons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import NotFoundError
from response.contracts import REPORTS, empty, require
from store.report_schema import ReportVersion
from store.schema import Election, Registry, Unit


def report_history(
    session: Session,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    election_id: str | None = None,
) -> pd.DataFrame:
    """Every version of every report, as the re-scoring, alerts and lessons read them.

    Args:
        session: an open session.
        since: only versions known at this moment or later.
        until: only versions known by this moment.
        election_id: only reports of which some version was seen within the round's window, in
            a unit of its country.

    Returns:
        A table that keeps `response.contracts.REPORTS`, by report and version.

    Raises:
        NotFoundError: there is no such round.
    """
    names = list(REPORTS.columns)
    query = select(*(getattr(ReportVersion, name) for name in names)).order_by(
        ReportVersion.report_id, ReportVersion.version
    )
    if since is not None:
        query = query.where(ReportVersion.known_at >= since)
    if until is not None:
        query = query.where(ReportVersion.known_at <= until)
    if election_id is not None:
        round_ = session.get(Election, election_id)
        if round_ is None:
            raise NotFoundError(
                f"expected the id of a round, got {election_id!r}; GET /v1/elections lists them"
            )
        start = datetime.combine(round_.window_start, datetime.min.time(), UTC)
        end = datetime.combine(round_.window_end, datetime.min.time(), UTC) + timedelta(days=1)
        registries = select(Registry.registry_id).where(Registry.iso3 == round_.iso3)
        units = select(Unit.unit_id).where(Unit.registry_id.in_(registries))
        seen = select(ReportVersion.report_id).where(
            ReportVersion.seen_at >= start,
            ReportVersion.seen_at < end,
            ReportVersion.unit_id.in_(units),
        )
        if until is not None:  # where an edit put it later is not known yet
            seen = seen.where(ReportVersion.known_at <= until)
        query = query.where(ReportVersion.report_id.in_(seen))
    rows = session.execute(query).all()
    if not rows:
        return empty("reports")
    table = pd.DataFrame(rows, columns=names)
    return require(table.astype(empty("reports").dtypes.to_dict()), "reports")
