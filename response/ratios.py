"""How much a field report tells: likelihood ratios per sign and verification state.

A report of one kind and state is more usual before incidents than otherwise. For each `Cell`

    ratio = P(such a report in a watched week | incident) / P(the same | none)

Both probabilities have a Beta law. The declared one is a convention of Vigie, not a finding; it
weighs as much as `PRIOR_REPORTS` reports, and each round's outcomes are added to it (Beta-Binomial
shrinkage: Gelman et al. 2013, Bayesian Data Analysis, ch. 2 and 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.special import ndtri, polygamma

from features.errors import ContractError
from features.kernels import Floats
from response.nowcast_vocabulary import Part
from response.vocabulary import ReportKind, Sign, Verification

PRIOR_REPORTS = 3.0
"""Reports that the declared values weigh as much as, on either side of a ratio."""

ANY = "any"
"""What silence is about: that nothing, or nothing else, was reported."""

_MOST = 0.95
"""No kind is reported more surely than this, whatever its states sum to."""

KEYS = ["part", "what", "verification"]
COUNTS = ["seen_if", "watched_if", "seen_none", "watched_none"]


_INCIDENT, _DEFUSED = str(ReportKind.INCIDENT), str(ReportKind.TENSION_DEFUSED)

_BEFORE: MappingProxyType[str, tuple[float, float]] = MappingProxyType(
    {
        Sign.HATE_SPEECH: (0.12, 0.040),
        Sign.ARMED_PRESENCE: (0.16, 0.040),
        Sign.THREATS: (0.15, 0.040),
        Sign.RIVAL_RALLIES: (0.15, 0.060),
        Sign.FRAUD_RUMOUR: (0.12, 0.080),
        Sign.DESTROYED_MATERIAL: (0.05, 0.0125),
        Sign.BLOCKED_ROAD: (0.06, 0.030),
        Sign.ABSENT_OFFICIALS: (0.06, 0.040),
        Sign.CLASH: (0.12, 0.024),
        Sign.OTHER: (0.08, 0.067),
        _INCIDENT: (0.15, 0.050),
    }
)
"""P(reported in a watched week | incident in the week after), and the same without incident.

Chosen, not estimated: a brawl or arms count for more than rumours, all within a factor of 5.
"""

_DEFUSED_SHARE = 0.08
"""Declared to say nothing either way: its sign is reported too, and Vigie claims no effect."""

SPEAKING: tuple[str, ...] = (*(str(what) for what in _BEFORE), _DEFUSED)
"""What a report can say of the next days."""

_HAPPENED = (0.70, 0.030)
"""P(incident reported in a watched week | one happened there), and the same if none did."""

_States = Mapping[Verification, tuple[float, float]]
_STATES: _States = MappingProxyType(
    {
        Verification.UNVERIFIED: (0.50, 0.62),
        Verification.CORROBORATED: (0.25, 0.16),
        Verification.CONFIRMED: (0.20, 0.07),
    }
)
"""Share of the reports in each state, before incidents and otherwise."""

_INCIDENT_STATES: _States = MappingProxyType(
    {
        Verification.UNVERIFIED: (0.50, 0.70),
        Verification.CORROBORATED: (0.25, 0.12),
        Verification.CONFIRMED: (0.20, 0.03),
    }
)
"""The same of reported incidents, where one happened and where none did."""

_OTHERWISE = {state: share for state, (_, share) in _STATES.items()}
_REFUTED_SHARE = 0.15
"""Of reports without incident; a refuted report is declared to say nothing, on either side."""


@dataclass(frozen=True)
class Cell:
    """A ratio ready for use: its natural logarithm and how unsure it is.

    Attributes:
        log: log of the ratio of the two mean probabilities.
        sd: standard deviation of the log ratio, by the trigamma function.
    """

    log: float
    sd: float


def declared() -> pd.DataFrame:
    """The ratios before any outcome is known: the table of `updated` with counts of 0.

    Returns:
        One row per part, what and verification state: `KEYS`, `prior_if` and `prior_none`
        (probabilities), `COUNTS` (reports and watched unit-weeks), and the columns that
        `updated` works out.
    """
    rows = [
        *_in_states(Part.SO_FAR, _INCIDENT, *_HAPPENED, _INCIDENT_STATES),
        *(
            (str(Part.NEXT), _DEFUSED, str(state), *[_DEFUSED_SHARE * share] * 2)
            for state, share in {**_OTHERWISE, Verification.REFUTED: _REFUTED_SHARE}.items()
        ),
    ]
    for what, (before, otherwise) in _BEFORE.items():
        rows += _in_states(Part.NEXT, str(what), before, otherwise)
    table = pd.DataFrame(rows, columns=[*KEYS, "prior_if", "prior_none"])
    table[KEYS] = table[KEYS].astype("str")
    return updated(table.assign(**dict.fromkeys(COUNTS, 0.0)))


def _in_states(
    part: Part, what: str, given: float, none: float, states: _States = _STATES
) -> list[tuple[str, str, str, float, float]]:
    rows = [
        (str(part), what, str(state), given * if_share, none * none_share)
        for state, (if_share, none_share) in states.items()
    ]
    nothing = none * _REFUTED_SHARE
    return [*rows, (str(part), what, str(Verification.REFUTED), nothing, nothing)]


def updated(table: pd.DataFrame, level: float = 0.8) -> pd.DataFrame:
    """Work out the posterior of a table with counts.

    Args:
        table: `KEYS`, `prior_if`, `prior_none` and `COUNTS`, in any order of columns.
        level: probability that `ratio_lower` to `ratio_upper` is meant to hold.

    Returns:
        The same rows with `p_if` and `p_none` (posterior means), `ratio`, `ratio_lower`,
        `ratio_upper`, `log_ratio` and `log_sd`.

    Raises:
        ContractError: a cell twice, a prior outside (0, 1), or more reports than watched weeks.
    """
    _require(table)
    z = float(ndtri(0.5 + level / 2))
    out = table.reset_index(drop=True).copy()
    variance = np.zeros(len(out))
    for side in ("if", "none"):
        prior = out[f"prior_{side}"].to_numpy(dtype=float)
        seen = out[f"seen_{side}"].to_numpy(dtype=float)
        watched = out[f"watched_{side}"].to_numpy(dtype=float)
        a = PRIOR_REPORTS + seen
        b = PRIOR_REPORTS * (1 / prior - 1) + watched - seen
        out[f"p_{side}"] = a / (a + b)
        variance += polygamma(1, a) - polygamma(1, a + b)
    log_ratio: Floats = np.log(out["p_if"].to_numpy() / out["p_none"].to_numpy())
    # Where both sides are declared alike and nothing was seen, the report says nothing, surely.
    mute = (out["prior_if"] == out["prior_none"]) & (out["seen_if"] + out["seen_none"] == 0)
    log_ratio, spread = np.where(mute, 0.0, log_ratio), np.where(mute, 0.0, np.sqrt(variance))
    return out.assign(
        ratio=np.exp(log_ratio),
        ratio_lower=np.exp(log_ratio - z * spread),
        ratio_upper=np.exp(log_ratio + z * spread),
        log_ratio=log_ratio,
        log_sd=spread,
    )


def learned(table: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Add a round's counts to a table of ratios.

    Args:
        table: from `declared` or from an earlier round.
        counts: `KEYS` and `COUNTS`, as `response.learning.counted` gives them; cells that it
            does not name stay as they are.

    Raises:
        ContractError: counts for a cell that the table does not have.
    """
    merged = table[KEYS].merge(counts, how="outer", on=KEYS, indicator=True)
    strange = merged.loc[merged["_merge"] == "right_only", KEYS].to_numpy().tolist()
    if strange:
        raise ContractError(f"ratios: expected counts of cells in the table, got {strange[:3]}")
    added = table[KEYS].merge(counts, how="left", on=KEYS)[COUNTS].fillna(0.0)
    return updated(table.assign(**{name: table[name] + added[name] for name in COUNTS}))


