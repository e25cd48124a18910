"""Reports that bear each other out: the rule by which Vigie suggests, and a person decides."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.neighbors import BallTree

from response.contracts import require
from response.vocabulary import ReportKind, Verification

WITHIN_HOURS = 24.0
WITHIN_KM = 15.0
"""How near in time and place: conventions of Vigie. 15 km is about a commune of Mali across."""

_EARTH_KM = 6371.0


def suggest_corroborated(
    reports: pd.DataFrame,
    centres: pd.DataFrame,
    within_hours: float = WITHIN_HOURS,
    within_km: float = WITHIN_KM,
) -> pd.DataFrame:
    """Unverified reports that an independent one bears out.

    Two reports bear each other out when two reporters tell of the same sign within
    `within_hours`, in the same unit or in units whose centres are within `within_km`, and
    neither is refuted. A defused tension bears out the sign that it was about. Who is not
    known to be somebody else is not independent; "nothing seen" is borne out by nothing.

    Args:
        reports: keeps `REPORTS`, one row per report.
        centres: `unit_id`, `lon`, `lat` in degrees.
        within_hours: hours between the moments seen.
        within_km: kilometres between centres.

    Returns:
        `report_id` and `by`, the sorted ids of the reports that bear it out; one row for each
        unverified report that has some.
    """
    require(reports, "reports")
    told = reports.loc[
        (reports["kind"] != ReportKind.NOTHING_SEEN)
        & (reports["verification"] != Verification.REFUTED)
        & reports["reporter"].notna()
    ].merge(centres[["unit_id", "lon", "lat"]].drop_duplicates("unit_id"), on="unit_id", how="left")
    told = told.sort_values("report_id").reset_index(drop=True)
    rows = []
    for _, same in told.groupby("sign", sort=True):
        near = _near(same, within_hours, within_km)
        for report, others in zip(same.itertuples(), near, strict=True):
            if report.verification == Verification.UNVERIFIED and others:
                rows.append({"report_id": report.report_id, "by": others})
    found = pd.DataFrame(rows, columns=["report_id", "by"])
    return found.sort_values("report_id").reset_index(drop=True)


def _near(same: pd.DataFrame, within_hours: float, within_km: float) -> list[list[str]]:
    """For each report of a sign, the ids of the independent ones near it."""
    ids = same["report_id"].to_numpy()
    units, who = same["unit_id"].to_numpy(), same["reporter"].to_numpy()
    hours = same["seen_at"].astype("int64").to_numpy() / 3.6e9
    places = np.radians(same[["lat", "lon"]].fillna(0.0).to_numpy(float))
    placed = same["lat"].notna().to_numpy()
    tree = BallTree(places, metric="haversine")
    around = tree.query_radius(places, within_km / _EARTH_KM)
    found = []
    for at in range(len(ids)):
        close = np.union1d(
            around[at][placed[around[at]]] if placed[at] else [], np.flatnonzero(units == units[at])
        ).astype(int)
        borne = [
            str(ids[k])
            for k in close
            if who[k] != who[at] and abs(hours[k] - hours[at]) <= within_hours
        ]
        found.append(sorted(borne))
    return found
