"""The synthetic country: same bytes each time, sound files, and a truth that is one."""

from __future__ import annotations

import hashlib
import json
import tomllib
from datetime import timedelta
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.geometry

from features.errors import ConfigError
from pipelines.pack import load_pack
from pipelines.synthetic import make_country
from pipelines.synthetic.campaigns import RIVAL_DAYS, RIVAL_KM, has_rival
from pipelines.synthetic.country import Country, simulate
from pipelines.synthetic.geography import Geography
from pipelines.synthetic.process import (
    DRIFT_STEP_DAYS,
    VIOLENT_SHARE,
    draw,
    multiplier,
    rates,
    worst_offspring,
)
from pipelines.synthetic.rounds import LAST_DAY, WINDOW_LENGTH_DAYS
from pipelines.synthetic.truth import true_values

UNITS, YEARS = 60, 5


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_country(tmp_path_factory.mktemp("vigilia"), units=UNITS, years=YEARS).parent


@pytest.fixture(scope="session")
def country() -> Country:
    return simulate(seed=7, units=300, years=8)


@pytest.fixture(scope="session")
def truth(folder: Path) -> pd.DataFrame:
    days = ["as_of", "window_start", "window_end"]
    return pd.read_csv(folder / "truth.csv", parse_dates=days, dtype={"election_id": str})


@pytest.fixture(scope="session")
def incidents(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "incidents.csv", dtype=str, keep_default_na=False)


@pytest.fixture(scope="session")
def communes(folder: Path) -> pd.DataFrame:
    features = json.loads((folder / "communes.geojson").read_text(encoding="utf-8"))["features"]
    table = pd.DataFrame([f["properties"] for f in features])
    return table.assign(shape=[shapely.geometry.shape(f["geometry"]) for f in features])


def digests(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.iterdir())}


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in {"a": 3, "b": 3, "c": 4}.items():
        make_country(tmp_path / name, seed=seed, units=24, years=3)
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert len(a) == 8
    assert a == b
    assert {name for name in a if a[name] == c[name]} == {"country.toml", "elections.csv"}


@pytest.mark.parametrize(("units", "years"), [(23, 3), (24, 2)])
def test_too_small_a_country_is_refused(tmp_path: Path, units: int, years: int) -> None:
    with pytest.raises(ConfigError, match=f"got {units} and {years}"):
        make_country(tmp_path / "none", units=units, years=years)
    assert not (tmp_path / "none").exists()


def test_pack_is_marked_synthetic_and_its_files_are_there(folder: Path) -> None:
    pack = load_pack(folder / "country.toml")
    assert pack.synthetic
    assert pack.iso3 == "XVG"
    assert all(pack.resolve(source).is_file() for source in pack.sources.values())
    assert {source.licence for source in pack.sources.values()} == {"CC0-1.0"}
    assert pack.training.start.year == LAST_DAY.year - YEARS + 2
    for window in pack.windows.values():
        assert window.length_days == WINDOW_LENGTH_DAYS


def test_shipped_pack_is_the_written_one_of_eight_years(folder: Path) -> None:
    text = resources.files("pipelines").joinpath("configs/synthetic.toml").read_text("utf-8")
    shipped = tomllib.loads(text.replace("../../var/demo/country/", ""))
    written = tomllib.loads((folder / "country.toml").read_text(encoding="utf-8"))
    assert shipped["training"].pop("start").year == LAST_DAY.year - 8 + 2
    written["training"].pop("start")
    assert written == shipped


def test_communes_tile_the_country(communes: pd.DataFrame) -> None:
    shapes = communes["shape"].to_numpy()
    assert shapely.is_valid(shapes).all()
    whole = shapely.union_all(shapes)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    assert shapely.area(shapes).sum() == pytest.approx(whole.area, rel=1e-9)
    for level in ("ADM1_PCODE", "ADM2_PCODE"):
        for _, part in communes.groupby(level):
            assert shapely.union_all(part["shape"].to_numpy()).geom_type == "Polygon"


