"""What is known of a round, and where in it a rule is met: tables in, trips out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

import pandas as pd

from response import alert_words
from response.alert_words import Said, Scored, Seen
from response.contracts import current, require
from response.rules import (
    AreaKind,
    ClusterRule,
    IncidentRule,
    ProbabilityRule,
    RiseRule,
    Rule,
    SilenceRule,
)
from response.vocabulary import ReportKind


@dataclass(frozen=True)
class Situation:
    """What is known of a round.

    Attributes:
        election_id: the round.
        country: its code and its name.
        units: `unit_id`, `name`, `parent_id`, `parent_name`, `region_id`, `region_name`.
        scores: keeps `SCORE_HISTORY`.
        reports: keeps `REPORTS`.
        posts: keeps `POSTS`.
        posted_at: from when silence there counts; None while nobody is posted.
        past: keeps `PAST_ALERTS`.
    """

    election_id: str
    country: tuple[str, str]
    units: pd.DataFrame
    scores: pd.DataFrame
    reports: pd.DataFrame
    posts: pd.DataFrame
    posted_at: pd.Timestamp | None
    past: pd.DataFrame

    def known(self, as_of: pd.Timestamp) -> Situation:
        """The same without what became known later.

        Raises:
            ContractError: a table breaks its contract.
        """
        scores, reports = require(self.scores, "score_history"), require(self.reports, "reports")
        past = require(self.past, "past_alerts")
        posted = self.posted_at is not None and self.posted_at <= as_of
        return replace(
            self,
            scores=scores.loc[scores["known_at"] <= as_of],
            reports=reports.loc[reports["known_at"] <= as_of],
            posts=require(self.posts, "posts") if posted else self.posts.iloc[:0],
            posted_at=self.posted_at if posted else None,
            past=past.loc[past["drafted_at"] < as_of],
        )

    def areas(self, kind: AreaKind) -> pd.DataFrame:
        """`area_id` and `area_name` of every unit, by `unit_id`."""
        units = self.units.set_index("unit_id")
        if kind is AreaKind.COUNTRY:
            return units.assign(area_id=self.country[0], area_name=self.country[1])
        if kind is AreaKind.UNIT:
            return units.assign(area_id=units.index, area_name=units["name"])
        return units.assign(area_id=units[f"{kind}_id"], area_name=units[f"{kind}_name"])


class Trip(NamedTuple):
    """A rule met in an area."""

    area_id: str
    area_name: str
    unit_ids: tuple[str, ...]
    strength: float
    reason: Said
    evidence: dict[str, object]


def trips(rule: Rule, seen: Situation, as_of: pd.Timestamp) -> Iterator[Trip]:
    """Where a rule is met, by what was known at a moment."""
    held = _held_to(rule, seen)
    if isinstance(rule, ProbabilityRule):
        return _probable(rule, held)
    if isinstance(rule, RiseRule):
        return _risen(rule, held, as_of)
    if isinstance(rule, IncidentRule):
        return _incidents(rule, held, as_of)
    if isinstance(rule, ClusterRule):
        return _clusters(rule, held, as_of)
    return _silences(rule, held, as_of)


def _held_to(rule: Rule, seen: Situation) -> Situation:
    """The situation in the areas to which a rule is held, its rows with their area."""
    areas = seen.areas(rule.area)
    if rule.only:
        places = ("region_id", "parent_id")
        within = areas.index.isin(rule.only)
        for place in places:
            within |= areas[place].isin(rule.only).to_numpy()
        areas = areas.loc[within]
    columns = areas[["name", "area_id", "area_name"]]

    def placed(table: pd.DataFrame) -> pd.DataFrame:
        # An inner join on a column leaves the other side's index, here of the column's own name.
        return table.join(columns, on="unit_id", how="inner").reset_index(drop=True)

    return replace(
        seen,
        units=areas.reset_index(),
        scores=placed(seen.scores),
        reports=placed(seen.reports),
        posts=placed(seen.posts),
    )


def _by_area(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    for area_id, rows in table.groupby("area_id", sort=True):
        yield str(area_id), str(rows["area_name"].iloc[0]), rows


def _now(scores: pd.DataFrame) -> pd.DataFrame:
    """The newest score of each unit; none where it abstains."""
    ordered = scores.sort_values(["known_at", "source"], kind="stable")
    return ordered.drop_duplicates("unit_id", keep="last").dropna(subset="probability")


def _sources(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows["source"]))


def _probable(rule: ProbabilityRule, seen: Situation) -> Iterator[Trip]:
    over = _now(seen.scores)
    over = over.loc[over["probability"] >= rule.threshold]
    for area_id, name, rows in _by_area(over):
        ranked = rows.sort_values(["probability", "unit_id"], ascending=[False, True])
        scored = [
            Scored(n, float(p)) for n, p in zip(ranked["name"], ranked["probability"], strict=True)
        ]
        yield Trip(
            area_id,
            name,
            tuple(ranked["unit_id"]),
            scored[0].now,
            alert_words.probability(scored, rule.threshold),
            {"probability": scored[0].now, "sources": _sources(ranked)},
        )


def _risen(rule: RiseRule, seen: Situation, as_of: pd.Timestamp) -> Iterator[Trip]:
    start = as_of - timedelta(hours=rule.within_hours)
    stood = _now(seen.scores.loc[seen.scores["known_at"] <= start])
    since = seen.scores.loc[seen.scores["known_at"] > start].dropna(subset="probability")
    lowest = pd.concat([stood, since]).groupby("unit_id")["probability"].min()
    now = _now(seen.scores)
    now = now.assign(before=now["unit_id"].map(lowest).astype(float))
    now = now.assign(rise=now["probability"] - now["before"])
    # Sums of decimals miss by the last bit: 0.30 - 0.10 is a rise of 0.20.
    met = (now["rise"] >= rule.rise - 1e-9) & (now["probability"] >= rule.threshold)
    for area_id, name, rows in _by_area(now.loc[met]):
        ranked = rows.sort_values(["rise", "unit_id"], ascending=[False, True])
        columns = (ranked[c] for c in ("name", "probability", "before"))
        scored = [Scored(n, float(p), float(b)) for n, p, b in zip(*columns, strict=True)]
        yield Trip(
            area_id,
            name,
            tuple(ranked["unit_id"]),
            float(ranked["probability"].max()),
            alert_words.rise(scored, rule.within_hours),
            {"rise": float(ranked["rise"].iloc[0]), "sources": _sources(ranked)},
        )


def _heard(
    rule: IncidentRule | ClusterRule, seen: Situation, as_of: pd.Timestamp, kinds: Sequence[str]
) -> pd.DataFrame:
    """Reports that count now: by kind, severity, verification, and when it was seen."""
    reports = current(seen.reports, as_of)
    wanted = (
        reports["kind"].isin([str(kind) for kind in kinds])
        & (reports["severity"] >= rule.min_severity)
        & reports["verification"].isin([str(v) for v in rule.verification])
        & (reports["seen_at"] > as_of - timedelta(hours=rule.within_hours))
        & (reports["seen_at"] <= as_of)
    )
    return reports.loc[wanted]


def _incidents(rule: IncidentRule, seen: Situation, as_of: pd.Timestamp) -> Iterator[Trip]:
    for area_id, name, rows in _by_area(_heard(rule, seen, as_of, [ReportKind.INCIDENT])):
        ranked = rows.sort_values(
            ["severity", "seen_at", "report_id"], ascending=[False, True, True]
        )
        listed = [
            Seen(n, s if isinstance(s, str) else None, int(v), str(k))
            for n, s, v, k in zip(
                *(ranked[c] for c in ("name", "sign", "severity", "verification")), strict=True
            )
        ]
        yield Trip(
            area_id,
            name,
            tuple(dict.fromkeys(ranked["unit_id"])),
            float(listed[0].severity),
            alert_words.incident(listed, rule.within_hours),
            {"severity": listed[0].severity, "reports": ranked["report_id"].tolist()},
        )


def _clusters(rule: ClusterRule, seen: Situation, as_of: pd.Timestamp) -> Iterator[Trip]:
    kinds = [ReportKind.WARNING_SIGN, ReportKind.INCIDENT]
    heard = _heard(rule, seen, as_of, kinds)
    if rule.signs:
        heard = heard.loc[heard["sign"].isin([str(sign) for sign in rule.signs])]
    for area_id, name, rows in _by_area(heard):
        reporters = int(rows["reporter"].nunique() + rows["reporter"].isna().any())
        if len(rows) < rule.count or reporters < rule.reporters:
            continue
        signs = rows["sign"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        yield Trip(
            area_id,
            name,
            tuple(dict.fromkeys(rows.sort_values("unit_id")["unit_id"])),
            float(len(rows)),
            alert_words.cluster(
                name, {str(s): int(n) for s, n in signs.items()}, reporters, rule.within_hours
            ),
            {"signs": len(rows), "reporters": reporters, "reports": rows["report_id"].tolist()},
        )


def _silences(rule: SilenceRule, seen: Situation, as_of: pd.Timestamp) -> Iterator[Trip]:
    if seen.posted_at is None:
        return
    posted = seen.posts.loc[seen.posts["mediators"] > 0]
    for area_id, name, rows in _by_area(posted):
        from_there = seen.reports.loc[seen.reports["unit_id"].isin(rows["unit_id"]), "known_at"]
        last = max([seen.posted_at, *from_there])
        silent = (as_of - last) / timedelta(hours=1)
        if silent < rule.hours:
            continue
        units = seen.units.loc[seen.units["area_id"] == area_id, "unit_id"]
        yield Trip(
            area_id,
            name,
            tuple(units),
            float(silent),
            alert_words.silence(name, rule.hours),
            {"silent_hours": round(float(silent), 1)},
        )