class Ratios:
    """A table of ratios, asked cell by cell."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table
        rows = zip(*(table[k] for k in KEYS), table["log_ratio"], table["log_sd"], strict=True)
        self._cells = {(p, w, v): Cell(float(log), float(sd)) for p, w, v, log, sd in rows}
        told = table.loc[
            (table["verification"] != str(Verification.REFUTED)) & (table["log_sd"] > 0)
        ]
        self._told = {key: _any_state(rows) for key, rows in told.groupby(["part", "what"])}

    def cell(self, part: Part, what: str, verification: str) -> Cell | None:
        """The ratio of a kind of report in a state; None where it answers another question."""
        return self._cells.get((str(part), what, verification))

    def absence(self, part: Part, shares: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        """The log ratios of what was not reported, where a share of the time was watched.

        With s the probability that a fully watched week brings a report of a kind, its absence
        has the ratio (1 - s_if * share) / (1 - s_none * share): 1 where nobody watched.

        Args:
            part: the question.
            shares: kind -> share of the time watched without it, 0 to 1, shape (units,).

        Returns:
            Log ratios summed over the kinds, and their standard deviation, shape (units,) each.
        """
        count = len(next(iter(shares.values())))
        log, variance = np.zeros(count), np.zeros(count)
        for what, share in shares.items():
            for sign, p, spread in self._told.get((str(part), what), ()):
                missed = 1.0 - p * share
                log += sign * np.log(missed)
                variance += (share / missed) ** 2 * spread
        return log, np.sqrt(variance)


def _any_state(rows: pd.DataFrame) -> tuple[tuple[float, float, float], ...]:
    """Sign, probability and variance of a report in any state, before incidents and otherwise."""
    sides = []
    for side, sign in (("if", 1.0), ("none", -1.0)):
        p = rows[f"p_{side}"].to_numpy(dtype=float)
        trials = (PRIOR_REPORTS / rows[f"prior_{side}"] + rows[f"watched_{side}"]).to_numpy()
        spread = float((p * (1 - p) / (trials + 1)).sum())
        sides.append((sign, min(float(p.sum()), _MOST), spread))
    return tuple(sides)


def _require(table: pd.DataFrame) -> None:
    if table.duplicated(KEYS).any():
        twice = table.loc[table.duplicated(KEYS), KEYS].iloc[0].tolist()
        raise ContractError(f"ratios: expected each cell once, got {twice} twice")
    for side in ("if", "none"):
        prior = table[f"prior_{side}"]
        if not prior.between(0, 1, inclusive="neither").all():
            raise ContractError(f"ratios: expected prior_{side} within 0 and 1, got others")
        few = table[f"seen_{side}"] > table[f"watched_{side}"] + 1e-9
        if few.any() or (table[f"seen_{side}"] < 0).any():
            cell = table.loc[few, KEYS].head(1).to_numpy().tolist()
            raise ContractError(
                f"ratios: expected 0 <= seen_{side} <= watched_{side}, got others in {cell}"
            )
