"""Reports that bear each other out: the rule by which Vigie suggests, and a person decides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

from response.vocabulary import ReportKind, Verification

WITHIN_HOURS = 24.0
WITHIN_KM = 15.0
"""How near in time and place: conventions of Vigie. 15 km is about a commune of Mali across."""

_EARTH_KM = 6371.0


class Told(NamedTuple):
    """A report as it stands, and the centre of its unit in degrees, where that is known."""

    report_id: str
    unit_id: str
    kind: str
    sign: str | None
    verification: str
    reporter: str | None
    seen_at: datetime
    lon: float | None
    lat: float | None


def suggest_corroborated(
    reports: Iterable[Told], within_hours: float = WITHIN_HOURS, within_km: float = WITHIN_KM
) -> dict[str, list[str]]:
    """Unverified reports that an independent one bears out.

    Two reports bear each other out when two reporters tell of the same sign within
    `within_hours`, in the same unit or in units whose centres are within `within_km`, and
    neither is refuted. A defused tension bears out the sign that it was about. Who is not
    known to be somebody else is not independent; "nothing seen" is borne out by nothing.

    Args:
        reports: one for each report, none taken back.
        within_hours: hours between the moments seen.
        within_km: kilometres between centres.

    Returns:
        report_id -> the sorted ids of the reports that bear it out, where there are some.
    """
    told = sorted(
        (
            r
            for r in reports
            if r.kind != ReportKind.NOTHING_SEEN
            and r.verification != Verification.REFUTED
            and r.reporter is not None
        ),
        key=lambda r: (r.seen_at, r.report_id),
    )
    found: dict[str, set[str]] = defaultdict(set)
    first = 0
    for at, later in enumerate(told):
        while later.seen_at - told[first].seen_at > timedelta(hours=within_hours):
            first += 1
        for earlier in told[first:at]:
            same = earlier.sign == later.sign and earlier.reporter != later.reporter
            if same and _is_near(earlier, later, within_km):
                found[earlier.report_id].add(later.report_id)
                found[later.report_id].add(earlier.report_id)
    open_ones = {r.report_id for r in told if r.verification == Verification.UNVERIFIED}
    return {report_id: sorted(by) for report_id, by in found.items() if report_id in open_ones}


def _is_near(a: Told, b: Told, within_km: float) -> bool:
    if a.unit_id == b.unit_id:
        return True
    if a.lon is None or a.lat is None or b.lon is None or b.lat is None:
        return False
    # Haversine: exact enough on a sphere at distances of a few kilometres.
    across = sin(radians(b.lon - a.lon) / 2) ** 2 * cos(radians(a.lat)) * cos(radians(b.lat))
    half = sin(radians(b.lat - a.lat) / 2) ** 2 + across
    return 2 * _EARTH_KM * asin(sqrt(half)) <= within_km
