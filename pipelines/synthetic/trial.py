"""Nowcasts held against bulletins on simulated rounds whose truth is known.

Run with `python -m pipelines.synthetic.trial`; `--help` names the options. Each seed is another
country with all its rounds. The bulletin is either `sharp`, the true probability itself, which
nothing beats without reports, or `blunt`, the mean of it over a parent area, as calibrated and less
informed. Ratios are the declared ones, or `learned` from the country's rounds before. Intervals
come from drawing whole countries anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from features.kernels import Floats
from models.metrics import average_precision, brier, calibration_error
from models.resampling import interval
from pipelines.printing import out, table
from pipelines.synthetic.country import Country, simulate
from pipelines.synthetic.field import FieldRates, happened, make_posts, make_reports, moment_of
from pipelines.synthetic.rounds import Round
from pipelines.synthetic.truth import true_values
from response.evidence import Moment
from response.learning import counted
from response.nowcast import nowcast
from response.ratios import Ratios, declared, learned

BRANCHES = 64
NEXT_DAYS = 7
MOMENTS = (14.0, 26.5, 34.0)
"""Days after the window's first midnight; polling day is the 27th."""

DRAWS = 2000

CASES: dict[str, FieldRates] = {
    "as declared": FieldRates(),
    "noisier": FieldRates().scaled(before=0.6, false=2.5),
    "clearer": FieldRates().scaled(before=1.5, false=0.4),
    "signs mean nothing": FieldRates().scaled(before=0.0),
    "slow and silent": replace(FieldRates(), silent=0.5, nothing=0.2, late=0.4, verified=0.2),
}
"""Fields that differ from what is declared, and one that does not much."""


@dataclass(frozen=True)
class Setting:
    """How large a trial is."""

    units: int = 80
    years: int = 5
    mediators: int = 60
    moments: tuple[float, ...] = MOMENTS


def rows(seed: int, case: str, bulletin: str, setting: Setting) -> pd.DataFrame:
    """All forecasts of one country beside what happened.

    Args:
        seed: of the country and of its field.
        case: one of `CASES`.
        bulletin: `sharp` or `blunt`.
        setting: how large.

    Returns:
        One row per round, moment and unit: `seed`, `election_id`, `day`, `unit_id`, `watched`,
        outcomes `y` (in the window) and `y_ahead` (from the moment on), and for each the
        probabilities of the bulletin, and of nowcasts with `declared` and `learned` ratios.
    """
    country = simulate(seed=seed, units=setting.units, years=setting.years)
    ratios = declared()
    parts = []
    for number, held in enumerate(country.rounds):
        rng = np.random.default_rng([seed, 7, number])
        scores = _scores(country, held, bulletin, seed)
        posts = make_posts(rng, country, scores["probability"].to_numpy(), setting.mediators)
        reports = make_reports(rng, country, held, posts, CASES[case])
        was = happened(country, held)
        start, stop = window_of(country, held)
        for day in setting.moments:
            moment = Moment(start + pd.Timedelta(days=day), start, stop, NEXT_DAYS)
            found = [
                nowcast(scores, places(country), reports, posts, moment, Ratios(of))
                for of in (declared(), ratios)
            ]
            parts.append(_row(seed, held, day, found, was, moment))
        whole = Moment(stop, start, stop, NEXT_DAYS)
        counts = counted(reports, posts, was, pd.Index(country.land.unit_ids), whole)
        ratios = learned(ratios, counts)
    return pd.concat(parts, ignore_index=True)


def window_of(country: Country, held: Round) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First midnight of a round's window, and the one after its last day."""
    first, last = held.window
    return moment_of(country.start, first), moment_of(country.start, last + 1)


def places(country: Country) -> pd.DataFrame:
    """`unit_id`, `lon` and `lat` of every unit."""
    centres = [polygon.centroid for polygon in country.land.polygons]
    return pd.DataFrame(
        {
            "unit_id": country.land.unit_ids,
            "lon": [centre.x for centre in centres],
            "lat": [centre.y for centre in centres],
        }
    )


def _scores(country: Country, held: Round, bulletin: str, seed: int) -> pd.DataFrame:
    """A bulletin of the eve of the window, made from the truth."""
    as_of = held.window[0] - 1
    truth = true_values(
        np.random.default_rng([seed, 1000 + as_of]),
        *(country.model, country.campaigner, country.rounds, country.campaigns),
        *(country.history.states[as_of], as_of, BRANCHES),
    )
    table = pd.DataFrame({"probability": truth.probability, "expected_incidents": truth.expected})
    if bulletin == "blunt":
        table = table.groupby(np.array(country.land.parent_names)).transform("mean")
    p = table["probability"].to_numpy()
    odds = p / (1 - p)
    return table.assign(
        unit_id=country.land.unit_ids,
        lower=odds / 2 / (1 + odds / 2),
        upper=odds * 2 / (1 + odds * 2),
        band="",
    )


