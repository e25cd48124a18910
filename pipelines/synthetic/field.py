"""Mediators' reports on the synthetic country, with the truth behind them known.

A sign is there in the days before an incident, at given rates, or for no reason. A mediator who
stands there notices some of it, says "nothing seen" on some quiet days, and may never report at
all. What is sent comes late, twice, is edited and taken back; verification comes days after.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import pandas as pd

from features.vocabulary import POLITICAL_VIOLENCE
from pipelines.synthetic.country import Country
from pipelines.synthetic.rounds import Round
from response.contracts import empty, require
from response.vocabulary import Intake, People, PlaceKind, ReportKind, Sign, Verification

_PLACES, _PEOPLE, _INTAKES = ([str(v) for v in words] for words in (PlaceKind, People, Intake))
_BEFORE = {
    Sign.HATE_SPEECH: 0.15,
    Sign.ARMED_PRESENCE: 0.22,
    Sign.THREATS: 0.20,
    Sign.RIVAL_RALLIES: 0.18,
    Sign.FRAUD_RUMOUR: 0.12,
    Sign.DESTROYED_MATERIAL: 0.06,
    Sign.BLOCKED_ROAD: 0.06,
    Sign.ABSENT_OFFICIALS: 0.05,
    Sign.CLASH: 0.15,
    Sign.OTHER: 0.05,
}
_FALSE = {
    Sign.HATE_SPEECH: 0.040,
    Sign.ARMED_PRESENCE: 0.040,
    Sign.THREATS: 0.040,
    Sign.RIVAL_RALLIES: 0.060,
    Sign.FRAUD_RUMOUR: 0.080,
    Sign.DESTROYED_MATERIAL: 0.012,
    Sign.BLOCKED_ROAD: 0.030,
    Sign.ABSENT_OFFICIALS: 0.040,
    Sign.CLASH: 0.024,
    Sign.OTHER: 0.067,
}


@dataclass(frozen=True)
class FieldRates:
    """How mediators see, report and are verified; chosen, not estimated.

    Attributes:
        before: probability that a sign is there in the week before an incident.
        false_per_week: signs per unit and week that nothing follows.
        false_incidents_per_week: quarrels told as incidents that are none.
        noticed: probability that one mediator notices a thing in their unit.
        silent: share of mediators who never report.
        nothing: probability that a mediator who noticed nothing says so that day.
        defused: share of the signs after which a mediator says that tension was defused.
        delay_days: mean time from seeing to arriving; late: share that take `late_days` more.
        twice: share sent again as another report; edited, withdrawn: shares of versions after.
        verified: share of the reports that somebody checks, one to three days after.
        true_states, false_states: what checking finds of true and false things:
            corroborated, confirmed, refuted.
    """

    before: Mapping[Sign, float] = field(default_factory=lambda: dict(_BEFORE))
    false_per_week: Mapping[Sign, float] = field(default_factory=lambda: dict(_FALSE))
    false_incidents_per_week: float = 0.03
    noticed: float = 0.7
    silent: float = 0.15
    nothing: float = 0.6
    defused: float = 0.2
    delay_days: float = 0.3
    late: float = 0.08
    late_days: float = 3.0
    twice: float = 0.06
    edited: float = 0.06
    withdrawn: float = 0.01
    verified: float = 0.5
    true_states: tuple[float, float, float] = (0.50, 0.45, 0.05)
    false_states: tuple[float, float, float] = (0.30, 0.15, 0.55)

    def scaled(self, before: float = 1.0, false: float = 1.0) -> FieldRates:
        """The same people where signs before incidents, and false ones, are more or less usual."""
        return replace(
            self,
            before={sign: min(0.95, p * before) for sign, p in self.before.items()},
            false_per_week={sign: p * false for sign, p in self.false_per_week.items()},
            false_incidents_per_week=self.false_incidents_per_week * false,
        )


@dataclass(frozen=True)
class Thing:
    """Something there to be seen: `day` counts from the first day of the data, with a fraction."""

    unit: int
    day: float
    kind: ReportKind
    sign: Sign
    true: bool


def make_posts(
    rng: np.random.Generator, country: Country, probability: np.ndarray, mediators: int
) -> pd.DataFrame:
    """Send mediators in pairs, mostly to the units of the highest probability.

    Args:
        rng: source of randomness.
        country: its units.
        probability: a forecast, shape (units,); units are drawn in proportion to it, with a
            fifth of all drawn evenly, so that quiet units are watched too.
        mediators: how many, at least two.

    Returns:
        A table that keeps `POSTS`.
    """
    teams = min(mediators // 2, country.land.units)
    weight = 0.8 * probability / probability.sum() + 0.2 / len(probability)
    chosen = rng.choice(country.land.units, teams, replace=False, p=weight)
    ids = [country.land.unit_ids[unit] for unit in sorted(chosen)]
    return pd.DataFrame(
        {"unit_id": pd.Series(ids, dtype="str"), "mediators": np.full(len(ids), 2, dtype=np.int64)}
    )


def make_reports(
    rng: np.random.Generator,
    country: Country,
    held: Round,
    posts: pd.DataFrame,
    rates: FieldRates | None = None,
) -> pd.DataFrame:
    """The history of what the posts of a round reported over its window.

    Args:
        rng: source of randomness.
        country: its truth.
        held: the round.
        posts: keeps `POSTS`.
        rates: how people see and report.

    Returns:
        A table that keeps `REPORTS`, by the moment each version became known.
    """
    rates = rates or FieldRates()
    numbers = {unit_id: unit for unit, unit_id in enumerate(country.land.unit_ids)}
    posted = {numbers[u]: int(m) for u, m in zip(posts["unit_id"], posts["mediators"], strict=True)}
    people = {
        unit: [_hash(held, unit, k) for k in range(count) if rng.random() >= rates.silent]
        for unit, count in posted.items()
    }
    first, last = held.window
    rows: list[dict[str, object]] = []
    spoke: set[tuple[str, int]] = set()
    for thing in _things(rng, country, held, list(posted), rates):
        seen_by = [who for who in people[thing.unit] if rng.random() < rates.noticed]
        for who in seen_by:
            spoke.add((who, int(thing.day)))
            rows += _told(rng, country, thing, who, rates)
            if rng.random() < rates.twice:
                rows += _told(rng, country, thing, who, rates)
            if thing.kind is ReportKind.WARNING_SIGN and rng.random() < rates.defused:
                after = replace(thing, day=thing.day + 0.5, kind=ReportKind.TENSION_DEFUSED)
                rows += _told(rng, country, after, who, rates)
    for unit, team in people.items():
        for day in range(first, last + 1):
            for who in team:
                if (who, day) not in spoke and rng.random() < rates.nothing:
                    quiet = Thing(unit, day + 0.75, ReportKind.NOTHING_SEEN, Sign.OTHER, true=True)
                    rows += _told(rng, country, quiet, who, rates)
    return _table(rows)


def happened(country: Country, held: Round) -> pd.DataFrame:
    """Political violence in a round's window: `unit_id` and `event_date`, by day."""
    first, last = held.window
    violent = np.isin(country.history.event_type, [str(kind) for kind in POLITICAL_VIOLENCE])
    day = country.history.day
    of = np.flatnonzero(violent & (day >= first) & (day <= last))
    return pd.DataFrame(
        {
            "unit_id": [country.land.unit_ids[u] for u in country.history.unit[of]],
            "event_date": pd.Timestamp(country.start) + pd.to_timedelta(day[of], unit="D"),
        }
    )