def test_names_repeat_across_cercles_but_never_within_one(country: Country) -> None:
    land = country.land
    assert len(set(land.unit_ids)) == land.units
    assert land.unit_ids == sorted(land.unit_ids)
    assert len(set(land.names)) < land.units
    assert len(set(zip(land.names, land.parent_names, strict=True))) == land.units
    assert any(not name.isascii() for name in land.names)


def test_calendar(country: Country, folder: Path) -> None:
    ids = [held.election_id for held in country.rounds]
    for kind, least in {"PRES-1": 3, "PRES-2": 3, "LEG-1": 3, "LEG-2": 3, "MUN-1": 2}.items():
        assert sum(kind in election for election in ids) >= least
    table = pd.read_csv(folder / "elections.csv", index_col="election_id")
    days = ["polling_date", "campaign_start", "campaign_end", "announced_on"]
    table[days] = table[days].apply(pd.to_datetime)
    assert (table["polling_date"].dt.day_of_week == 6).all()
    assert (table["announced_on"] < table["campaign_start"]).all()
    assert (table["campaign_end"] < table["polling_date"]).all()
    last = table.loc["XVG-2024-PRES-1", "polling_date"]
    assert last.month in (9, 10, 11)
    assert table["polling_date"].max() + timedelta(days=14) <= pd.Timestamp(LAST_DAY)


def test_every_place_is_in_the_registry(
    folder: Path, communes: pd.DataFrame, incidents: pd.DataFrame, truth: pd.DataFrame
) -> None:
    known = set(communes["ADM3_PCODE"])
    assert set(pd.read_csv(folder / "population.csv")["ADM3_PCODE"]) == known
    assert set(pd.read_csv(folder / "campaign_events.csv")["unit_id"]) <= known
    assert set(pd.read_csv(folder / "voting_centers.csv")["unit_id"]) == known
    assert set(truth["unit_id"]) == known
    assert set(incidents["pcode"]) - known == {"XV999999", ""}


def test_incidents_have_delays_names_and_six_faults(incidents: pd.DataFrame) -> None:
    event = pd.to_datetime(incidents["date"], errors="coerce")
    delay = (pd.to_datetime(incidents["reported_on"]) - event).dt.days.dropna()
    assert delay.between(0, 30).all()
    assert delay.nunique() > 10
    assert event.max() > pd.Timestamp("2024-12-01")
    by_name = incidents["pcode"] == ""
    assert 0.005 < by_name.mean() < 0.06
    faults = [
        event.isna(),
        incidents["pcode"] == "XV999999",
        incidents["commune"] == "Nulle-Part",
        incidents["type"] == "Rumeur",
        incidents["fatalities"] == "plusieurs",
        incidents["id"].duplicated(),
    ]
    assert [int(fault.sum()) for fault in faults] == [1] * 6


def test_campaign_events_are_announced_before_they_are_held(folder: Path) -> None:
    days = ["event_date", "announced_on"]
    events = pd.read_csv(folder / "campaign_events.csv", parse_dates=days)
    lead = (events["event_date"] - events["announced_on"]).dt.days
    assert lead.between(1, 20).all()
    assert set(events["kind"]) == {"rally", "caravan", "meeting"}
    assert events["campaign_event_id"].is_unique


def test_rivals_are_found_as_a_naive_loop_finds_them(country: Country) -> None:
    events = country.campaigns.where(np.arange(400))
    naive = [
        any(
            events.party[i] != events.party[j]
            and abs(int(events.day[i]) - int(events.day[j])) <= RIVAL_DAYS
            and country.land.distance_km[events.unit[i], events.unit[j]] <= RIVAL_KM
            for j in range(400)
        )
        for i in range(400)
    ]
    assert 0 < sum(naive) < 400
    assert has_rival(events, country.land.distance_km).tolist() == naive


def test_rivals_do_not_cross_branches(country: Country) -> None:
    one = country.campaigns.where(np.arange(200))
    alone = has_rival(one, country.land.distance_km)
    both = has_rival(one.in_every_branch(3), country.land.distance_km)
    assert both.tolist() == alone.tolist() * 3


