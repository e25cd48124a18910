"""What happened in the window, per unit and per region, and whether it is all in yet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd

from response.lessons_evidence import About, Evidence

CLASSES = ("incidents", "electoral")
"""What is counted: incidents of the bulletin's target, and those linked to an election of any
type but peaceful protest."""


def in_window(evidence: Evidence) -> pd.DataFrame:
    """Incidents in the window and the registry that count in any class.

    Returns:
        The rows, with `incidents` and `electoral` as 0 or 1.
    """
    rows, about = evidence.incidents, evidence.about
    days = rows["event_date"].between(
        pd.Timestamp(about.window_start), pd.Timestamp(about.window_end)
    )
    rows = rows.loc[days & rows["unit_id"].isin(evidence.units["unit_id"])]
    linked = rows["electoral"] & (rows["event_type"] != "protest")
    rows = rows.assign(
        incidents=evidence.target.mask(rows).astype(int), electoral=linked.astype(int)
    )
    return rows.loc[(rows["incidents"] + rows["electoral"]) > 0].reset_index(drop=True)


def per_unit(evidence: Evidence) -> pd.DataFrame:
    """What happened in each unit.

    Returns:
        Index `unit_id` in the order of the registry; `incidents`, `electoral`, `deaths` (in
        incidents of the target) and `first_day` of an incident of the target.
    """
    rows = in_window(evidence)
    counted = rows.loc[rows["incidents"] == 1]
    out = pd.DataFrame(index=pd.Index(evidence.units["unit_id"], name="unit_id"))
    for name in CLASSES:
        out[name] = rows.groupby("unit_id")[name].sum().reindex(out.index).fillna(0).astype(int)
    deaths = counted.groupby("unit_id")["fatalities"].sum()
    out["deaths"] = deaths.reindex(out.index).fillna(0).astype(int)
    out["first_day"] = counted.groupby("unit_id")["event_date"].min().reindex(out.index)
    return out


def settled(about: About, as_of: date) -> dict[str, Any]:
    """Whether the last reports of the window can be in.

    They can once the longest reporting lag has passed since its end, and the data reach as far.

    Returns:
        `is_settled`, `from_day` (when it is), `why`: `settled`, `window_open`, `reports_due` or
        `data_end_sooner`.
    """
    due = about.window_end + timedelta(days=about.settle_days)
    why = "settled"
    if as_of < about.window_end:
        why = "window_open"
    elif as_of < due:
        why = "reports_due"
    elif about.data_until is None or about.data_until < due:
        why = "data_end_sooner"
    return {"is_settled": why == "settled", "from_day": due.isoformat(), "why": why}


def totals(evidence: Evidence, happened: pd.DataFrame) -> dict[str, Any]:
    """The round in a few numbers, and how it compares with windows as long before it."""
    about = evidence.about
    length = (about.window_end - about.window_start).days + 1
    rows = evidence.incidents.loc[evidence.target.mask(evidence.incidents)]
    rows = rows.loc[rows["unit_id"].isin(evidence.units["unit_id"])]

    def count(days_back: int) -> int:
        start = pd.Timestamp(about.window_start - timedelta(days=days_back))
        end = pd.Timestamp(about.window_end - timedelta(days=days_back))
        return int(rows["event_date"].between(start, end).sum())

    scored = evidence.scores["expected_incidents"]
    return {
        **{name: int(happened[name].sum()) for name in CLASSES},
        "deaths": int(happened["deaths"].sum()),
        "units": len(happened),
        **{f"units_with_{name}": int((happened[name] > 0).sum()) for name in CLASSES},
        "expected_incidents": float(scored.sum()) if scored.notna().any() else None,
        "window_days": length,
        "incidents_window_before": count(length),
        "incidents_year_before": count(364),
    }


def by_region(evidence: Evidence, happened: pd.DataFrame) -> pd.DataFrame:
    """What happened and what was expected in each region, the hardest hit first.

    Returns:
        `region_id`, `region`, `units`, `units_with_incidents`, the classes and their shares of
        the round (`incidents_share`, ...), `deaths`, `expected_incidents`, `no_score` (units).
    """
    rows = evidence.units.join(happened, on="unit_id").merge(
        evidence.scores[["unit_id", "expected_incidents", "probability"]], on="unit_id", how="left"
    )
    rows["hit"] = rows["incidents"] > 0
    rows["silent"] = rows["probability"].isna()
    grouped = rows.groupby("region_id")
    out = grouped.agg(
        region=("region_name", "first"),
        units=("unit_id", "size"),
        units_with_incidents=("hit", "sum"),
        incidents=("incidents", "sum"),
        electoral=("electoral", "sum"),
        deaths=("deaths", "sum"),
        expected_incidents=("expected_incidents", "sum"),
        no_score=("silent", "sum"),
    ).reset_index()
    for name in CLASSES:
        total = out[name].sum()
        out[f"{name}_share"] = out[name] / total if total else float("nan")
    return out.sort_values(
        ["incidents", "electoral", "region_id"], ascending=[False, False, True], ignore_index=True
    )