def moment_of(start: date, day: float) -> pd.Timestamp:
    """A moment from a number of days since the first day of the data."""
    return pd.Timestamp(start, tz="UTC") + pd.Timedelta(microseconds=round(day * 86_400_000_000))


def _things(
    rng: np.random.Generator, country: Country, held: Round, units: list[int], rates: FieldRates
) -> list[Thing]:
    """All that there is to see in posted units over the window, by day."""
    first, last = held.window
    numbers = {unit_id: unit for unit, unit_id in enumerate(country.land.unit_ids)}
    found: list[Thing] = []
    for unit_id, when in happened(country, held).itertuples(index=False):
        unit, day = numbers[unit_id], (when.date() - country.start).days
        if unit not in units:
            continue
        sign = Sign.CLASH
        found.append(Thing(unit, day + rng.uniform(0.3, 0.9), ReportKind.INCIDENT, sign, true=True))
        for sign, share in rates.before.items():
            if rng.random() < share:
                before = day - rng.uniform(0.2, 7.0)
                found.append(Thing(unit, before, ReportKind.WARNING_SIGN, sign, true=True))
    weeks = (last - first + 1) / 7
    for unit in units:
        for sign, weekly in rates.false_per_week.items():
            for _ in range(rng.poisson(weekly * weeks)):
                day = rng.uniform(first, last + 1)
                found.append(Thing(unit, day, ReportKind.WARNING_SIGN, sign, true=False))
        for _ in range(rng.poisson(rates.false_incidents_per_week * weeks)):
            day = rng.uniform(first, last + 1)
            found.append(Thing(unit, day, ReportKind.INCIDENT, Sign.CLASH, true=False))
    inside = [thing for thing in found if first <= thing.day < last + 1]
    return sorted(inside, key=lambda t: (t.day, t.unit, t.kind, t.sign))


