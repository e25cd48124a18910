# ruff: noqa: ARG005
"""Every feature once more, as a slow loop over rows that anyone can check by reading.

Nothing here is shared with `features/` but the vocabulary and the great-circle formula's
radius. `value(name, ...)` looks at one unit on one day.
"""

from __future__ import annotations

import functools
import math
import re
import statistics

import pandas as pd

from features.tables import Tables

VIOLENT = {"battle", "explosion", "violence_against_civilians", "riot"}
DAY = pd.Timedelta(days=1)


class Oracle:
    def __init__(self, tables: Tables, lead: int, length: int, windows: dict) -> None:
        self.t, self.lead, self.length, self.windows = tables, lead, length, windows
        self.place = {r.unit_id: r for r in tables.units.itertuples(index=False)}
        self.all = list(tables.incidents.itertuples(index=False))
        self.incidents = functools.cache(self._incidents)

    def _incidents(self, day: pd.Timestamp) -> list:
        return [r for r in self.all if r.known_on <= day and r.event_date <= day]

    def km(self, a: str, b: str) -> float:
        p, q = self.place[a], self.place[b]
        la, lb = math.radians(p.lat), math.radians(q.lat)
        h = (
            math.sin((lb - la) / 2) ** 2
            + math.cos(la) * math.cos(lb) * math.sin(math.radians(q.lon - p.lon) / 2) ** 2
        )
        return 2 * 6371.0088 * math.asin(math.sqrt(h))

    def near(self, unit: str, radius: float = 30.0) -> list[str]:
        return [u for u in self.place if u != unit and self.km(unit, u) <= radius]

    def sharing(self, unit: str, level: str) -> list[str]:
        return [
            u
            for u in self.place
            if getattr(self.place[u], level) == getattr(self.place[unit], level)
        ]

    def count(self, day, units, keep=None, days=None, half_life=None, weigh=None) -> float:
        total = 0.0
        for r in self.incidents(day):
            age = (day - r.event_date).days
            if r.unit_id not in units or (keep and r.event_type not in keep):
                continue
            if days is not None and age >= days:
                continue
            weight = 1.0 if weigh is None else float(getattr(r, weigh))
            total += weight * (0.5 ** (age / half_life) if half_life else 1.0)
        return total

    def since(self, day, units, keep=None) -> float:
        ages = [
            (day - r.event_date).days
            for r in self.incidents(day)
            if r.unit_id in units and (not keep or r.event_type in keep)
        ]
        return float(min([*ages, 3650]))

    def value(self, name: str, unit: str, day: pd.Timestamp) -> float:
        for pattern, method in RULES:
            found = re.fullmatch(pattern, name)
            if found:
                return method(self, unit, day, *found.groups())
        raise KeyError(name)

    def rounds(self, day):
        return [r for r in self.t.elections.itertuples(index=False) if r.known_on <= day]

    def window(self, day):
        return day + DAY * (self.lead + 1), day + DAY * (self.lead + self.length)

    def polls(self, day, kind=None) -> float:
        first, last = self.window(day)
        return float(
            sum(
                first <= r.polling_date <= last and kind in (None, r.election_type)
                for r in self.rounds(day)
            )
        )

    def to_polling(self, day) -> float:
        ahead = [(r.polling_date - day).days for r in self.rounds(day) if r.polling_date >= day]
        return float(min([*ahead, 730]))

    def since_polling(self, day) -> float:
        past = [(day - r.polling_date).days for r in self.rounds(day) if r.polling_date <= day]
        return float(min([*past, 730]))

    def next_round(self, day) -> float:
        ahead = sorted((r.polling_date, r.round) for r in self.rounds(day) if r.polling_date >= day)
        return float(ahead[0][1]) if ahead else 0.0

    def campaign_days(self, day) -> float:
        first, last = self.window(day)
        total = 0
        for r in self.rounds(day):
            start = r.polling_date - 21 * DAY if pd.isna(r.campaign_start) else r.campaign_start
            end = r.polling_date - 2 * DAY if pd.isna(r.campaign_end) else r.campaign_end
            total += sum(start <= first + i * DAY <= end for i in range((last - first).days + 1))
        return float(total)

    def election_window(self, round_):
        first, last = self.windows.get(round_.election_type, (-28, 14))
        return round_.polling_date + first * DAY, round_.polling_date + last * DAY

    def cycle(self, unit, day, round_) -> float:
        first, last = self.election_window(round_)
        return float(
            sum(
                r.unit_id == unit and r.event_type in VIOLENT and first <= r.event_date <= last
                for r in self.incidents(day)
            )
        )

    def ended(self, day):
        done = [r for r in self.rounds(day) if self.election_window(r)[1] <= day]
        return sorted(done, key=lambda r: r.polling_date)

    def earlier(self, unit, day) -> float:
        return sum(self.cycle(unit, day, r) for r in self.ended(day))

    def planned(self, unit, day, kind=None, units=None) -> float:
        known = [r for r in self.t.campaign_events.itertuples(index=False) if r.known_on <= day]
        if not known:
            return math.nan
        first, last = self.window(day)
        units = units if units is not None else [unit]
        return float(
            sum(
                r.unit_id in units and first <= r.event_date <= last and kind in (None, r.kind)
                for r in known
            )
        )

    def rivals(self, unit, day) -> float:
        known = [r for r in self.t.campaign_events.itertuples(index=False) if r.known_on <= day]
        if not known:
            return math.nan
        first, last = self.window(day)
        near = {unit, *self.near(unit)}
        return float(
            sum(
                a.party != b.party and a.event_date == b.event_date and b.unit_id in near
                for a in known
                if a.unit_id == unit and first <= a.event_date <= last
                for b in known
            )
        )

    def person_value(self, area, variable, day) -> float:
        rows = [
            r
            for r in self.t.demographics.itertuples(index=False)
            if r.area_id == area and r.variable == variable and r.known_on <= day
        ]
        return max(rows, key=lambda r: r.known_on).value if rows else math.nan

    def people_parent(self, unit, day) -> float:
        return sum(self.person_value(u, "population", day) for u in self.sharing(unit, "parent_id"))


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


