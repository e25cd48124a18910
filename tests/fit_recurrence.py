"""What the rest of the world says of electoral violence: the constants of `models.recurrence`.

    .venv/bin/python tests/fit_recurrence.py 1999-01-01 2003-02-17 2011-02-14

prints them as known on each day, from DECO and REIGN in `../shared/data/west_africa`, without the
countries of the West African pack. The constants in the code are those of the first of these days.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.linear_model import PoissonRegressor

PACK = {432, 433, 436, 437, 438, 439, 452, 475}
HALF_LIFE_DAYS, LAG_DAYS, WINDOW_DAYS = 1095, 14, (60, 30)
HERE_KM, AROUND_KM, COUNTRY_KM2 = 20.0, 90.0, 500_000.0
"""Discs as large as Nigeria's median local government and state; a country of middling size."""

MOST_SITES, MOST_SITES_LEVEL = 25, 20
"""One round must not decide: sites beyond this add nothing."""

CELL_DEGREES = 0.25
"""Incidents of a round within one cell are one site."""


@dataclass(frozen=True)
class Round:
    """One round of one country.

    Attributes:
        known: day from which all of its window was known.
        past: incidents known on its eve, each counting half after `HALF_LIFE_DAYS`.
        weight: what each past incident counts.
        km: from each site struck in the window to each past incident.
    """

    known: pd.Timestamp
    past: float
    weight: np.ndarray
    km: np.ndarray


def rounds(folder: Path, until: str = "2011-12-31") -> list[Round]:
    """Every dated vote of REIGN from 1990 to a day outside the pack."""
    deco = pd.read_csv(folder / "deco_v1_1989_2011.csv", dtype=str)
    deco["country"] = deco["country_id"].str.split("[;,]").str[0].astype(int)
    deco["day"] = pd.to_datetime(deco["date_start"], format="%m/%d/%Y", errors="coerce")
    for column in ("latitude", "longitude"):
        deco[column] = pd.to_numeric(deco[column], errors="coerce")
    deco = deco.dropna(subset=["day", "latitude", "longitude"])
    votes = pd.read_csv(folder / "reign_electionlist_2021_03.csv", dtype=str)
    votes = votes.loc[votes["event"].str.lower().str.startswith("vote")]
    votes["country"] = votes["ccode"].astype(int)
    parts = {
        p: pd.to_numeric(votes[f"elec_{p}"], errors="coerce") for p in ("year", "month", "day")
    }
    votes["polling"] = pd.to_datetime(parts, errors="coerce")
    votes = votes.dropna(subset=["polling"]).sort_values("polling", kind="stable")
    votes = votes.loc[votes["polling"].between("1990-01-01", until)]
    votes = votes.loc[~votes["country"].isin(PACK)]
    return [
        _round(deco.loc[deco["country"] == country], polling)
        for country, polling in zip(votes["country"], votes["polling"], strict=True)
    ]


def _round(deco: pd.DataFrame, polling: pd.Timestamp) -> Round:
    before, after = (pd.Timedelta(days=d) for d in WINDOW_DAYS)
    lag, eve = pd.Timedelta(days=LAG_DAYS), polling - before - pd.Timedelta(days=1)
    past = deco.loc[deco["day"] + lag <= eve]
    struck = deco.loc[(deco["day"] > eve) & (deco["day"] <= polling + after)]
    cells = (struck[["latitude", "longitude"]] / CELL_DEGREES).round()
    struck = struck.loc[~cells.duplicated()]
    weight = 2.0 ** (-((eve - past["day"]).dt.days.to_numpy()) / HALF_LIFE_DAYS)
    return Round(polling + after + lag, float(weight.sum()), weight, _km(struck, past))


def _km(sites: pd.DataFrame, past: pd.DataFrame) -> np.ndarray:
    a, b = (np.radians(t[["latitude", "longitude"]].to_numpy()) for t in (sites, past))
    away = np.sin((a[:, None] - b[None]) / 2) ** 2
    cosines = np.cos(a[:, None, 0]) * np.cos(b[None, :, 0])
    return 2 * 6371.0088 * np.arcsin(np.sqrt(away[..., 0] + cosines * away[..., 1]))


def constants(known: list[Round]) -> dict[str, float]:
    """The constants, by the names they have in `models.recurrence`."""
    here, around, country, unseen = _shares([r for r in known if len(r.km)])
    total = np.log([r.past + unseen for r in known])
    sites = np.array([len(r.km) for r in known])
    level = PoissonRegressor(alpha=0).fit(total[:, None], np.minimum(sites, MOST_SITES_LEVEL))
    mean = level.predict(total[:, None])
    shapes = np.exp(np.linspace(-3, 2, 201))
    none = np.array([-k * np.log1p(mean / k) for k in shapes])
    fit = np.where(sites > 0, np.log(-np.expm1(none)), none).sum(axis=1)
    return {
        "HERE": here,
        "AROUND": around,
        "COUNTRY": country,
        "UNSEEN": unseen,
        "offset": float(level.intercept_),
        "level": float(level.coef_[0]),
        "CLUMPING": float(shapes[fit.argmax()]),
        "rounds": float(len(known)),
        "rounds with an incident": float((sites > 0).sum()),
    }


def _shares(struck: list[Round]) -> tuple[float, float, float, float]:
    """Maximum likelihood of where the sites were, given where there had been incidents before."""
    near, broad = np.pi * HERE_KM**2, np.pi * AROUND_KM**2
    densities = [
        np.column_stack(
            [
                (r.weight * (r.km <= HERE_KM)).sum(axis=1) / near,
                (r.weight * (r.km <= AROUND_KM)).sum(axis=1) / broad,
                np.full(len(r.km), r.past / COUNTRY_KM2),
            ]
        )
        for r in struck
    ]

    def loss(free: np.ndarray) -> float:
        shares, unseen = _of(free)
        total = 0.0
        for r, density in zip(struck, densities, strict=True):
            at = (density @ shares + unseen / COUNTRY_KM2) / (r.past + unseen)
            total -= np.log(at * COUNTRY_KM2).mean() * min(len(at), MOST_SITES)
        return total

    best = minimize(loss, np.zeros(3), method="Nelder-Mead", options={"maxiter": 2000})
    shares, unseen = _of(best.x)
    return float(shares[0]), float(shares[1]), float(shares[2]), unseen


def _of(free: np.ndarray) -> tuple[np.ndarray, float]:
    raw = np.exp([*free[:2], 0.0])
    return raw / raw.sum(), float(np.exp(free[2]))


def main() -> None:
    """Print the constants as known on the days given."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "west_africa"
    every = rounds(folder)
    table = {d: constants([r for r in every if r.known <= pd.Timestamp(d)]) for d in sys.argv[1:]}
    print(pd.DataFrame(table).round(2).to_string())


if __name__ == "__main__":
    main()