def felt(country: Country, rival: bool) -> np.ndarray:
    """Days and units that feel a campaign event, with or without rivals; (days, units)."""
    cells = np.zeros((len(country.history.factor), country.land.units), dtype=bool)
    events = country.campaigns
    events = events.where(has_rival(events, country.land.distance_km) == rival)
    for lag in range(country.model.strengths.event_days):
        cells[events.day + lag, events.unit] = True
    return cells


def test_unrest_rises_with_campaign_events_rivals_and_polling_day(country: Country) -> None:
    rivals = felt(country, rival=True)
    alone = felt(country, rival=False) & ~rivals
    polling = np.zeros_like(alone)
    for held in country.rounds:
        polling[held.polling_day : held.polling_day + 4] = True
    street = np.isin(country.history.event_type, ["riot", "protest"])
    counts = np.zeros(alone.shape)
    np.add.at(counts, (country.history.day[street], country.history.unit[street]), 1.0)
    quiet = ~(alone | rivals | polling)
    usual = (counts * quiet).sum(axis=0) / quiet.sum(axis=0)

    def times_usual(cells: np.ndarray) -> float:
        # Held against the same units in quiet, so that crowded units do not explain the rise.
        return float(counts[cells].sum() / (cells * usual).sum())

    assert times_usual(alone) > 3.0
    assert times_usual(rivals) > 1.4 * times_usual(alone)
    assert times_usual(polling) > 2.0


def test_volume_is_like_that_of_mali(country: Country) -> None:
    year = [(country.start + timedelta(days=int(d))).year for d in country.history.day]
    assert pd.Series(year).value_counts().between(300, 800).all()


@pytest.mark.parametrize("seed", [1, 7, 12])
def test_process_is_subcritical_at_all_times(seed: int) -> None:
    country = simulate(seed=seed, units=150, years=4)
    quiet = float(country.model.kernel.sum(axis=2).max())
    assert 0.3 < quiet < 0.6
    assert quiet < worst_offspring(country.model, country.history.factor) < 1.0


def test_daily_draw_is_poisson_in_every_cell() -> None:
    rate = np.array([[[0.02, 1.5], [0.4, 0.0]]])
    rng = np.random.default_rng(5)
    counts = np.zeros((4000, *rate.shape))
    for day in counts:
        happened = draw(rng, rate)
        np.add.at(day, (happened.channel, happened.branch, happened.unit), 1.0)
    error = np.sqrt(rate / len(counts))
    assert (np.abs(counts.mean(axis=0) - rate) <= 4.0 * error).all()
    assert counts.var(axis=0) == pytest.approx(rate, rel=0.15, abs=0.005)


def test_expected_incidents_agree_with_the_exact_mean(country: Country) -> None:
    """Without elections the mean follows a linear recursion, since M is 1."""
    model, branches = country.model, 1600
    as_of, state = next(iter(sorted(country.history.states.items())))
    none = country.campaigns.where(np.zeros(0, dtype=np.intp))
    found = true_values(
        np.random.default_rng(1), model, country.campaigner, [], none, state, as_of, branches
    )
    s = model.strengths
    keep = 0.5 ** (DRIFT_STEP_DAYS / s.drift_half_life_days)
    excitation, total, steps = state.excitation[:, 0], np.zeros(country.land.units), 0
    for day in range(as_of + 1, as_of + 1 + WINDOW_LENGTH_DAYS):
        mean = keep**steps * (state.unit_drift[0] + state.region_drift[0, model.region])
        variance = (s.unit_drift**2 + s.region_drift**2) * (1.0 - keep ** (2 * steps))
        rate = model.background[:, 0] * np.exp(mean + variance / 2.0) + excitation
        total += VIOLENT_SHARE @ rate
        set_off = np.stack([r @ k for r, k in zip(rate, model.kernel, strict=True)])
        decay = model.decay[:, None]
        excitation = decay * excitation + (1.0 - decay) * set_off
        steps += (day + 1) % DRIFT_STEP_DAYS == 0
    z = (found.expected - total) / found.expected_se
    assert np.abs(z).max() < 6.0
    assert np.sqrt(np.mean(z**2)) == pytest.approx(1.0, abs=0.35)


