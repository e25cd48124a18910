"""What rules of alerts are held against: scores of a round as they were issued, its units."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from response.contracts import empty
from store.schema import Bulletin, Score, Unit


def unit_table(session: Session, registry_id: str) -> pd.DataFrame:
    """`unit_id`, `name`, `parent_id`, `parent_name`, `region_id` and `region_name` of each."""
    columns = [Unit.unit_id, Unit.name, Unit.parent_id, Unit.parent_name]
    query = select(*columns, Unit.region_id, Unit.region_name)
    rows = session.execute(query.where(Unit.registry_id == registry_id).order_by(Unit.unit_id))
    return pd.DataFrame(rows.mappings().all())


def score_history(session: Session, election_id: str, target: str) -> pd.DataFrame:
    """Scores of a round's bulletins; keeps `SCORE_HISTORY`.

    A bulletin counts as known when it was issued, or at the end of its `as_of` where it was
    issued afterwards: one that is written today about a past round says what was known then.
    """
    query = (
        select(
            Score.unit_id,
            Score.probability,
            Bulletin.as_of,
            Bulletin.created_at,
            Bulletin.bulletin_id.label("source"),
        )
        .join(Bulletin, Bulletin.bulletin_id == Score.bulletin_id)
        .where(Bulletin.election_id == election_id, Bulletin.target == target)
    )
    rows = [
        {
            "unit_id": row.unit_id,
            "known_at": min(
                row.created_at,
                datetime.combine(row.as_of, time(), UTC) + timedelta(days=1),
            ),
            "source": row.source,
            "probability": row.probability,
        }
        for row in session.execute(query)
    ]
    shape = empty("score_history")
    return pd.DataFrame(rows, columns=list(shape)).astype(shape.dtypes.to_dict())
