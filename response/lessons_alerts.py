"""What became of the alerts of a round: how early, how soon signed, acknowledged, acted on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from response.lessons_evidence import Evidence, Limits, days_of
from response.lessons_outcomes import in_window
from response.lessons_reports import hours, quantiles
from response.vocabulary import Level

STEPS = (
    ("draft_to_approved", "drafted_at", "approved_at"),
    ("approved_to_sent", "approved_at", "sent_at"),
    ("sent_to_acknowledged", "sent_at", "acknowledged_at"),
    ("sent_to_acted", "sent_at", "acted_at"),
    ("sent_to_closed", "sent_at", "closed_at"),
)
_MOMENTS = [
    *("drafted_at", "approved_at", "sent_at", "acknowledged_at", "acted_at", "closed_at"),
]


def of_round(alerts: pd.DataFrame, evidence: Evidence, limits: Limits) -> pd.DataFrame:
    """Alerts drafted for the window: from as long before it as an alert counts, to its end."""
    about = evidence.about
    start = pd.Timestamp(about.window_start) - pd.Timedelta(limits.ahead_days, "D")
    day = days_of(alerts["drafted_at"])
    inside = day.between(start, pd.Timestamp(about.window_end))
    here = alerts["unit_id"].isin(evidence.units["unit_id"])
    return alerts.loc[inside & here].reset_index(drop=True)


def leads(rows: pd.DataFrame, incidents: pd.DataFrame, days: int) -> pd.DataFrame:
    """Each incident that a sent alert came before, with the days between.

    An alert comes before an incident in one of its units that fell 1 to `days` days after it was
    sent, and not after it was closed. An incident has no hour: one of the same day does not count.

    Args:
        rows: keeps `ALERTS`.
        incidents: `unit_id` and `event_date`, with an index of their own.
        days: how far an alert reaches.

    Returns:
        `incident` (its index), `alert_id`, `level`, `lead_days`.
    """
    sent = rows.loc[rows["sent_at"].notna()]
    sent = sent.assign(sent_day=days_of(sent["sent_at"]), closed_day=days_of(sent["closed_at"]))
    pairs = sent.merge(
        incidents[["unit_id", "event_date"]].rename_axis("incident").reset_index(), on="unit_id"
    )
    gap = (pairs["event_date"] - pairs["sent_day"]).dt.days
    still = pairs["closed_day"].isna() | (pairs["closed_day"] >= pairs["event_date"])
    out = pairs.assign(lead_days=gap).loc[gap.between(1, days) & still]
    return out[["incident", "alert_id", "level", "lead_days"]].reset_index(drop=True)


def level_figures(alerts: pd.DataFrame, lead: pd.DataFrame, last: pd.Timestamp) -> dict[str, Any]:
    """Alerts of one level, or of all.

    Args:
        alerts: one row per alert.
        lead: as of `leads`, of the same alerts.
        last: day until which an alert must have been sent for what followed to be known.

    Returns:
        How many were `drafted`, `approved`, `sent`, `acknowledged`, `acted`, `closed`; `over`:
        sent ones of which it is known what followed; `followed`: those of them with an incident
        after them; `lead_days`: from each to the first of these; the steps of `STEPS`, in hours.
    """
    first = lead.groupby("alert_id")["lead_days"].min()
    over = alerts.loc[days_of(alerts["sent_at"]) <= last]
    return {
        **{m.removesuffix("_at"): int(alerts[m].notna().sum()) for m in _MOMENTS},
        "over": len(over),
        "followed": int(over["alert_id"].isin(first.index).sum()),
        "lead_days": quantiles(first),
        **{f"{name}_hours": quantiles(hours(alerts[a], alerts[b])) for name, a, b in STEPS},
    }


def alerts_section(evidence: Evidence, as_of: date, limits: Limits) -> dict[str, Any]:
    """All of it.

    Returns:
        `status`: `none` where no alert for the window is kept, else `some`; then `days`, `all`
        and `levels` (level -> as `level_figures`, None where it had none), `by_reason`, and
        `incidents` of the target in the window with those `alerted` before.
    """
    if evidence.alerts is None or evidence.alerts.empty:
        return {"status": "none"}
    rows = of_round(evidence.alerts, evidence, limits)
    if rows.empty:
        return {"status": "none"}
    counted = evidence.incidents.loc[evidence.target.mask(evidence.incidents)]
    lead = leads(rows, counted.reset_index(drop=True), limits.ahead_days)
    happened = in_window(evidence)
    happened = happened.loc[happened["incidents"] == 1].reset_index(drop=True)
    alerted = leads(rows, happened, limits.ahead_days)["incident"].nunique()
    last = pd.Timestamp(as_of - timedelta(evidence.about.settle_days + limits.ahead_days))
    each = rows.drop_duplicates("alert_id").reset_index(drop=True)
    by_level = {
        str(level): level_figures(part, lead.loc[lead["level"] == str(level)], last)
        if len(part := each.loc[each["level"] == str(level)])
        else None
        for level in Level
    }
    reasons = each.groupby("reason").agg(
        alerts=("alert_id", "size"), sent=("sent_at", lambda s: int(s.notna().sum()))
    )
    return {
        "status": "some",
        "days": limits.ahead_days,
        "all": level_figures(each, lead, last),
        "levels": by_level,
        "by_reason": reasons.reset_index(),
        "incidents": len(happened),
        "alerted": int(alerted),
    }
