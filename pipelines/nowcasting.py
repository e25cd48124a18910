"""Nowcasts from the command line, and what a round's outcomes teach about its reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from features.context import Context
from features.days import day_number, timestamps
from features.errors import ConfigError
from pipelines.ingest import Ingested
from pipelines.pack import Pack
from pipelines.question import Question, ask, settle_days
from response.evidence import Moment
from response.learning import counted
from response.ratios import COUNTS, learned
from store import nowcasts, ratio_tables, reading
from store.nowcast_schema import RatioTable


@dataclass(frozen=True)
class Learned:
    """A table of ratios with a round's outcomes.

    Attributes:
        kept: the row in the store.
        table: the same as a table.
        until: reports and incidents up to this moment were counted.
    """

    kept: RatioTable
    table: pd.DataFrame
    until: datetime


def learn(
    pack: Pack,
    ingested: Ingested,
    session: Session,
    election_id: str,
    target: str,
    *,
    moment: datetime,
    now: datetime,
) -> Learned:
    """Add a round's outcomes, as they are known at a moment, to the ratios before it.

    Incidents reach the sources late: only blocks that ended as long ago as the longest reporting
    lag of the pack are counted. Learning again later starts from the same ratios, so that a
    round is never counted twice.

    Args:
        pack: the country pack.
        ingested: its tables.
        session: an open session; the caller commits.
        election_id: the round.
        target: which incidents count.
        moment: whose knowledge may be used, and from when the new ratios may be used.
        now: the moment of writing, with a time zone.

    Raises:
        ConfigError: no block is old enough yet.
        NotFoundError: no bulletin of the round says where it was forecast.
    """
    bulletin = reading.latest(session, election_id, target, moment.astimezone(UTC).date())
    question = ask(pack, ingested.tables.elections, election_id, bulletin.as_of, target)
    until = moment - timedelta(days=settle_days(pack))
    field = nowcasts.field_of(session, bulletin, moment)
    counts = counted(
        field.reports,
        field.posts,
        _happened(ingested, question, moment),
        pd.Index(ingested.tables.units["unit_id"]),
        Moment.of(until, question.window_start, question.window_end),
    )
    if counts.empty:
        raise ConfigError(
            f"ratios: expected a week of {election_id}'s window that ended before {until:%Y-%m-%d} "
            f"({settle_days(pack)} days for reports to come in), got none; learn later"
        )
    before = _before(session, bulletin.iso3, election_id, moment, now)
    table = learned(ratio_tables.table_of(before), counts)
    kept = ratio_tables.write_ratios(
        session,
        table,
        iso3=bulletin.iso3,
        known_at=moment,
        now=now,
        learned_from=election_id,
        previous_id=before.ratios_id,
    )
    return Learned(kept, table, until)


def _before(
    session: Session, iso3: str, election_id: str, moment: datetime, now: datetime
) -> RatioTable:
    """The newest ratios that have nothing of a round yet."""
    found = ratio_tables.ratios_of(session, iso3, moment, now)
    while found.learned_from == election_id and found.previous_id is not None:
        found = session.get_one(RatioTable, found.previous_id)
    return found


def _happened(ingested: Ingested, question: Question, moment: datetime) -> pd.DataFrame:
    """The incidents of the target known at a moment: `unit_id` and `event_date`."""
    days = np.array([day_number(question.as_of)])
    rows = Context(ingested.tables, days, question.target, question.horizon).targets
    rows = rows.where(rows.known <= day_number(moment.date()))
    ids = ingested.tables.units["unit_id"].to_numpy()
    return pd.DataFrame({"unit_id": ids[rows.unit], "event_date": timestamps(rows.event)})


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of ratios about which something was learned, the most telling first."""
    told = table.loc[table[COUNTS[0]] + table[COUNTS[2]] > 0]
    return told.sort_values(["part", "log_ratio"], ascending=[False, False], kind="stable")
