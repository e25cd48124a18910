"""Lessons: what a round teaches, as one document of plain values."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.errors import ConfigError
from features.vocabulary import Language
from response.lessons_alerts import alerts_section
from response.lessons_coverage import coverage_section, region_posts
from response.lessons_evidence import Evidence, Limits, known_by
from response.lessons_forecast import forecast_section, named
from response.lessons_headlines import headlines
from response.lessons_outcomes import by_region, per_unit, settled, totals
from response.lessons_reports import reports_section
from response.lessons_rules import Sections, findings
from response.lessons_words import CAUTION, asks, says, typeset
from response.vocabulary import Level

SCHEMA = "vigie.lessons/1"
"""Name and version of the document; the version changes when a field changes its meaning."""
_DIGITS = 6


def learn(evidence: Evidence, as_of: date, limits: Limits | None = None) -> dict[str, Any]:
    """Hold forecast, deployment, reports and alerts of a round against what happened.

    What became known after `as_of` changes nothing, bit for bit.

    Args:
        evidence: what the round left behind.
        as_of: the day whose knowledge may be used.
        limits: where figures start to ask for a change.

    Returns:
        The document, of plain values; `docs/reference/lessons.md` says what is in it.

    Raises:
        ConfigError: the window has not begun on `as_of`.
        ContractError: a table breaks its contract.
    """
    limits = limits or Limits()
    about = evidence.about
    if as_of < about.window_start:
        raise ConfigError(
            f"lessons: expected an as_of of {about.window_start} or later, when the window of "
            f"{about.bulletin_id} begins, got {as_of}; ask after the round"
        )
    evidence = known_by(evidence, as_of)
    happened = per_unit(evidence)
    sections = _sections(evidence, happened, as_of, limits)
    document: dict[str, Any] = plain(
        {
            "schema": SCHEMA,
            "about": {**asdict(evidence.about), "as_of": as_of, "target": evidence.target.name},
            "target_says": {
                str(language): evidence.target.says_in(language) for language in Language
            },
            "settled": settled(evidence.about, as_of),
            "headlines": headlines(sections, limits),
            "totals": sections.totals,
            "regions": sections.regions,
            "forecast": sections.forecast,
            "units": _telling(sections.units),
            "deployment": sections.deployment,
            "reports": sections.reports,
            "alerts": sections.alerts,
            "levels": levels(sections),
            "findings": _findings(sections, limits),
            "limits": asdict(limits),
            "caution": {str(k): typeset(v, k) for k, v in CAUTION.items()},
        }
    )
    return document


def _sections(evidence: Evidence, happened: pd.DataFrame, as_of: date, limits: Limits) -> Sections:
    regions = region_posts(evidence, by_region(evidence, happened))
    units = named(evidence, happened, limits)
    return Sections(
        totals=totals(evidence, happened),
        regions=regions,
        units=units,
        forecast=forecast_section(evidence, happened, units, limits),
        deployment=coverage_section(evidence, happened, regions, units, limits),
        reports=reports_section(evidence, as_of, limits),
        alerts=alerts_section(evidence, as_of, limits),
    )


def _telling(units: pd.DataFrame) -> pd.DataFrame:
    """The units of which there is something to say: a warning, or an incident."""
    quiet = units["outcome"].isin(["quiet", "unscored_quiet"]) & (units["electoral"] == 0)
    return units.loc[~quiet]


def levels(s: Sections) -> dict[str, dict[str, Any]]:
    """The figures that each level answers for; None where there are none."""
    counts, known = s.forecast["counts"], s.deployment["status"] != "none"
    hit = s.regions.loc[s.regions["incidents"] > 0]
    spots = s.deployment.get("hot_spots")
    posted = None if spots is None else spots.loc[spots["incidents"] > 0, "posted"].value_counts()
    alerted = s.alerts.get("levels") or {}

    def stood(answer: str) -> int | None:
        return None if posted is None else int(posted.get(answer, 0))

    own: dict[Level, dict[str, Any]] = {
        Level.LOCAL: {
            "units": s.totals["units"],
            "units_with_incidents": s.totals["units_with_incidents"],
            "warned": counts.get("hit", 0),
            "not_warned": counts.get("miss", 0) + counts.get("unscored_incident", 0),
            "posted": stood("yes"),
            "not_posted": stood("no"),
            "posted_unknown": stood("unknown"),
            "field_reports": s.reports.get("reports", 0),
        },
        Level.NATIONAL: {
            "regions": len(s.regions),
            "regions_with_incidents": len(hit),
            "regions_not_posted": int((hit["posted"] == "no").sum()) if known else None,
            "incidents_not_posted": int(hit.loc[hit["posted"] == "no", "incidents"].sum())
            if known
            else None,
            "mediators": s.deployment.get("mediators"),
            "expected_incidents": s.totals["expected_incidents"],
            "incidents": s.totals["incidents"],
        },
        Level.REGIONAL: {
            name: s.totals[name]
            for name in (
                *("incidents", "electoral", "deaths"),
                *("incidents_window_before", "incidents_year_before"),
            )
        },
    }
    return {str(k): {"figures": v, "alerts": alerted.get(str(k))} for k, v in own.items()}


def _findings(sections: Sections, limits: Limits) -> list[dict[str, Any]]:
    return [
        {
            "rule": f.rule,
            "level": f.level,
            "state": f.state,
            "figure": f.figure,
            "limit": f.limit,
            "above": f.above,
            "values": f.values,
            "asks": {str(lang): asks(f.rule, lang) for lang in Language},
            "says": {str(lang): says(f, lang) for lang in Language},
        }
        for f in findings(sections, limits)
    ]


def plain(value: Any) -> Any:
    """A value as JSON knows it: tables as rows, days as text, six digits, None for missing."""
    if isinstance(value, pd.DataFrame):
        return [plain(row) for row in value.to_dict("records")]
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    if isinstance(value, float):
        return round(value, _DIGITS) + 0.0 if math.isfinite(value) else None
    return str(value) if isinstance(value, str) else value