RULES = [
    (r"target_decay_(\d+)d", lambda o, u, d, h: o.count(d, [u], VIOLENT, half_life=int(h))),
    (r"target_count_(\d+)d", lambda o, u, d, w: o.count(d, [u], VIOLENT, days=int(w))),
    (r"target_so_far", lambda o, u, d: o.count(d, [u], VIOLENT)),
    (r"report_count_(\d+)d", lambda o, u, d, w: o.count(d, [u], days=int(w))),
    (
        r"fatalities_decay_(\d+)d",
        lambda o, u, d, h: o.count(d, [u], half_life=int(h), weigh="fatalities"),
    ),
    (r"fatalities_(\d+)d", lambda o, u, d, w: o.count(d, [u], days=int(w), weigh="fatalities")),
    (r"target_days_since", lambda o, u, d: o.since(d, [u], VIOLENT)),
    (r"report_days_since", lambda o, u, d: o.since(d, [u])),
    (
        r"parent_mean_decay_(\d+)d",
        lambda o, u, d, h: mean(
            o.count(d, [v], VIOLENT, half_life=int(h)) for v in o.sharing(u, "parent_id")
        ),
    ),
    (
        r"region_mean_decay_(\d+)d",
        lambda o, u, d, h: mean(
            o.count(d, [v], VIOLENT, half_life=int(h)) for v in o.sharing(u, "region_id")
        ),
    ),
    (
        r"country_mean_decay_(\d+)d",
        lambda o, u, d, h: mean(
            o.count(d, [v], VIOLENT, half_life=int(h)) for v in o.sharing(u, "iso3")
        ),
    ),
    (r"country_units_count", lambda o, u, d: float(len(o.sharing(u, "iso3")))),
    (
        r"country_median_area_ratio",
        lambda o, u, d: (
            statistics.median(o.place[v].area_km2 for v in o.sharing(u, "iso3"))
            / o.place[u].area_km2
        ),
    ),
    (
        r"parent_mean_count_(\d+)d",
        lambda o, u, d, w: mean(
            o.count(d, [v], VIOLENT, days=int(w)) for v in o.sharing(u, "parent_id")
        ),
    ),
    (
        r"parent_violent_share_(\d+)d",
        lambda o, u, d, w: mean(
            o.count(d, [v], VIOLENT, days=int(w)) > 0 for v in o.sharing(u, "parent_id")
        ),
    ),
    (
        r"neighbours_(\d+)km_decay_(\d+)d",
        lambda o, u, d, s, h: sum(
            math.exp(-o.km(u, v) / int(s)) * o.count(d, [v], VIOLENT, half_life=int(h))
            for v in o.near(u, 150)
        ),
    ),
    (r"near_count_(\d+)d", lambda o, u, d, w: o.count(d, o.near(u), VIOLENT, days=int(w))),
    (
        r"near_fatalities_(\d+)d",
        lambda o, u, d, w: o.count(d, o.near(u), days=int(w), weigh="fatalities"),
    ),
    (r"near_days_since", lambda o, u, d: o.since(d, o.near(u), VIOLENT)),
    (r"near_([a-z_]+)_(\d+)d", lambda o, u, d, k, w: o.count(d, o.near(u), {k}, days=int(w))),
    (r"country_count_(\d+)d", lambda o, u, d, w: o.count(d, list(o.place), VIOLENT, days=int(w))),
    (r"days_to_polling", lambda o, u, d: o.to_polling(d)),
    (r"days_since_polling", lambda o, u, d: o.since_polling(d)),
    (r"polling_in_window", lambda o, u, d: o.polls(d)),
    (r"polling_([a-z]+)_in_window", lambda o, u, d, k: o.polls(d, k)),
    (r"next_round_number", lambda o, u, d: o.next_round(d)),
    (r"campaign_days_in_window", lambda o, u, d: o.campaign_days(d)),
    (r"earlier_elections_count", lambda o, u, d: o.earlier(u, d)),
    (
        r"earlier_elections_parent_mean",
        lambda o, u, d: mean(o.earlier(v, d) for v in o.sharing(u, "parent_id")),
    ),
    (
        r"previous_election_count",
        lambda o, u, d: o.cycle(u, d, o.ended(d)[-1]) if o.ended(d) else 0.0,
    ),
    (r"campaign_events_planned", lambda o, u, d: o.planned(u, d)),
    (r"campaign_near_planned", lambda o, u, d: o.planned(u, d, units=o.near(u))),
    (r"campaign_rival_pairs", lambda o, u, d: o.rivals(u, d)),
    (r"campaign_([a-z]+)_planned", lambda o, u, d, k: o.planned(u, d, kind=k)),
    (r"population", lambda o, u, d: o.person_value(u, "population", d)),
    (r"population_parent", lambda o, u, d: o.people_parent(u, d)),
    (r"area_km2", lambda o, u, d: o.place[u].area_km2),
    (
        r"density_parent_per_km2",
        lambda o, u, d: (
            o.people_parent(u, d) / sum(o.place[v].area_km2 for v in o.sharing(u, "parent_id"))
        ),
    ),
    (
        r"seat_of_parent",
        lambda o, u, d: float(o.place[u].name.lower() == o.place[u].parent_name.lower()),
    ),
    (r"units_near", lambda o, u, d: float(len(o.near(u)))),
    (r"lon_deg", lambda o, u, d: o.place[u].lon),
    (r"lat_deg", lambda o, u, d: o.place[u].lat),
    (r"area_([a-z_]+)", lambda o, u, d, k: o.person_value(o.place[u].parent_id, k, d)),
    (r"([a-z_]+)_decay_(\d+)d", lambda o, u, d, k, h: o.count(d, [u], {k}, half_life=int(h))),
]
