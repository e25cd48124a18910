"""Models against the truth of several synthetic countries, and against one that was taught it.

    python tests/truth_seeds.py FOLDER 7 11 23 41

Of every country: the share of the true average precision and Brier skill that a model reaches,
expected over outcomes and not for one draw of them; how often intervals hold the truth; and what
trees reach that learned the *true probabilities* of all the other countries from the same
features. These know from twice as many days what anyone could learn from what is reported; what
they miss, nobody can read off the panel.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from numpy.typing import NDArray

from features.days import day_number
from features.panel import build_panel
from features.tables import Tables
from models.baselines import expit
from models.metrics import average_precision
from pipelines.backtest.rolling import develop_at
from pipelines.ingest import ingest
from pipelines.pack import Pack, load_pack
from pipelines.question import Question, context_as_of, target_class
from pipelines.synthetic import make_country
from store.lake import Lake

FIRST_ASKED, EVERY = "2022-01-01", 5
"""Windows from then on are asked about, every fifth of them."""

FIRST_TAUGHT = "2019-01-01"
MODELS = ("average", "self_exciting", "logistic", "xgboost", "decay_365d_parent_mean")
WINDOW_DAYS = 42
TAUGHT = {
    "objective": "binary:logistic",
    "max_depth": 5,
    "learning_rate": 0.05,
    "min_child_weight": 5,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
}


@dataclass(frozen=True)
class Country:
    """One synthetic country; `truth` by day has one row per unit in the registry's order."""

    seed: int
    pack: Pack
    tables: Tables
    truth: dict[date, pd.DataFrame]

    def question(self, day: date) -> Question:
        first, last = self.truth[day][["window_start", "window_end"]].iloc[0]
        target = target_class(self.pack.target("any"))
        return Question(
            "none", target, day, date.fromisoformat(first), date.fromisoformat(last), None
        )

    def asked(self) -> list[date]:
        return [d for d in self.truth if d >= date.fromisoformat(FIRST_ASKED)][::EVERY]

    def taught(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Features and true probabilities of every day with a truth."""
        context = context_as_of(self.pack, self.tables, self.question(max(self.truth)))
        panel = build_panel(context)
        days = [d for d in self.truth if day_number(d) in set(panel.days.tolist())]
        keep = np.isin(panel.days, [day_number(d) for d in days])
        true = np.concatenate([self.truth[d]["probability"].to_numpy() for d in days])
        return panel.rows(keep).to_numpy(dtype=np.float32), true


def made(folder: Path, seed: int) -> Country:
    home = folder / str(seed)
    file = home / "country.toml"
    if not file.exists():
        make_country(home, seed=seed)
    pack = load_pack(file)
    weekly = pack.training.model_copy(update={"step_days": 7})
    pack = pack.model_copy(update={"training": weekly})
    tables = ingest(pack, Lake(home / "lake"), now=datetime.now(UTC)).tables
    truth = pd.read_csv(home / "truth.csv")
    length = pd.to_datetime(truth["window_end"]) - pd.to_datetime(truth["window_start"])
    truth = truth.loc[(length.dt.days + 1 == WINDOW_DAYS) & (truth["as_of"] >= FIRST_TAUGHT)]
    order = tables.units["unit_id"]
    return Country(
        seed,
        pack,
        tables,
        {
            date.fromisoformat(day): rows.drop_duplicates("unit_id").set_index("unit_id").loc[order]
            for day, rows in truth.groupby("as_of")
        },
    )


def share(said: NDArray[np.float64], true: NDArray[np.float64], rate: float) -> float:
    """Share of the true probabilities' Brier skill, outcomes summed out."""
    luck = true * (1 - true)

    def skill(p: NDArray[np.float64] | float) -> float:
        return float(1 - ((p - true) ** 2 + luck).sum() / ((rate - true) ** 2 + luck).sum())

    return skill(said) / skill(true)


def held(country: Country, day: date, trees: xgboost.Booster) -> list[dict[str, object]]:
    truth = country.truth[day]
    true, y = truth["probability"].to_numpy(), truth["occurred"].to_numpy()
    prepared, development = develop_at(country.pack, country.tables, country.question(day))
    best = average_precision(y, true)
    rate = development.forecasters["base_rate"].base_rate
    rows: list[dict[str, object]] = []
    for kind in MODELS:
        forecaster = development.forecasters[kind]
        said = forecaster.forecast(prepared.now[list(forecaster.columns)])
        p = said["probability"].to_numpy()
        covered = (said["lower"] <= true) & (true <= said["upper"])
        rows.append(
            {
                "model": kind,
                "AP share": average_precision(y, p) / best,
                "Brier skill share": share(p, true, rate),
                "intervals hold": covered.mean(),
            }
        )
    margin = trees.inplace_predict(prepared.now.to_numpy(dtype=np.float32), predict_type="margin")
    rows.append(
        {
            "model": "taught the truth elsewhere",
            "AP share": average_precision(y, margin.astype(float)) / best,
            "Brier skill share": share(expit(margin), true, rate),
        }
    )
    return [{"seed": country.seed, "as_of": day.isoformat(), **row} for row in rows]


def main(folder: Path, seeds: list[int]) -> None:
    countries = [made(folder, seed) for seed in seeds]
    lessons = {c.seed: c.taught() for c in countries}
    rows = []
    for country in countries:
        others = [lessons[seed] for seed in seeds if seed != country.seed]
        X, true = (np.concatenate(part) for part in zip(*others, strict=True))
        trees = xgboost.train(TAUGHT, xgboost.DMatrix(X, label=true), num_boost_round=300)
        for day in country.asked():
            rows += held(country, day, trees)
            print(f"seed {country.seed}, as of {day}", file=sys.stderr)
    found = pd.DataFrame(rows)
    figures = ["AP share", "Brier skill share", "intervals hold"]
    print(found.groupby(["model", "seed"])[figures].mean().round(3).to_string())
    print(found.groupby("model")[figures].mean().round(3).to_string())
    print(f"{found['as_of'].nunique()} days, {len(countries)} countries")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])
