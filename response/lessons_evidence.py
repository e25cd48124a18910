"""What a round left behind, as tables, and what of it was known on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pandas as pd

from features.errors import ContractError
from features.horizon import TargetClass
from features.vocabulary import Band, Language
from response.contracts import require


@dataclass(frozen=True)
class Limits:
    """Where a figure starts to ask for a change; a convention of Vigie, shown in the report.

    Attributes:
        warned_from: lowest band that counts as a warning.
        team: mediators who go together, in the plans compared and where only regions are known.
        most: mediators who can have stood in one unit, where only regions are known.
        least_incidents: with fewer in the round, nothing is derived from where they fell.
        region_share: share of incidents in a region where nobody stood.
        hot_spot: incidents in a unit where nobody stood.
        plan_gain: share of incidents that another plan would have covered besides.
        missed_share: share of incident units below a warning.
        false_share: share of warned units where nothing happened, beyond what was forecast.
        outcome_ratio: units with an incident to those expected, either way.
        brier_ratio: Brier score to that of the best baseline.
        calibration_error: of the bulletin.
        no_score_share: share of incidents in units without a score.
        report_hours: hours from seeing to knowing, median.
        verified_share: share of reports that were checked: corroborated, confirmed or refuted.
        silent_share: share of units with mediators from which nothing came.
        unseen_share: share of incidents before which no sign was reported, where somebody stood.
        ahead_days: days before an incident in which a sign or an alert counts as before it.
        approve_hours, acknowledge_hours, act_hours: hours, median.
        acted_share: share of sent alerts to which somebody said what was done.
        unalerted_share: share of incidents without an alert before.
        rise_ratio: incidents in the window to those in one as long before it.
    """

    warned_from: Band = Band.HIGH
    team: int = 2
    most: int = 8
    least_incidents: int = 5
    region_share: float = 0.10
    hot_spot: int = 3
    plan_gain: float = 0.10
    missed_share: float = 0.5
    false_share: float = 0.10
    outcome_ratio: float = 1.5
    brier_ratio: float = 1.0
    calibration_error: float = 0.03
    no_score_share: float = 0.05
    report_hours: float = 24.0
    verified_share: float = 0.5
    silent_share: float = 0.2
    unseen_share: float = 0.5
    ahead_days: int = 7
    approve_hours: float = 12.0
    acknowledge_hours: float = 12.0
    act_hours: float = 48.0
    acted_share: float = 0.5
    unalerted_share: float = 0.5
    rise_ratio: float = 1.5


@dataclass(frozen=True)
class Sent:
    """The mediators of a round, as far as is known.

    Attributes:
        mediators: how many there were in all.
        regions: ids of the regions that they went to.
        posts: keeps `POSTS`; None where only the regions were told.
        source: language -> who told it.
    """

    mediators: int
    regions: tuple[str, ...]
    posts: pd.DataFrame | None
    source: Mapping[Language, str]

    @classmethod
    def of_posts(
        cls, posts: pd.DataFrame, units: pd.DataFrame, source: Mapping[Language, str]
    ) -> Sent:
        """Of an approved deployment, unit by unit.

        Raises:
            ContractError: a post is in a unit that the registry does not have.
        """
        require(posts, "posts")
        stood = posts.loc[posts["mediators"] > 0]
        regions = units.set_index("unit_id")["region_id"]
        unknown = sorted(set(stood["unit_id"]) - set(regions.index))
        if unknown:
            raise ContractError(
                f"posts: expected units of the bulletin's registry, got {', '.join(unknown[:5])}"
            )
        named = tuple(sorted(set(regions[stood["unit_id"]])))
        return cls(int(stood["mediators"].sum()), named, stood.reset_index(drop=True), source)


@dataclass(frozen=True)
class About:
    """Which round and bulletin are held against what happened.

    Attributes:
        settle_days: longest reporting lag of the sources.
        data_until: last day of an incident in the data; None without any.
    """

    election_id: str
    country: str
    polling_day: date
    bulletin_id: str
    bulletin_as_of: date
    window_start: date
    window_end: date
    model_kind: str
    baseline_name: str
    base_rate: float
    vintage: Mapping[Language, str]
    synthetic: bool
    settle_days: int
    data_until: date | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that lessons are drawn from.

    Attributes:
        about: round and bulletin.
        target: the incidents that count: those that the bulletin forecast.
        units: `unit_id`, `name`, `parent_name`, `region_id`, `region_name`, one row per unit.
        scores: `unit_id`, `probability`, `expected_incidents`, `band`, `baseline_probability`,
            one row per unit; missing numbers abstain.
        incidents: keeps the contract `incidents`.
        baselines: name -> probability by unit, of baselines besides the bulletin's own.
        sent: None where nothing is known of a deployment.
        reports: keeps `REPORTS`; None where no history is kept.
        alerts: keeps `ALERTS`; None where none are kept.
    """

    about: About
    target: TargetClass
    units: pd.DataFrame
    scores: pd.DataFrame
    incidents: pd.DataFrame
    baselines: Mapping[str, pd.Series[float]] = field(default_factory=dict)
    sent: Sent | None = None
    reports: pd.DataFrame | None = None
    alerts: pd.DataFrame | None = None


def end_of(day: date) -> pd.Timestamp:
    """The last moment of a day, UTC."""
    return pd.Timestamp(day + timedelta(days=1), tz="UTC") - pd.Timedelta(1, "us")


def days_of(moments: pd.Series[pd.Timestamp]) -> pd.Series[pd.Timestamp]:
    """The days (UTC) of moments, as midnight timestamps without a zone."""
    out: pd.Series[pd.Timestamp] = moments.dt.tz_localize(None).dt.normalize()
    return out


def known_by(evidence: Evidence, as_of: date) -> Evidence:
    """The same as it was known at the end of a day: later rows and moments are gone.

    Raises:
        ContractError: reports or alerts break their contracts.
    """
    moment = end_of(as_of)
    incidents = evidence.incidents
    incidents = incidents.loc[incidents["known_on"] <= pd.Timestamp(as_of)].reset_index(drop=True)
    reports, alerts = evidence.reports, evidence.alerts
    if reports is not None:
        require(reports, "reports")
        reports = reports.loc[reports["known_at"] <= moment].reset_index(drop=True)
    if alerts is not None:
        require(alerts, "alerts")
        alerts = alerts.loc[alerts["drafted_at"] <= moment].reset_index(drop=True)
        moments = [c for c in alerts.columns if c.endswith("_at")]
        alerts = alerts.assign(**{c: alerts[c].where(alerts[c] <= moment) for c in moments})
    until = incidents["event_date"].max().date() if len(incidents) else None
    about = replace(evidence.about, data_until=until)
    return replace(evidence, about=about, incidents=incidents, reports=reports, alerts=alerts)
