"""Models against the truth of several synthetic countries, and against what can be known of it.

    python tests/truth_seeds.py FOLDER 7 11 23 41

Of every country: the share of average precision and Brier skill that a model reaches, expected
over outcomes and not for one draw of them, (a) of what the true probabilities reach, which know
what nobody sees, and (b) of what the knowable ones reach, which know the law of the process and the
reports of the day (`pipelines/synthetic/knowable.py`); and how often intervals hold the truth.
Two more rows: what is knowable itself, and trees that learned the *true probabilities* of all the
other countries from the same features, so that what they miss can hardly be read off the panel.
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
from pipelines.synthetic.country import Country as World
from pipelines.synthetic.country import knowable_at, simulate
from store.lake import Lake

FIRST_ASKED, EVERY = "2022-01-01", 5
"""Windows from then on are asked about, every fifth of them."""

UNITS, YEARS = 300, 8
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
    world: World
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

    def knowable(self, day: date) -> NDArray[np.float64]:
        """Knowable probabilities, in the registry's order."""
        as_of = (day - self.world.start).days
        known = knowable_at(self.world, seed=self.seed, as_of=as_of).probability
        by_unit = pd.Series(known, index=self.world.land.unit_ids)
        return by_unit.loc[self.truth[day].index].to_numpy()

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
        make_country(home, seed=seed, units=UNITS, years=YEARS)
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
        simulate(seed=seed, units=UNITS, years=YEARS),
        pack,
        tables,
        {
            date.fromisoformat(day): rows.drop_duplicates("unit_id").set_index("unit_id").loc[order]
            for day, rows in truth.groupby("as_of")
        },
    )


def skill(said: NDArray[np.float64], true: NDArray[np.float64], rate: float) -> float:
    """Brier skill against the base rate, outcomes summed out."""
    luck = true * (1 - true)
    return float(1 - ((said - true) ** 2 + luck).sum() / ((rate - true) ** 2 + luck).sum())


def held(country: Country, day: date, trees: xgboost.Booster) -> list[dict[str, object]]:
    truth = country.truth[day]
    true, y = truth["probability"].to_numpy(), truth["occurred"].to_numpy()
    prepared, development = develop_at(country.pack, country.tables, country.question(day))
    rate = development.forecasters["base_rate"].base_rate
    margin = trees.inplace_predict(prepared.now.to_numpy(dtype=np.float32), predict_type="margin")
    known = country.knowable(day)
    said = {"knowable": known, "taught the truth elsewhere": expit(margin.astype(float))}
    intervals: dict[str, float] = {}
    for kind in MODELS:
        forecaster = development.forecasters[kind]
        forecast = forecaster.forecast(prepared.now[list(forecaster.columns)])
        said[kind] = forecast["probability"].to_numpy()
        intervals[kind] = ((forecast["lower"] <= true) & (true <= forecast["upper"])).mean()
    bests = {"true": true, "knowable": known}
    return [
        {"seed": country.seed, "as_of": day.isoformat(), "model": kind}
        | {
            f"{figure} of {name}": value(p) / value(best)
            for name, best in bests.items()
            for figure, value in (
                ("AP", lambda p: average_precision(y, p)),
                ("skill", lambda p: skill(p, true, rate)),
            )
        }
        | {"intervals hold": intervals.get(kind, np.nan)}
        for kind, p in said.items()
    ]


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
    figures = list(found.columns[3:])
    print(found.groupby(["model", "seed"])[figures].mean().round(3).to_string())
    print(found.groupby("model")[figures].mean().round(3).to_string())
    print(f"{found['as_of'].nunique()} days, {len(countries)} countries")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])
