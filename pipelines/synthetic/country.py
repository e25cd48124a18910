"""The synthetic country put together: land, calendar, campaigns, violence, truth, files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import ConfigError
from features.vocabulary import POLITICAL_VIOLENCE
from pipelines.synthetic.campaigns import Campaigner, CampaignEvents, joined
from pipelines.synthetic.evidence import seen_by
from pipelines.synthetic.geography import Geography, make_geography
from pipelines.synthetic.history import History, run_history
from pipelines.synthetic.knowable import knowable_values
from pipelines.synthetic.process import Model, make_model
from pipelines.synthetic.reports import delays, incident_table
from pipelines.synthetic.rounds import (
    LAST_DAY,
    WINDOW_LENGTH_DAYS,
    Round,
    first_day,
    make_rounds,
)
from pipelines.synthetic.truth import Truth, true_values
from pipelines.synthetic.write import write_country

BRANCHES = 256
"""Continuations behind each true probability."""

ORIGIN_STEP_DAYS = 56
FEWEST_UNITS, FEWEST_YEARS = 24, 3


@dataclass(frozen=True)
class Country:
    """All that is known of the synthetic country, its laws included.

    Attributes:
        start: first day of the data; days elsewhere are counted from it.
        land: geography.
        rounds: calendar.
        model: process.
        campaigner: draws campaign events.
        campaigns: campaign events of the history.
        history: what happened.
    """

    start: date
    land: Geography
    rounds: list[Round]
    model: Model
    campaigner: Campaigner
    campaigns: CampaignEvents
    history: History


def make_country(folder: Path, *, seed: int = 7, units: int = 300, years: int = 8) -> Path:
    """Write the synthetic country Vigilia in publishers' formats, with its pack and its truth.

    The same arguments give the same bytes. Files: `communes.geojson`, `population.csv`,
    `elections.csv`, `campaign_events.csv`, `voting_centers.csv`, `incidents.csv`,
    `truth.csv`, `country.toml`.

    Args:
        folder: where to write; made if missing.
        seed: seed of everything random.
        units: number of communes.
        years: whole years of data, the last of which is 2024.

    Returns:
        The path of the country pack.

    Raises:
        ConfigError: too few units or years for a country with regions and elections.
    """
    country = simulate(seed=seed, units=units, years=years)
    incidents = incident_table(_rng(seed, 6), country.land, country.history, country.start)
    truth = truth_table(country, seed=seed, branches=BRANCHES)
    folder.mkdir(parents=True, exist_ok=True)
    return write_country(
        folder, country.start, country.land, country.rounds, country.campaigns, incidents, truth
    )


def simulate(*, seed: int, units: int, years: int) -> Country:
    """Draw the country and run its history.

    Raises:
        ConfigError: too few units or years.
    """
    if units < FEWEST_UNITS or years < FEWEST_YEARS:
        raise ConfigError(
            f"synthetic country: expected at least {FEWEST_UNITS} units and {FEWEST_YEARS} "
            f"years, got {units} and {years}; ask for more"
        )
    start = first_day(years)
    days = (LAST_DAY - start).days + 1
    land = make_geography(_rng(seed, 1), units)
    rounds = make_rounds(years)
    campaigner = Campaigner(land, _rng(seed, 2))
    rng = _rng(seed, 3)
    campaigns = joined([campaigner.draw(rng, held) for held in rounds])
    model = make_model(_rng(seed, 4), land)
    keep = set(_origins(rounds, days))
    history = run_history(_rng(seed, 5), model, rounds, campaigns, days, keep)
    return Country(start, land, rounds, model, campaigner, campaigns, history)


def truth_table(country: Country, *, seed: int, branches: int) -> pd.DataFrame:
    """True values beside outcomes, for the window of each round and of each regular origin.

    Returns:
        One row per window and unit: `as_of`, `window_start`, `window_end`, `unit_id`,
        `probability`, `expected_incidents`, `probability_se`, `expected_incidents_se`,
        `occurred`, `count`, `election_id` (blank for regular origins).
    """
    days = len(country.history.factor)
    violent = np.isin(country.history.event_type, [str(kind) for kind in POLITICAL_VIOLENCE])
    parts = []
    for as_of, election_id in sorted(_origins(country.rounds, days).items()):
        truth = true_values(
            _rng(seed, 1000 + as_of),
            country.model,
            country.campaigner,
            country.rounds,
            country.campaigns,
            country.history.states[as_of],
            as_of,
            branches,
        )
        day = country.history.day
        inside = violent & (day > as_of) & (day <= as_of + WINDOW_LENGTH_DAYS)
        count = np.bincount(country.history.unit[inside], minlength=country.land.units)
        parts.append(_truth_rows(country, as_of, election_id, truth, count))
    return pd.concat(parts, ignore_index=True)


def knowable_at(country: Country, *, seed: int, as_of: int) -> Truth:
    """What can be known on a day, by who reads what `make_country` of this seed publishes."""
    delay = delays(_rng(seed, 6), country.land, country.history)
    return knowable_values(
        _rng(seed, 100_000 + as_of),
        country.land,
        country.model.strengths,
        country.campaigner,
        country.rounds,
        country.campaigns,
        seen_by(country.history, delay, as_of),
        as_of,
    )


def _truth_rows(
    country: Country, as_of: int, election_id: str, truth: Truth, count: np.ndarray
) -> pd.DataFrame:
    start = pd.Timestamp(country.start)
    return pd.DataFrame(
        {
            "as_of": start + pd.Timedelta(days=as_of),
            "window_start": start + pd.Timedelta(days=as_of + 1),
            "window_end": start + pd.Timedelta(days=as_of + WINDOW_LENGTH_DAYS),
            "unit_id": country.land.unit_ids,
            "probability": truth.probability,
            "expected_incidents": truth.expected,
            "probability_se": truth.probability_se,
            "expected_incidents_se": truth.expected_se,
            "occurred": (count > 0).astype(int),
            "count": count,
            "election_id": election_id,
        }
    )


def _origins(rounds: list[Round], days: int) -> dict[int, str]:
    """`as_of` days, regular ones from the second year on, with the round each belongs to."""
    regular = range(364, days - WINDOW_LENGTH_DAYS, ORIGIN_STEP_DAYS)
    return dict.fromkeys(regular, "") | {held.window[0] - 1: held.election_id for held in rounds}


def _rng(seed: int, stream: int) -> np.random.Generator:
    """Streams of their own, so that a change in one part leaves the draws of others alone."""
    return np.random.default_rng([seed, stream])
