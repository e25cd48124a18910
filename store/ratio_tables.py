"""Tables of likelihood ratios: the declared ones, and those learned from rounds.

Each function works inside the caller's transaction: it flushes, the caller commits.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.errors import NotFoundError
from store.digests import digest
from store.nowcast_schema import RatioTable

if TYPE_CHECKING:
    import pandas as pd


def ratios_of(
    session: Session, iso3: str, moment: datetime, now: datetime, ratios_id: str | None = None
) -> RatioTable:
    """The ratios that a nowcast uses: the newest of the country known at a moment.

    Where there are none yet, the declared ones are written down and given.

    Raises:
        NotFoundError: there are none of that id, or they became known later.
    """
    from response.ratios import declared

    query = select(RatioTable).where(RatioTable.iso3 == iso3, RatioTable.known_at <= moment)
    if ratios_id is not None:
        found = session.scalar(query.where(RatioTable.ratios_id == ratios_id))
        if found is None:
            raise NotFoundError(
                f"expected the id of ratios of {iso3} known at {moment:%Y-%m-%dT%H:%MZ}, got "
                f"{ratios_id!r}; 'vigie ratios list' shows them"
            )
        return found
    newest = query.order_by(RatioTable.known_at.desc(), RatioTable.created_at.desc()).limit(1)
    found = session.scalar(newest)
    if found is None:
        always = datetime(1970, 1, 1, tzinfo=UTC)
        found = write_ratios(session, declared(), iso3=iso3, known_at=always, now=now)
    return found


def write_ratios(
    session: Session,
    table: pd.DataFrame,
    *,
    iso3: str,
    known_at: datetime,
    now: datetime,
    learned_from: str | None = None,
    previous_id: str | None = None,
) -> RatioTable:
    """Keep a table of ratios; the same for the same country and round is kept once.

    Args:
        session: an open session; the caller commits.
        table: from `response.ratios`.
        iso3: the country.
        known_at: from when a nowcast may use it.
        now: the moment.
        learned_from: the round whose outcomes it has beyond those of `previous_id`.
        previous_id: the table that it was learned upon.
    """
    from store.canonical import records

    rows = records(table, list(table.columns))
    ratios_id = digest([iso3, learned_from, previous_id, rows])[:16]
    found = session.get(RatioTable, ratios_id)
    if found is None:
        found = RatioTable(
            ratios_id=ratios_id,
            iso3=iso3,
            learned_from=learned_from,
            previous_id=previous_id,
            known_at=known_at,
            created_at=now,
            rows=rows,
        )
        session.add(found)
        session.flush()
    return found


def table_of(ratios: RatioTable) -> pd.DataFrame:
    """Kept ratios as a table again."""
    import pandas as pd

    return pd.DataFrame(ratios.rows)