def test_rates_are_those_of_the_formula(country: Country) -> None:
    """The recursion for the excitation against the sum over all past incidents."""
    model, history = country.model, country.history
    as_of, state = max(history.states.items())
    day = as_of + 1
    factor = multiplier(model, country.rounds, country.campaigns, 1, range(day, day + 1))[0]
    armed = np.isin(history.event_type, ["riot", "protest"], invert=True)
    past = (history.day < day) & armed
    lag = day - history.day[past]
    mass = (1.0 - model.decay[0]) * model.decay[0] ** (lag - 1)
    summed = mass @ model.kernel[0][history.unit[past]]
    log_drift = state.unit_drift[0] + state.region_drift[0, model.region]
    expected = factor[0, 0] * (model.background[0, 0] * np.exp(log_drift) + summed)
    assert rates(model, state, factor)[0, 0] == pytest.approx(expected, rel=1e-9)


def test_truth_covers_every_round_and_regular_origins(folder: Path, truth: pd.DataFrame) -> None:
    elections = pd.read_csv(folder / "elections.csv", parse_dates=["polling_date"])
    assert set(truth["election_id"].dropna()) == set(elections["election_id"])
    joined = truth.merge(elections, on="election_id")
    assert ((joined["polling_date"] - joined["window_start"]).dt.days == 27).all()
    assert ((joined["window_end"] - joined["polling_date"]).dt.days == 14).all()
    regular = truth.loc[truth["election_id"].isna(), "as_of"].drop_duplicates()
    assert set(regular.diff().dropna().dt.days) == {56}
    assert ((truth["window_start"] - truth["as_of"]).dt.days == 1).all()
    assert truth["probability"].between(0.0, 1.0, inclusive="neither").all()
    assert (truth["expected_incidents"] >= truth["probability"] - 0.06).all()
    assert not truth.duplicated(["as_of", "unit_id"]).any()


def test_outcomes_are_those_of_the_published_incidents(
    truth: pd.DataFrame, incidents: pd.DataFrame
) -> None:
    faulty = incidents["id"].str.startswith("XVG9") | incidents["id"].duplicated()
    violent = incidents["type"].isin(
        ["Affrontement armé", "Explosion", "Violence contre des civils", "Émeute"]
    )
    seen = incidents[violent & ~faulty & (incidents["pcode"] != "")]
    day = pd.to_datetime(seen["date"])
    window = truth[truth["election_id"] == "XVG-2024-PRES-1"].set_index("unit_id")
    first, last = window["window_start"].iloc[0], window["window_end"].iloc[0]
    counted = seen.loc[day.between(first, last), "pcode"].value_counts()
    gap = window["count"] - counted.reindex(window.index, fill_value=0)
    # Incidents published by name only are in the truth and not in this count.
    assert (gap >= 0).all()
    assert gap.sum() <= 0.1 * window["count"].sum() + 2
    assert ((window["count"] > 0) == (window["occurred"] == 1)).all()


def test_truth_is_calibrated(truth: pd.DataFrame) -> None:
    p, y = truth["probability"].to_numpy(), truth["occurred"].to_numpy()
    assert abs(y.sum() - p.sum()) < 4.0 * np.sqrt((p * (1.0 - p)).sum())
    for part in np.array_split(np.argsort(p), 10):
        error = np.sqrt((p[part] * (1.0 - p[part])).sum())
        assert abs(y[part].sum() - p[part].sum()) < 4.0 * error


def test_truth_beats_the_base_rate(truth: pd.DataFrame) -> None:
    p, y = truth["probability"].to_numpy(), truth["occurred"].to_numpy()
    brier, base = np.mean((p - y) ** 2), np.mean((y.mean() - y) ** 2)
    assert 1.0 - brier / base > 0.08
    shuffled = np.random.default_rng(0).permutation(p)
    assert np.mean((shuffled - y) ** 2) > base


def test_land_is_in_the_open_ocean(country: Country) -> None:
    land: Geography = country.land
    west, south, east, north = shapely.union_all(land.polygons).bounds
    assert -40.0 < west < east < -26.0
    assert 3.0 < south < north < 14.0
