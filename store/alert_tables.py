"""Alerts of a round as tables: what rules and lessons go by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.alerts import Step
from store.alert_reading import Followed, followed_by
from store.alert_schema import Alert

if TYPE_CHECKING:
    import pandas as pd

_STEPS = {
    "approved_at": Step.SIGN,
    "sent_at": Step.SEND,
    "acknowledged_at": Step.ACKNOWLEDGE,
    "acted_at": Step.ACT,
    "closed_at": Step.CLOSE,
}


def alert_table(session: Session, election_id: str, as_of: datetime | None = None) -> pd.DataFrame:
    """The alerts of a round: one row per alert and unit.

    Args:
        session: an open session.
        election_id: the round.
        as_of: steps taken later are left out; None for all.

    Returns:
        `alert_id`, `level`, `unit_id`, `reason` (English), `drafted_at`, and when it was first
        approved, sent, acknowledged, acted on and closed; moments in UTC, missing where not.
    """
    import pandas as pd

    moments = ["drafted_at", *_STEPS]
    columns = ["alert_id", "level", "unit_id", "reason", *moments]
    until = as_of or datetime.max.replace(tzinfo=UTC)
    rows = []
    for followed in _of_round(session, election_id, until):
        alert = followed.alert
        times = {name: _until(followed.at(step), until) for name, step in _STEPS.items()}
        reason = alert.words[str(Language.EN)]["reason"]
        for unit in followed.units:
            said = (alert.alert_id, alert.level, unit.unit_id, reason, alert.drafted_at)
            rows.append({**dict(zip(columns, said, strict=False)), **times})
    table = pd.DataFrame(rows, columns=columns)
    dtypes = dict.fromkeys(columns[:4], "str") | dict.fromkeys(moments, "datetime64[us, UTC]")
    return table.astype(dtypes)


def past_alerts(session: Session, election_id: str, as_of: datetime) -> pd.DataFrame:
    """What rules must know of alerts before a moment; keeps `PAST_ALERTS`."""
    import pandas as pd

    from response.contracts import empty

    followed = _of_round(session, election_id, as_of)
    raised = {one.alert.escalates for one in followed}
    rows = [
        {
            "alert_id": one.alert.alert_id,
            "rule": one.alert.rule,
            "level": one.alert.level,
            "area_id": one.alert.area_id,
            "state": [e.state for e in one.events if e.at <= as_of][-1],
            "strength": one.alert.strength,
            "drafted_at": one.alert.drafted_at,
            "shown_at": _shown_at(one, as_of),
            "sent_at": _until(one.at(Step.SEND), as_of),
            "escalated": one.alert.alert_id in raised,
        }
        for one in followed
    ]
    shape = empty("past_alerts")
    return pd.DataFrame(rows, columns=list(shape)).astype(shape.dtypes.to_dict())


def _shown_at(one: Followed, until: datetime) -> datetime | None:
    """When a coordinator was first asked to sign it."""
    held = _until(one.at(Step.HOLD), until)
    return one.alert.drafted_at if held is None else _until(one.at(Step.RELEASE), until)


def _until(at: datetime | None, until: datetime) -> datetime | None:
    return at if at is not None and at <= until else None


def _of_round(session: Session, election_id: str, until: datetime) -> list[Followed]:
    query = select(Alert).where(Alert.election_id == election_id, Alert.drafted_at <= until)
    rows = session.scalars(query.order_by(Alert.drafted_at, Alert.alert_id)).all()
    return followed_by(session, rows)