def _row(
    seed: int, held: Round, day: float, found: list[pd.DataFrame], was: pd.DataFrame, now: Moment
) -> pd.DataFrame:
    plain, taught = found
    p = plain["bulletin_probability"].to_numpy(dtype=float)
    left = 1.0 - now.elapsed_days / ((now.stop - now.start) / pd.Timedelta(days=1))
    # Incidents have a day, not an hour: the moment's own day counts as still ahead.
    ahead = was.loc[was["event_date"].dt.tz_localize("UTC") >= now.at.floor("D"), "unit_id"]
    return pd.DataFrame(
        {
            "seed": seed,
            "election_id": held.election_id,
            "day": day,
            "unit_id": plain["unit_id"],
            "watched": plain["mediators"] > 0,
            "y": plain["unit_id"].isin(was["unit_id"]).astype(int),
            "y_ahead": plain["unit_id"].isin(ahead).astype(int),
            "bulletin": p,
            "declared": plain["probability"],
            "learned": taught["probability"],
            "bulletin_ahead": -np.expm1(left * np.log1p(-p)),
            "declared_ahead": plain["ahead"],
            "learned_ahead": taught["ahead"],
        }
    )


Measure = Callable[[pd.DataFrame, str, str], float]


def _ap(part: pd.DataFrame, y: str, p: str) -> float:
    if part[y].nunique() < 2:
        return float("nan")
    return average_precision(part[y].to_numpy(), part[p].to_numpy())


MEASURES: dict[str, Measure] = {
    "brier": lambda part, y, p: brier(part[y].to_numpy(), part[p].to_numpy()),
    "average_precision": _ap,
    "calibration_error": lambda part, y, p: calibration_error(
        part[y].to_numpy(), part[p].to_numpy()
    ),
    "mean_gap": lambda part, y, p: float(part[p].mean() - part[y].mean()),
}
"""Scores of one forecast; `mean_gap` is mean forecast less share of units with incidents."""


def summary(found: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """How nowcasts score beside the bulletin, over countries.

    Args:
        found: from `rows`, of several seeds.
        seed: of the drawing of countries.

    Returns:
        One row per question (`window`, `ahead`), forecast and measure: `value`, its mean over
        countries, and `gain`, mean difference from the bulletin, with `low` and `high`, the
        `models.resampling.LEVEL` interval over countries.
    """
    groups = [part for _, part in found.groupby("seed")]
    drawn = np.random.default_rng(seed).integers(len(groups), size=(DRAWS, len(groups)))
    lines = []
    for question, tail in (("window", ""), ("ahead", "_ahead")):
        for name, measure in MEASURES.items():

            def values(forecast: str, measure: Measure = measure, tail: str = tail) -> Floats:
                return np.array([measure(part, f"y{tail}", f"{forecast}{tail}") for part in groups])

            before = values("bulletin")
            for forecast in ("bulletin", "declared", "learned"):
                mine = values(forecast)
                gain = mine - before
                low, high = interval(gain[drawn].mean(axis=1))
                lines.append((question, forecast, name, mine.mean(), gain.mean(), low, high))
    columns = ["question", "forecast", "measure", "value", "gain", "low", "high"]
    return pd.DataFrame(lines, columns=columns)


def trial(
    seeds: range, cases: list[str], bulletins: list[str], setting: Setting
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Every case with every kind of bulletin: its name, the bulletin's and the summary."""
    for case in cases:
        for bulletin in bulletins:
            found = [rows(seed, case, bulletin, setting) for seed in seeds]
            yield case, bulletin, summary(pd.concat(found, ignore_index=True))


def main(
    seeds: Annotated[int, typer.Option(min=2, help="Countries")] = 20,
    case: Annotated[list[str] | None, typer.Option(help="Of " + ", ".join(CASES))] = None,
    bulletin: Annotated[list[str] | None, typer.Option(help="sharp, blunt")] = None,
    units: Annotated[int, typer.Option(help="Communes of each")] = 80,
    mediators: Annotated[int, typer.Option(help="Mediators of each round")] = 60,
) -> None:
    """Hold nowcasts against bulletins on simulated rounds."""
    setting = Setting(units=units, mediators=mediators)
    kinds = bulletin or ["sharp", "blunt"]
    for name, kind, told in trial(range(100, 100 + seeds), case or list(CASES), kinds, setting):
        heading = ("question", "forecast", "measure", "mean", "less bulletin", "90 % interval")
        shown = table(f"{name}, {kind} bulletin, {seeds} countries", *heading)
        for question, forecast, measure, value, gain, low, high in told.to_numpy().tolist():
            span = "" if forecast == "bulletin" else f"{low:+.4f} to {high:+.4f}"
            shown.add_row(question, forecast, measure, f"{value:.4f}", f"{gain:+.4f}", span)
        out.print(shown)


if __name__ == "__main__":
    typer.run(main)
