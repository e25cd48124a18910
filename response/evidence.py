"""What field reports say about each unit, as pieces of log-odds.

Each piece answers one of two questions about a unit (`response.ratios.Part`): has something
happened in the window so far, and will something happen in the next days. The law of a piece:

    value = log ratio x 2^(-age / half-life) x repeats x distance

Reports of the same thing, in the same unit and near in time, are one piece: the best verified
state counts, and each further person adds a shrinking part of it. Of a unit's neighbours the one
that says most counts, with its distance, and each further piece for a shrinking part. That a kind
was not reported lowers the odds as far as somebody was there to report it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
from scipy import sparse

from features.kernels import Floats
from response.effort import ages, effort
from response.ratios import ANY, SPEAKING, Part, Ratios
from response.vocabulary import ReportKind, Verification

COLUMNS = [
    *("unit_id", "part", "block", "what", "verification", "near"),
    *("reports", "age_days", "watched", "value", "sd"),
]
STATES = (
    Verification.REFUTED,
    Verification.UNVERIFIED,
    Verification.CORROBORATED,
    Verification.CONFIRMED,
)
"""Verification states, the best last."""


@dataclass(frozen=True)
class Assumptions:
    """How reports fade, repeat and spill over: conventions of Vigie, shown with each nowcast.

    Attributes:
        next_days: how far ahead a sign speaks.
        half_life_days: after which a report counts half.
        lookback_days: after which it counts no more for the next days.
        same_within_days: reports of the same thing closer than this are one.
        repeat: what each further person adds, of what the one before added.
        spill: what a report counts for a neighbour at distance 0.
        reach_km: distance at which that has fallen to exp(-1).
        radius_km: beyond which it is 0.
    """

    next_days: int = 7
    half_life_days: float = 5.0
    lookback_days: int = 14
    same_within_days: float = 2.0
    repeat: float = 0.3
    spill: float = 0.15
    reach_km: float = 30.0
    radius_km: float = 90.0


ASSUMPTIONS = Assumptions()


@dataclass(frozen=True)
class Moment:
    """A moment seen from a forecast's window; all lengths in days.

    Attributes:
        at: the moment, UTC.
        start, stop: the window, from its first midnight to the one after its last day.
    """

    at: pd.Timestamp
    start: pd.Timestamp
    stop: pd.Timestamp
    next_days: int

    @classmethod
    def of(
        cls, at: datetime, first: date, last: date, next_days: int = Assumptions.next_days
    ) -> Moment:
        """A moment and the first and last day of a window."""
        start, end = (pd.Timestamp(day, tz="UTC") for day in (first, last))
        return cls(pd.Timestamp(at).tz_convert("UTC"), start, end + pd.Timedelta(days=1), next_days)

    @property
    def elapsed_days(self) -> float:
        """Days of the window that are over."""
        return max(0.0, _days(min(self.at, self.stop) - self.start))

    @property
    def blocks(self) -> list[float]:
        """Lengths in days of what is over, cut back from the moment; the last may be shorter."""
        whole, rest = divmod(self.elapsed_days, self.next_days)
        return [float(self.next_days)] * int(whole) + ([rest] if rest else [])

    @property
    def shares(self) -> Floats:
        """Shares of the window: the next days, later, then each of `blocks`; they sum to 1."""
        whole = _days(self.stop - self.start)
        horizon = min(self.at + pd.Timedelta(days=self.next_days), self.stop)
        soon = max(0.0, _days(horizon - max(self.at, self.start)))
        later = max(0.0, whole - self.elapsed_days - soon)
        return np.array([soon, later, *self.blocks]) / whole


NEXT, LATER, SO_FAR = 0, 1, 2
"""Positions in `Moment.shares`: the next days, later, and the first block of what is over."""


def _days(span: pd.Timedelta) -> float:
    return float(span / pd.Timedelta(days=1))


def evidence(
    reports: pd.DataFrame,
    posts: pd.DataFrame,
    unit_ids: pd.Index,
    km: sparse.csr_array,
    moment: Moment,
    ratios: Ratios,
    assumptions: Assumptions = ASSUMPTIONS,
) -> pd.DataFrame:
    """All pieces that reports and watched silence give.

    Args:
        reports: as `response.contracts.current` gives them.
        posts: keeps `POSTS`.
        unit_ids: the units.
        km: distances between them, from `features.space.distances`; shape (units, units).
        moment: now and the window.
        ratios: what each kind of report tells.
        assumptions: how they fade, repeat and spill over.

    Returns:
        Rows with `COLUMNS`: `block` is the position in `Moment.shares` of the days that it speaks
        of, `near` whether a neighbour's reports speak, `watched` the share of the time watched
        where silence speaks (missing elsewhere), `value` in log-odds and `sd` its standard
        deviation.
    """
    over = len(moment.blocks)
    reports = reports.loc[reports["seen_at"] < moment.stop]
    watched = effort(
        reports,
        posts,
        unit_ids,
        min(moment.at, moment.stop),
        max(over * moment.next_days, assumptions.lookback_days),
    )
    pieces = []
    if over:
        found = _happened(reports, moment, ratios, assumptions)
        pieces += [found, *_no_incident(found, watched, unit_ids, moment, ratios)]
    if moment.shares[NEXT] > 0:
        found = _signs(reports, moment, ratios, assumptions)
        found = found.loc[found["unit_id"].isin(unit_ids)]
        near = _spilt(found, unit_ids, km, assumptions)
        pieces += [found, near, _no_sign(found, watched, unit_ids, ratios, assumptions)]
    kept = [p.loc[p["unit_id"].isin(unit_ids), COLUMNS] for p in pieces if len(p)]
    if not kept:
        return pd.DataFrame({name: pd.Series([], dtype="float64") for name in COLUMNS})
    return pd.concat(kept, ignore_index=True)


def things(reports: pd.DataFrame, moment: pd.Timestamp, within_days: float) -> pd.DataFrame:
    """What was reported, each thing once however many people said it.

    Args:
        reports: as `current` gives them.
        moment: ages are counted back from it.
        within_days: reports of the same thing in the same unit with no longer gap are one.

    Returns:
        One row per thing: `unit_id`, `what` (a sign, `incident` or `tension_defused`),
        `verification` (the best of its reports), `reports`, `people`, `age_days` (newest).
    """
    told = reports.loc[reports["kind"] != str(ReportKind.NOTHING_SEEN)]
    warned = told["kind"] == str(ReportKind.WARNING_SIGN)
    table = pd.DataFrame(
        {
            "unit_id": told["unit_id"],
            "what": told["sign"].where(warned, told["kind"]),
            "age_days": ages(told["seen_at"], moment),
            "state": told["verification"].map({str(v): i for i, v in enumerate(STATES)}),
            "who": told["reporter"].fillna(""),
        }
    ).sort_values(["unit_id", "what", "age_days", "state", "who"], kind="stable")
    same = table["unit_id"].eq(table["unit_id"].shift()) & table["what"].eq(table["what"].shift())
    gap = table["age_days"].diff() > within_days
    table["thing"] = (~same | gap).cumsum()
    grouped = table.groupby("thing").agg(
        unit_id=("unit_id", "first"),
        what=("what", "first"),
        state=("state", "max"),
        reports=("state", "size"),
        people=("who", "nunique"),
        age_days=("age_days", "min"),
    )
    grouped["verification"] = [str(STATES[int(s)]) for s in grouped["state"]]
    return grouped.drop(columns="state").reset_index(drop=True)


def _weighed(found: pd.DataFrame, part: Part, ratios: Ratios, weight: Floats) -> pd.DataFrame:
    """Pieces of things: those that answer `part`, in log-odds."""
    keys = zip(found["what"], found["verification"], strict=True)
    cells = [ratios.cell(part, what, state) for what, state in keys]
    return found.assign(
        part=str(part),
        near=False,
        watched=np.nan,
        value=[np.nan if c is None else c.log * w for c, w in zip(cells, weight, strict=True)],
        sd=[np.nan if c is None else c.sd * w for c, w in zip(cells, weight, strict=True)],
    ).dropna(subset="value")


def _repeats(people: pd.Series, repeat: float) -> Floats:
    """1 for one person, and for each further one `repeat` of what the one before added."""
    count = people.to_numpy(dtype=float)
    total: Floats = (1.0 - repeat**count) / (1.0 - repeat)
    return total


def _happened(
    reports: pd.DataFrame, moment: Moment, ratios: Ratios, assumptions: Assumptions
) -> pd.DataFrame:
    """Incidents reported in the window: what has happened does not fade."""
    found = things(
        reports.loc[reports["seen_at"] >= moment.start], moment.at, assumptions.same_within_days
    )
    since = found["age_days"] - _days(max(moment.at - moment.stop, pd.Timedelta(0)))
    block = np.clip(since // moment.next_days, 0, len(moment.blocks) - 1).astype(np.intp)
    weight = _repeats(found["people"], assumptions.repeat)
    return _weighed(found.assign(block=SO_FAR + block), Part.SO_FAR, ratios, weight)


def _signs(
    reports: pd.DataFrame, moment: Moment, ratios: Ratios, assumptions: Assumptions
) -> pd.DataFrame:
    """What speaks of the next days, fading with its age."""
    since = moment.at - pd.Timedelta(days=assumptions.lookback_days)
    found = things(reports.loc[reports["seen_at"] > since], moment.at, assumptions.same_within_days)
    fading = 0.5 ** (found["age_days"].to_numpy(dtype=float) / assumptions.half_life_days)
    weight = fading * _repeats(found["people"], assumptions.repeat)
    return _weighed(found.assign(block=NEXT), Part.NEXT, ratios, weight)


def _spilt(
    signs: pd.DataFrame, unit_ids: pd.Index, km: sparse.csr_array, assumptions: Assumptions
) -> pd.DataFrame:
    """What signs say of the units near theirs."""
    moving = signs.loc[signs["value"] != 0].reset_index(drop=True)
    at = unit_ids.get_indexer(pd.Index(moving["unit_id"]))
    pairs = km[at].tocoo()
    kept = pairs.data <= assumptions.radius_km
    share = assumptions.spill * np.exp(-pairs.data[kept] / assumptions.reach_km)
    near = moving.iloc[pairs.row[kept]].assign(unit_id=unit_ids[pairs.col[kept]], near=True)
    near = near.assign(size=near["value"].abs() * share, share=share)
    near = near.sort_values(["size", "what"], ascending=[False, True], kind="stable")
    # Neighbours often tell of one thing in many places: each further piece counts for less.
    turn = near.groupby("unit_id", sort=False).cumcount().to_numpy()
    counts = near["share"] * assumptions.repeat**turn
    return near.assign(value=near["value"] * counts, sd=near["sd"] * counts)


def _no_incident(
    found: pd.DataFrame, watched: Floats, unit_ids: pd.Index, moment: Moment, ratios: Ratios
) -> list[pd.DataFrame]:
    """What it tells, block by block, that no incident was reported where people watched."""
    told = found.loc[found["verification"] != str(Verification.REFUTED)]
    out = []
    for number, length in enumerate(moment.blocks):
        first = number * moment.next_days
        weight = np.clip(length - np.arange(moment.next_days), 0.0, 1.0)
        share = watched[:, first : first + moment.next_days] @ (weight / weight.sum())
        spoke = told.loc[told["block"] == SO_FAR + number, "unit_id"]
        share = np.where(unit_ids.isin(spoke), 0.0, share)
        shares = {str(ReportKind.INCIDENT): share}
        out.append(_absence(Part.SO_FAR, SO_FAR + number, unit_ids, shares, ratios))
    return out


def _no_sign(
    found: pd.DataFrame,
    watched: Floats,
    unit_ids: pd.Index,
    ratios: Ratios,
    assumptions: Assumptions,
) -> pd.DataFrame:
    """What it tells that some kinds were not reported, or not since, where people watched."""
    told = found.loc[found["verification"] != str(Verification.REFUTED)]
    bins = np.arange(assumptions.lookback_days)
    fading = 0.5 ** ((bins + 0.5) / assumptions.half_life_days)
    fading /= fading.sum()
    shares = {}
    for what in SPEAKING:
        mine = told.loc[told["what"] == what].groupby("unit_id")["age_days"].min()
        ago = mine.reindex(unit_ids).fillna(np.inf).to_numpy(dtype=float)
        since = np.clip(ago[:, None] - bins, 0.0, 1.0)
        shares[what] = (watched[:, bins] * since) @ fading
    return _absence(Part.NEXT, NEXT, unit_ids, shares, ratios)


def _absence(
    part: Part, block: int, unit_ids: pd.Index, shares: dict[str, Floats], ratios: Ratios
) -> pd.DataFrame:
    log, sd = ratios.absence(part, shares)
    heard = log != 0
    return pd.DataFrame(
        {
            "unit_id": unit_ids[heard],
            "part": str(part),
            "block": block,
            "what": ANY,
            "verification": "",
            "near": False,
            "reports": 0,
            "age_days": np.nan,
            "watched": np.max(list(shares.values()), axis=0)[heard],
            "value": log[heard],
            "sd": sd[heard],
        }
    )
