"""What to change before the next round: declared rules, each on one figure of the report.

A rule says `change` where its figure is past its limit, `fine` where it is not, and `no_data`
where there is no figure. None says why something happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from features.vocabulary import Band
from models.monitoring import ratio
from response.bands import THRESHOLDS
from response.lessons_evidence import Limits
from response.lessons_forecast import FORECAST
from response.lessons_reports import share_of
from response.vocabulary import Level, ReportKind

NAMES = 12
"""Most places that a sentence names."""
_ENOUGH_REPORTS = 10


@dataclass(frozen=True)
class Finding:
    """What a rule came to.

    Attributes:
        rule: its name, a key of `response.lessons_words.RULES`.
        level: who would have to change something.
        figure: what it looked at; missing without data.
        limit: where it starts to ask for a change.
        above: whether it asks above the limit, else below.
        values: what its sentence tells; names that end in `_share` are shares of 1.
    """

    rule: str
    level: Level
    figure: float
    limit: float
    above: bool = True
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`change`, `fine` or `no_data`."""
        if np.isnan(self.figure):
            return "no_data"
        past = self.figure >= self.limit if self.above else self.figure < self.limit
        return "change" if past else "fine"


@dataclass(frozen=True)
class Sections:
    """The sections of the report, as the functions of `response.lessons_*` return them."""

    totals: dict[str, Any]
    regions: pd.DataFrame
    units: pd.DataFrame
    forecast: dict[str, Any]
    deployment: dict[str, Any]
    reports: dict[str, Any]
    alerts: dict[str, Any]


Rule = Callable[[Sections, Limits], Iterator[Finding]]
NAN = float("nan")


def findings(sections: Sections, limits: Limits) -> list[Finding]:
    """Every rule on the figures: those that ask for a change first, by level."""
    found = [f for rule in RULES for f in rule(sections, limits)]
    states, levels = ["change", "fine", "no_data"], list(Level)
    return sorted(found, key=lambda f: (states.index(f.state), levels.index(f.level)))


