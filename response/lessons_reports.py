"""What the field reports of a round come to: how many, how soon, how far checked, what followed.

That an incident follows a sign does not say that the sign caused it, nor that it had to come.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from response.contracts import current
from response.lessons_coverage import posted
from response.lessons_evidence import Evidence, Limits, days_of, end_of
from response.lessons_forecast import share_interval
from response.lessons_outcomes import in_window
from response.vocabulary import ReportKind, Verification

CHECKED = tuple(str(v) for v in Verification if v is not Verification.UNVERIFIED)


def of_window(history: pd.DataFrame, evidence: Evidence, as_of: date) -> pd.DataFrame:
    """The reports of what was seen in the window, each in its newest version by then."""
    rows = current(history, end_of(as_of))
    seen = days_of(rows["seen_at"])
    about = evidence.about
    inside = seen.between(pd.Timestamp(about.window_start), pd.Timestamp(about.window_end))
    here = rows["unit_id"].isin(evidence.units["unit_id"])
    return rows.assign(seen_day=seen).loc[inside & here].reset_index(drop=True)


def hours(start: pd.Series[pd.Timestamp], end: pd.Series[pd.Timestamp]) -> pd.Series[float]:
    """Hours from one moment to another; missing where either is."""
    out: pd.Series[float] = (end - start).dt.total_seconds() / 3600
    return out


def quantiles(values: pd.Series[float]) -> dict[str, Any]:
    """`n`, `median` and `p90` of what is not missing; None without any."""
    known = values.dropna()
    if known.empty:
        return {"n": 0, "median": None, "p90": None}
    return {
        "n": len(known),
        "median": float(known.median()),
        "p90": float(known.quantile(0.9)),
    }


def volume(rows: pd.DataFrame, evidence: Evidence) -> dict[str, pd.DataFrame]:
    """Reports by kind, by how they came in, by verification, by region and by day."""
    regions = evidence.units.set_index("unit_id")["region_name"]
    rows = rows.assign(region=rows["unit_id"].map(regions), day=rows["seen_day"].dt.date)
    return {
        name: rows.groupby(column).size().rename("reports").reset_index()
        for name, column in (
            ("by_kind", "kind"),
            ("by_intake", "intake"),
            ("by_verification", "verification"),
            ("by_region", "region"),
            ("by_day", "day"),
        )
    }


def timeliness(rows: pd.DataFrame, history: pd.DataFrame) -> dict[str, Any]:
    """Hours from seeing to sending, and to the moment when Vigie first knew.

    Args:
        rows: as of `of_window`.
        history: keeps `REPORTS`; a report was first known by its first version.
    """
    first = history.sort_values("version").drop_duplicates("report_id").set_index("report_id")
    known_at = rows["report_id"].map(first["known_at"])
    return {
        "seen_to_sent_hours": quantiles(hours(rows["seen_at"], rows["sent_at"])),
        "seen_to_known_hours": quantiles(hours(rows["seen_at"], known_at)),
    }


def followed(rows: pd.DataFrame, incidents: pd.DataFrame, days: int) -> pd.Series[bool]:
    """Whether an incident fell in the same unit 1 to `days` days after a report's day.

    An incident has no hour, so one of the same day counts neither as before nor as after.

    Args:
        rows: reports, with `unit_id` and `seen_day`.
        incidents: with `unit_id` and `event_date`, of as many days after the window too.
        days: how far ahead to look.
    """
    pairs = rows.reset_index()[["index", "unit_id", "seen_day"]].merge(
        incidents[["unit_id", "event_date"]], on="unit_id"
    )
    gap = (pairs["event_date"] - pairs["seen_day"]).dt.days
    hits = set(pairs.loc[gap.between(1, days), "index"])
    return pd.Series(rows.index.isin(list(hits)), index=rows.index, dtype=bool)


def signs(rows: pd.DataFrame, evidence: Evidence, as_of: date, days: int) -> pd.DataFrame:
    """Per sign, how many reports had an incident of the target after them in the same unit.

    Only reports whose days after them are over and reported count; refuted ones do not. The
    last row is of reports of nothing seen: what followed when there was no sign.

    Returns:
        `sign`, `reports`, `followed`, `share`, `low`, `high`, `open` (not over yet); the most
        often followed first.
    """
    last = pd.Timestamp(as_of - timedelta(days=evidence.about.settle_days + days))
    happened = evidence.incidents.loc[evidence.target.mask(evidence.incidents)]
    rows = rows.loc[rows["verification"] != str(Verification.REFUTED)]
    nothing = rows["kind"] == str(ReportKind.NOTHING_SEEN)
    kept = rows.loc[nothing | (rows["kind"] == str(ReportKind.WARNING_SIGN))]
    kept = kept.assign(
        what=kept["sign"].where(~nothing, str(ReportKind.NOTHING_SEEN)),
        over=kept["seen_day"] <= last,
        followed=followed(kept, happened, days),
    )
    out = []
    for sign, part in kept.groupby("what", sort=True):
        over = part.loc[part["over"]]
        n, hits = len(over), int(over["followed"].sum())
        low, high = share_interval(hits, n) if n else (float("nan"), float("nan"))
        share = hits / n if n else float("nan")
        out.append((str(sign), n, hits, share, low, high, len(part) - n))
    table = pd.DataFrame(
        out, columns=["sign", "reports", "followed", "share", "low", "high", "open"]
    )
    table["last"] = table["sign"] == str(ReportKind.NOTHING_SEEN)
    table = table.sort_values(
        ["last", "share", "sign"], ascending=[True, False, True], ignore_index=True
    )
    return table.drop(columns="last")


def foreseen(rows: pd.DataFrame, evidence: Evidence, days: int) -> dict[str, Any]:
    """Of the incidents of the target in the window, how many had a sign before them.

    Returns:
        `incidents`; `signed`: with a sign, not refuted, from the unit in the days before;
        `watched`: with any report from the unit in these days; `unsigned`: watched, and no sign;
        `unwatched`: no report at all.
    """
    happened = in_window(evidence)
    happened = happened.loc[happened["incidents"] == 1, ["unit_id", "event_date"]].reset_index()
    rows = rows.loc[rows["verification"] != str(Verification.REFUTED)]
    pairs = happened.merge(rows[["unit_id", "seen_day", "kind"]], on="unit_id")
    gap = (pairs["event_date"] - pairs["seen_day"]).dt.days
    near = pairs.loc[gap.between(1, days)]
    watched = near["index"].nunique()
    signed = near.loc[near["kind"] == str(ReportKind.WARNING_SIGN), "index"].nunique()
    return {
        "incidents": len(happened),
        "signed": signed,
        "watched": watched,
        "unsigned": watched - signed,
        "unwatched": len(happened) - watched,
    }


def silence(rows: pd.DataFrame, evidence: Evidence) -> dict[str, Any]:
    """Units where mediators stood and from which nothing came.

    Returns:
        `posted`, `silent` (None where units are not known) and `unit_ids` of the silent.
    """
    stood = posted(evidence)
    if evidence.sent is None or evidence.sent.posts is None:
        return {"posted": None, "silent": None, "unit_ids": []}
    ids = sorted(stood.index[stood > 0])
    quiet = sorted(set(ids) - set(rows["unit_id"]))
    return {"posted": len(ids), "silent": len(quiet), "unit_ids": quiet}


def reports_section(evidence: Evidence, as_of: date, limits: Limits) -> dict[str, Any]:
    """All of it.

    Returns:
        `status`: `none` where no report of the window is kept, else `some`; then `reports`,
        `reporters`, `units`, `edited`, `withdrawn`, `checked`, the tables of `volume`,
        `timeliness`, `signs`, `foreseen`, `silence` and `days`.
    """
    if evidence.reports is None or evidence.reports.empty:
        return {"status": "none"}
    history = evidence.reports
    rows = of_window(history, evidence, as_of)
    if rows.empty:
        return {"status": "none"}
    ours = history.loc[history["report_id"].isin(rows["report_id"])]
    newest = history.sort_values("version").drop_duplicates("report_id", keep="last")
    return {
        "status": "some",
        "days": limits.ahead_days,
        "reports": len(rows),
        "reporters": int(rows["reporter"].nunique()),
        "units": int(rows["unit_id"].nunique()),
        "edited": int((ours.groupby("report_id").size() > 1).sum()),
        "withdrawn": int(newest["withdrawn"].sum()),
        "checked": int(rows["verification"].isin(CHECKED).sum()),
        **volume(rows, evidence),
        "timeliness": timeliness(rows, history),
        "signs": signs(rows, evidence, as_of, limits.ahead_days),
        "foreseen": foreseen(rows, evidence, limits.ahead_days),
        "silence": silence(rows, evidence),
    }


def share_of(part: float | None, whole: float | None) -> float:
    """A share; missing where either is, or there is nothing to share."""
    if part is None or not whole:
        return float("nan")
    return float(np.float64(part) / whole)