def _told(
    rng: np.random.Generator, country: Country, thing: Thing, who: str, rates: FieldRates
) -> list[dict[str, object]]:
    """The versions of one report of a thing, with `report_id` still to come."""
    nothing = thing.kind is ReportKind.NOTHING_SEEN
    arrives = thing.day + rng.exponential(rates.delay_days)
    if rng.random() < rates.late:
        arrives += rng.exponential(rates.late_days)
    first: dict[str, object] = {
        "version": 1,
        "known_at": moment_of(country.start, arrives),
        "unit_id": country.land.unit_ids[thing.unit],
        "kind": str(thing.kind),
        "sign": None if nothing else str(thing.sign),
        "severity": 0 if nothing else int(rng.integers(1, 6)),
        "place_kind": _PLACES[rng.integers(len(_PLACES))],
        "voting_center": None,
        "people": _PEOPLE[rng.integers(len(_PEOPLE))],
        "seen_at": moment_of(country.start, thing.day),
        "sent_at": moment_of(country.start, (thing.day + arrives) / 2),
        "verification": str(Verification.UNVERIFIED),
        "withdrawn": False,
        "intake": _INTAKES[rng.integers(len(_INTAKES))],
        "reporter": who,
    }
    versions = [first]

    def then(after_days: float, **changes: object) -> None:
        nonlocal arrives
        arrives += after_days
        known = moment_of(country.start, arrives)
        versions.append(
            {**versions[-1], "version": len(versions) + 1, "known_at": known, **changes}
        )

    if rng.random() < rates.edited and not nothing:
        then(rng.uniform(0.05, 0.5), severity=int(rng.integers(1, 6)))
    if rng.random() < rates.withdrawn:
        then(rng.uniform(0.05, 1.0), withdrawn=True)
    elif not nothing and rng.random() < rates.verified:
        states = [Verification.CORROBORATED, Verification.CONFIRMED, Verification.REFUTED]
        shares = rates.true_states if thing.true else rates.false_states
        then(
            rng.uniform(1.0, 3.0), verification=str(rng.choice([str(s) for s in states], p=shares))
        )
    return versions


def _hash(held: Round, unit: int, number: int) -> str:
    return hashlib.sha256(f"{held.election_id}:{unit}:{number}".encode()).hexdigest()[:16]


def _table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Give each report its id and every column its type."""
    if not rows:
        return empty("reports")
    table = pd.DataFrame(rows)
    table["report_id"] = [f"f{n:06d}" for n in (table["version"] == 1).cumsum()]
    blank = empty("reports")
    table = pd.concat([blank, table[list(blank.columns)]], ignore_index=True)
    for name, kind in blank.dtypes.items():
        table[name] = table[name].astype(kind)
    table = table.sort_values(["known_at", "report_id", "version"]).reset_index(drop=True)
    return require(table, "reports")