def uncovered_regions(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Regions where nobody stood and much fell, of either class; one finding for each."""
    known = s.deployment["status"] != "none"
    enough = s.totals["incidents"] >= limits.least_incidents
    rows = s.regions.loc[s.regions["posted"] == "no"] if known else s.regions.iloc[:0]
    share = rows[["incidents_share", "electoral_share"]].max(axis=1)
    over = rows.loc[share >= limits.region_share] if enough else rows.iloc[:0]
    if over.empty:
        figure = float(share.max()) if len(share) else 0.0
        figure = figure if known and enough else NAN
        yield Finding("uncovered_region", Level.NATIONAL, figure, limits.region_share)
    for row in over.to_dict("records"):
        yield Finding(
            "uncovered_region",
            Level.NATIONAL,
            float(share[over.index[over["region_id"] == row["region_id"]][0]]),
            limits.region_share,
            values={
                "region": row["region"],
                "incidents": int(row["incidents"]),
                "incidents_total": s.totals["incidents"],
                "electoral": int(row["electoral"]),
                "electoral_total": s.totals["electoral"],
                "units": int(row["units_with_incidents"]),
            },
        )


def uncovered_spots(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Units with several incidents where nobody stood."""
    if s.deployment["status"] == "none":
        yield Finding("uncovered_spots", Level.LOCAL, NAN, 1)
        return
    spots = s.deployment["hot_spots"]
    spots = spots.loc[(spots["posted"] == "no") & (spots["incidents"] >= limits.hot_spot)]
    values = {"hot_spot": limits.hot_spot, "number": len(spots), "places": places(spots)}
    yield Finding("uncovered_spots", Level.LOCAL, float(len(spots)), 1, values=values)


def unknown_posts(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Coverage that can only be bounded, or not even that."""
    status = s.deployment["status"]
    values: dict[str, Any] = {"mediators": s.deployment.get("mediators", 0)}
    width = 0.0
    if status == "none":
        yield Finding("no_deployment", Level.NATIONAL, 0.0, 1, above=False)
        return
    if status == "regions":
        row = _plan(s, "sent")
        width = row["high"] - row["low"]
        values |= {"low_share": row["low"], "high_share": row["high"]}
    yield Finding("unknown_posts", Level.NATIONAL, width, limits.plan_gain, values=values)


def better_plan(s: Sections, limits: Limits) -> Iterator[Finding]:
    """A plan by the bulletin that covers more than even the best case of what was done."""
    figure, values = NAN, {}
    if s.deployment["status"] != "none" and s.totals["incidents"] >= limits.least_incidents:
        names = ("sent", "bulletin", "baseline", "hindsight")
        sent, plan, usual, best = (_plan(s, name) for name in names)
        if plan:
            figure = plan["value"] - sent["high"]
            values = {
                "mediators": s.deployment["mediators"],
                "sent_share": sent["high"],
                "plan_share": plan["value"],
                "baseline_share": usual.get("value", NAN),
                "best_share": best["value"],
            }
    yield Finding("better_plan", Level.NATIONAL, figure, limits.plan_gain, values=values)


def missed(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Units with an incident and no warning."""
    rows = s.units.loc[s.units["outcome"] == "miss"]
    counts = s.forecast["counts"]
    hit = counts.get("hit", 0)
    bands = [str(b) for _, b in THRESHOLDS]
    lower = bands[min(bands.index(str(limits.warned_from)) + 1, len(bands) - 1)]
    values = {
        "missed": len(rows),
        "hit_units": hit + len(rows),
        "band": Band(limits.warned_from),
        "lower_band": Band(lower),
        "in_lower": int((rows["band"] == lower).sum()),
        "places": places(rows),
    }
    figure = share_of(len(rows), hit + len(rows))
    yield Finding("missed", Level.LOCAL, figure, limits.missed_share, values=values)


def false_alarms(s: Sections, limits: Limits) -> Iterator[Finding]:
    """More warned units without an incident than the probabilities themselves announced."""
    figure, values = NAN, {}
    if s.forecast["status"] != "none":
        counts = s.forecast["counts"]
        false, warned = counts.get("false_alarm", 0), counts.get("hit", 0)
        expected = s.forecast["false_expected"]
        figure = share_of(false - expected, warned + false)
        values = {"false": false, "warned": warned + false, "expected": expected}
    yield Finding("false_alarms", Level.LOCAL, figure, limits.false_share, values=values)


def calibration(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Units with an incident against those expected, and the calibration error."""
    if s.forecast["status"] == "none":
        yield Finding("outcome_ratio", Level.NATIONAL, NAN, limits.outcome_ratio)
        yield Finding("calibration_error", Level.NATIONAL, NAN, limits.calibration_error)
        return
    expected, observed = s.forecast["expected_units"], s.forecast["observed_units"]
    yield Finding(
        "outcome_ratio",
        Level.NATIONAL,
        ratio(observed, expected),
        limits.outcome_ratio,
        values={"expected": expected, "observed": observed},
    )
    error = float(_score(s, "calibration_error").iloc[0])
    yield Finding("calibration_error", Level.NATIONAL, error, limits.calibration_error)


def below_baseline(s: Sections, limits: Limits) -> Iterator[Finding]:
    """A Brier score above that of the best baseline at hand."""
    figure, values = NAN, {}
    if s.forecast["status"] != "none":
        brier = _score(s, "brier")
        others = brier.drop(FORECAST)
        if len(others) and others.min() > 0:
            # A hair above counts: the law is never to be worse.
            figure = float(brier[FORECAST] / others.min()) - limits.brier_ratio
            values = {
                "brier_loss": float(brier[FORECAST]),
                "baseline_loss": float(others.min()),
                "baseline_name": str(others.idxmin()),
            }
    yield Finding("below_baseline", Level.NATIONAL, figure, 1e-9, values=values)


def no_score(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Incidents in units of which the bulletin said nothing."""
    rows = s.units.loc[s.units["outcome"] == "unscored_incident"]
    total = s.totals["incidents"]
    figure = share_of(int(rows["incidents"].sum()), total)
    values = {
        "incidents": int(rows["incidents"].sum()),
        "incidents_total": total,
        "places": places(rows),
    }
    yield Finding("no_score", Level.LOCAL, figure, limits.no_score_share, values=values)


def reports(s: Sections, limits: Limits) -> Iterator[Finding]:
    """How many field reports, how soon, how far checked, from where, and of what use."""
    r = s.reports
    count = r.get("reports", 0)
    yield Finding("no_reports", Level.LOCAL, float(count), 1, above=False)
    some = r["status"] == "some"
    delay = r["timeliness"]["seen_to_known_hours"] if some else {"median": None, "p90": None}
    hours = NAN if delay["median"] is None else delay["median"]
    yield Finding(
        "report_delay",
        Level.LOCAL,
        hours,
        limits.report_hours,
        values={"median": hours, "p90": NAN if delay["p90"] is None else delay["p90"]},
    )
    checked = share_of(r["checked"], count) if some else NAN
    values = {"checked": r.get("checked", 0), "reports": count}
    yield Finding("report_checked", Level.NATIONAL, checked, limits.verified_share, False, values)
    quiet = r["silence"] if some else {"posted": None, "silent": None, "unit_ids": []}
    names = s.units.loc[s.units["unit_id"].isin(quiet["unit_ids"])]
    values = {"silent": quiet["silent"], "posted": quiet["posted"], "places": places(names)}
    silent = share_of(quiet["silent"], quiet["posted"])
    yield Finding("silent_posts", Level.LOCAL, silent, limits.silent_share, values=values)
    seen = r["foreseen"] if some else {"unsigned": None, "watched": None, "signed": None}
    unseen = share_of(seen["unsigned"], seen["watched"])
    values = {**seen, "days": limits.ahead_days}
    yield Finding("unseen", Level.LOCAL, unseen, limits.unseen_share, values=values)


def empty_signs(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Signs after which incidents were no more frequent than after nothing seen."""
    figure, values = NAN, {}
    if s.reports["status"] == "some":
        table = s.reports["signs"].set_index("sign")
        table = table.loc[table["reports"] >= _ENOUGH_REPORTS]
        nothing = str(ReportKind.NOTHING_SEEN)
        if nothing in table.index and len(table) > 1:
            usual = float(table.loc[nothing, "share"])
            rest = table.drop(nothing)
            empty = rest.loc[rest["share"] <= usual]
            figure = float(len(empty))
            values = {"signs": tuple(empty.index), "nothing_share": usual}
            values["days"] = limits.ahead_days
    yield Finding("empty_signs", Level.NATIONAL, figure, 1, values=values)


def alerts(s: Sections, limits: Limits) -> Iterator[Finding]:
    """How many alerts, how soon signed, acknowledged and acted on, and what they came before."""
    a = s.alerts
    every = a.get("all") or {}
    yield Finding("no_alerts", Level.NATIONAL, float(every.get("drafted", 0)), 1, above=False)
    yield _timed("approve_hours", Level.NATIONAL, every, "draft_to_approved", limits.approve_hours)
    for level in Level:
        one = (a.get("levels") or {}).get(str(level)) or {}
        yield _timed(
            "acknowledge_hours", level, one, "sent_to_acknowledged", limits.acknowledge_hours
        )
        yield _timed("act_hours", level, one, "sent_to_acted", limits.act_hours)
        values = {"acted": one.get("acted"), "sent": one.get("sent")}
        acted = share_of(one.get("acted"), one.get("sent"))
        yield Finding("acted", level, acted, limits.acted_share, False, values)
    incidents = a.get("incidents")
    late = None if incidents is None else incidents - a["alerted"]
    enough = incidents is not None and incidents >= limits.least_incidents
    figure = share_of(late, incidents) if enough else NAN
    values = {"late": late, "incidents": incidents, "days": limits.ahead_days}
    yield Finding("unalerted", Level.NATIONAL, figure, limits.unalerted_share, values=values)


def rise(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Many more incidents than in as many days before, and no word to the regional level."""
    regional = (s.alerts.get("levels") or {}).get(str(Level.REGIONAL)) or {}
    now, before = s.totals["incidents"], s.totals["incidents_window_before"]
    values = {"incidents": now, "before": before, "days": s.totals["window_days"]}
    figure = 0.0 if regional.get("sent") else share_of(now, before)
    if now < limits.least_incidents:
        figure = 0.0
    yield Finding("rise", Level.REGIONAL, figure, limits.rise_ratio, values=values)


def no_regional_alert(s: Sections, limits: Limits) -> Iterator[Finding]:
    """Deaths in the round, and no alert kept that went to the regional level."""
    regional = (s.alerts.get("levels") or {}).get(str(Level.REGIONAL)) or {}
    values = {k: s.totals[k] for k in ("incidents", "deaths", "units_with_incidents")}
    figure = NAN if s.totals["incidents"] < limits.least_incidents else regional.get("sent", 0)
    yield Finding("no_regional_alert", Level.REGIONAL, float(figure), 1, False, values)


RULES: tuple[Rule, ...] = (
    *(uncovered_regions, uncovered_spots, unknown_posts, better_plan),
    *(missed, false_alarms, calibration, below_baseline, no_score),
    *(reports, empty_signs, alerts, rise, no_regional_alert),
)


def places(rows: pd.DataFrame) -> tuple[str, ...]:
    """Names of units with their parent areas, in the order of the rows."""
    return tuple(f"{n} ({p})" for n, p in zip(rows["name"], rows["parent_name"], strict=True))


def _plan(s: Sections, name: str) -> dict[str, float]:
    table = s.deployment["plans"]
    rows = table.loc[(table["counted"] == "incidents") & (table["plan"] == name)]
    return {} if rows.empty else {k: float(rows[k].iloc[0]) for k in ("low", "value", "high")}


def _score(s: Sections, figure: str) -> pd.Series[float]:
    table: pd.DataFrame = s.forecast["scores"]
    return table.set_index("model")[figure]


def _timed(rule: str, level: Level, of: dict[str, Any], step: str, limit: float) -> Finding:
    found = of.get(f"{step}_hours") or {"n": 0, "median": None, "p90": None}
    median = NAN if found["median"] is None else found["median"]
    p90 = NAN if found["p90"] is None else found["p90"]
    return Finding(
        rule, level, median, limit, values={"median": median, "p90": p90, "n": found["n"]}
    )
