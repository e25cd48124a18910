"""Nowcast: a bulletin's scores updated by what the field reported by a moment.

A nowcast's `probability` speaks of what the bulletin's does: at least one incident in the whole
window. With L = -log(1 - p) for the bulletin's p, spread evenly over the window (a convention),
the window falls into blocks of shares w: the next days, what comes later, and what is over, week
by week. With E the sum of the pieces of `response.evidence` about a block,

    -log(1 - probability) = sum over blocks of log(1 + (e^(w L) - 1) e^E)

which is Bayes' rule on the odds of each block; Spiegelhalter & Knill-Jones (1984, JRSS A 147) sum
log ratios so. With E = 0 it is p. So a nowcast without reports is the bulletin, a confirmed
incident raises the whole window for good, and a sign only while there are days ahead.

What each piece adds to the log-odds is its Aumann-Shapley value, the mean of its pull on the way
from no evidence to all of it (Aumann & Shapley 1974, Values of Non-Atomic Games): pieces keep
their sign, and sum to the whole move.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from features.errors import ContractError, LeakError
from features.kernels import Floats
from features.space import distances
from response.bands import band
from response.contracts import current, require
from response.effort import watches
from response.evidence import ASSUMPTIONS, LATER, NEXT, Assumptions, Moment, evidence
from response.nowcast_words import updates_of
from response.ratios import Ratios

NUMBERS = ["probability", "lower", "upper", "next_days", "ahead", "expected_incidents"]
_CLIP = 1e-6
_NODES = 64


def nowcast(
    scores: pd.DataFrame,
    units: pd.DataFrame,
    reports: pd.DataFrame,
    posts: pd.DataFrame,
    moment: Moment,
    ratios: Ratios,
    *,
    level: float = 0.8,
    assumptions: Assumptions = ASSUMPTIONS,
) -> pd.DataFrame:
    """Update a bulletin's scores with the reports known at a moment.

    Args:
        scores: of the bulletin, one row per unit: `unit_id`, `probability`, `lower`, `upper`,
            `expected_incidents`, `band`; missing numbers where it abstains.
        units: `unit_id`, `lon` and `lat` in degrees; all units of the scores.
        reports: keeps `REPORTS`; versions known after the moment change nothing.
        posts: keeps `POSTS`.
        moment: now and the bulletin's window.
        ratios: what each kind of report tells.
        level: probability that the bulletin's interval is meant to hold, and the nowcast's.
        assumptions: how reports fade, repeat and spill over.

    Returns:
        One row per unit, in the order of `scores`: `unit_id`; `probability` with `lower` and
        `upper`, of at least one incident in the whole window; `next_days`, of one in the next
        `assumptions.next_days` days of the window; `ahead`, of one from now to its end;
        `expected_incidents`; `rank` (from 1, missing where the bulletin abstains) and `band`;
        `bulletin_probability`; `reports` (that moved this unit, or spoke of it); the columns of
        `response.effort.watches`; `updates`, a list of dicts, one per reason, whose
        `contribution`s in log-odds sum to logit(probability) - logit(bulletin_probability); and
        `says` with `translations`, the whole in a sentence.

    Raises:
        ContractError: a table breaks its contract, or a score's unit is not among the units.
        LeakError: the window has no days.
    """
    require(reports, "reports")
    require(posts, "posts")
    if moment.stop <= moment.start:
        raise LeakError(f"nowcast: expected a window of days, got {moment.start} to {moment.stop}")
    ids = pd.Index(scores["unit_id"])
    placed = units.set_index("unit_id").reindex(ids)
    if placed["lon"].isna().any():
        lost = ids[placed["lon"].isna().to_numpy()].tolist()
        raise ContractError(f"nowcast: expected a place for every unit, got none for {lost[:5]}")
    known = current(reports, moment.at)
    km = distances(placed, assumptions.radius_km)
    pieces = evidence(known, posts, ids, km, moment, ratios, assumptions)
    pieces = pieces.assign(at=ids.get_indexer(pd.Index(pieces["unit_id"])))
    scored = _scored(scores, pieces, moment, level)
    told = scored.join(watches(known, posts, ids, moment.at).drop(columns="unit_id"))
    here = known.groupby("unit_id").size().reindex(ids).fillna(0).astype("int64")
    return told.assign(reports=here.to_numpy(), **updates_of(told, pieces))


def _scored(
    scores: pd.DataFrame, pieces: pd.DataFrame, moment: Moment, level: float
) -> pd.DataFrame:
    """Every number of a nowcast; adds to `pieces` what each contributes to the log-odds."""
    count = len(scores)
    at = pieces["at"].to_numpy(dtype=np.intp)
    block = pieces["block"].to_numpy(dtype=np.intp)
    value = pieces["value"].to_numpy(dtype=float)
    E = _summed((at, block), value, (count, len(moment.shares)))
    prior = {name: scores[name].to_numpy(dtype=float) for name in ("probability", "lower", "upper")}
    moved = {name: _logit(p, E, moment.shares) for name, p in prior.items()}
    factor = _pulls(prior["probability"], E, moment.shares)[at, block]
    pieces["contribution"] = value * factor
    z = float(ndtri(0.5 + level / 2))
    extra = _summed((at,), (z * pieces["sd"].to_numpy(dtype=float) * factor) ** 2, (count,))
    middle = moved["probability"]
    low = middle - np.sqrt((middle - moved["lower"]) ** 2 + extra)
    high = middle + np.sqrt((moved["upper"] - middle) ** 2 + extra)
    still = (E == 0).all(axis=1)
    numbers = {
        "probability": np.where(still, prior["probability"], _expit(middle)),
        "lower": np.where(still, prior["lower"], _expit(low)),
        "upper": np.where(still, prior["upper"], _expit(high)),
        **_coming(prior["probability"], E[:, NEXT], moment.shares),
    }
    return _ranked(scores, numbers, still)


def _summed(at: tuple[NDArray[np.intp], ...], values: Floats, shape: tuple[int, ...]) -> Floats:
    total = np.zeros(shape)
    np.add.at(total, at, values)
    return total


def _hazards(p: Floats, shares: Floats) -> Floats:
    """The w L of every block, of probabilities kept off 0 and 1; shape (units, blocks)."""
    return -np.log1p(-np.clip(p, _CLIP, 1 - _CLIP))[:, None] * shares


def _logit(p: Floats, E: Floats, shares: Floats) -> Floats:
    """Log-odds of at least one incident in the window, given the evidence on each block."""
    total = np.log1p(np.expm1(_hazards(p, shares)) * np.exp(E)).sum(axis=1)
    logit: Floats = np.log(np.expm1(total))
    return logit


def _pulls(p: Floats, E: Floats, shares: Floats) -> Floats:
    """What a unit of evidence about a block adds to the log-odds of the window, on the whole way.

    The mean over a from 0 to 1 of the slope of `_logit` at a E, by Gauss-Legendre quadrature.

    Returns:
        Shape (units, blocks), 0 to 1.
    """
    odds = np.expm1(_hazards(p, shares))
    mean = np.zeros_like(E)
    for node, weight in zip(*np.polynomial.legendre.leggauss(_NODES), strict=True):
        now = odds * np.exp(E * (1 + node) / 2)
        total = np.log1p(now).sum(axis=1)
        mean += weight / 2 * (now / (1 + now)) / -np.expm1(-total)[:, None]
    return mean


def _coming(p: Floats, E: Floats, shares: Floats) -> dict[str, Floats]:
    """Probabilities of an incident in the next days, and from now to the end of the window."""
    hazard = np.where(np.isnan(p), np.nan, -np.log1p(-np.clip(p, 0.0, 1 - _CLIP)))
    soon = np.log1p(np.expm1(shares[NEXT] * hazard) * np.exp(E))
    later = shares[LATER] * hazard
    return {"next_days": -np.expm1(-soon), "ahead": -np.expm1(-(soon + later))}


def _expit(x: Floats) -> Floats:
    with np.errstate(over="ignore"):
        p: Floats = 1.0 / (1.0 + np.exp(-x))
    return p


def _ranked(
    scores: pd.DataFrame, numbers: dict[str, Floats], still: NDArray[np.bool_]
) -> pd.DataFrame:
    """The numbers with expected incidents, rank and band."""
    before = scores["probability"].to_numpy(dtype=float)
    expected = scores["expected_incidents"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        # As many incidents as before, where there is one.
        ratio = np.where(still | (before == 0), 1.0, numbers["probability"] / before)
    out = pd.DataFrame({"unit_id": scores["unit_id"].to_numpy(), **numbers})
    out["expected_incidents"] = np.maximum(expected * ratio, 0.0)
    speaks = out["probability"].notna()
    out.loc[~speaks, NUMBERS] = np.nan
    out["band"] = [
        old if same else str(band(float(p)))
        for p, same, old in zip(out["probability"], still | ~speaks, scores["band"], strict=True)
    ]
    order = out.loc[speaks].sort_values(["probability", "unit_id"], ascending=[False, True])
    rank = pd.Series(np.arange(1, len(order) + 1, dtype=float), index=order.index)
    return out.assign(rank=rank.reindex(out.index), bulletin_probability=before)
