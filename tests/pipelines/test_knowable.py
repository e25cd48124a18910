"""Knowable probabilities: nothing unseen enters, and the posterior behind them is one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from pipelines.synthetic.country import Country, simulate
from pipelines.synthetic.evidence import (
    BLOCK_DAYS,
    TENSIONS,
    Evidence,
    Seen,
    gather,
    seen_by,
    tension_of,
)
from pipelines.synthetic.geography import Floats
from pipelines.synthetic.knowable import knowable_values
from pipelines.synthetic.posterior import Chain, Draws
from pipelines.synthetic.process import (
    Happened,
    Model,
    State,
    excited,
    model_with,
    multiplier,
    rates,
)
from pipelines.synthetic.reports import LONGEST_DELAY_DAYS, delays, incident_table
from pipelines.synthetic.truth import Truth, continued, true_values


@dataclass(frozen=True)
class Reader:
    """A small country, a day, and how late each of its incidents is reported."""

    country: Country
    delay: np.ndarray
    as_of: int

    def seen(self) -> Seen:
        return seen_by(self.country.history, self.delay, self.as_of)

    def evidence(self, seen: Seen) -> Evidence:
        c = self.country
        return gather(c.land, c.model.strengths, c.rounds, c.campaigns, seen, self.as_of)

    def chain(self, seed: int = 1) -> Chain:
        c, rng = self.country, np.random.default_rng(seed)
        return Chain(rng, c.land, c.model.strengths, self.evidence(self.seen()))

    def knowable(self, draws: int = 8, warm_up: int = 20) -> Truth:
        c = self.country
        return knowable_values(
            np.random.default_rng(1),
            c.land,
            c.model.strengths,
            c.campaigner,
            c.rounds,
            c.campaigns,
            self.seen(),
            self.as_of,
            draws,
            warm_up,
        )


def reader(seed: int, units: int = 24, years: int = 3) -> Reader:
    country = simulate(seed=seed, units=units, years=years)
    delay = delays(np.random.default_rng([seed, 6]), country.land, country.history)
    return Reader(country, delay, max(country.history.states))


@pytest.fixture(scope="module")
def small() -> Reader:
    """On the day on which most is unreported."""
    here = reader(seed=5)
    return replace(here, as_of=max(here.country.history.states, key=lambda d: late(here, d).size))


def late(here: Reader, as_of: int) -> np.ndarray:
    """Incidents that happened by a day and are reported after it."""
    day = here.country.history.day
    return np.flatnonzero((day <= as_of) & (day + here.delay > as_of))


def test_delays_are_those_of_the_published_table(small: Reader) -> None:
    c = small.country
    table = incident_table(np.random.default_rng([5, 6]), c.land, c.history, c.start)
    sound = table[~table["id"].str.startswith("XVG9") & ~table["id"].duplicated()]
    days = pd.to_datetime(sound["reported_on"]) - pd.to_datetime(sound["date"])
    assert days.dt.days.tolist() == small.delay.tolist()


def test_what_is_reported_later_changes_nothing(small: Reader) -> None:
    history = small.country.history
    later = history.day + small.delay > small.as_of
    assert late(small, small.as_of).size
    unit = np.where(later, history.unit[::-1], history.unit)
    day = np.where(later, history.day + 1, history.day)
    kind = np.where(later, "riot", history.event_type).tolist()
    states = {at: state for at, state in history.states.items() if at < small.as_of}
    changed = replace(history, unit=unit, event_type=kind, day=day, states=states)
    held = small.country.campaigns
    unknown = held.announced > small.as_of
    assert unknown.any()
    campaigns = replace(held, unit=np.where(unknown, held.unit[::-1], held.unit))
    country = replace(small.country, history=changed, campaigns=campaigns)
    told = replace(small, country=country).knowable()
    assert told.probability.tobytes() == small.knowable().probability.tobytes()


def test_what_is_reported_by_the_day_changes_something(small: Reader) -> None:
    """The planted leak of the test above: one report more, and the forecast is another."""
    delay = small.delay.copy()
    delay[late(small, small.as_of)[0]] = 0
    told = replace(small, delay=delay).knowable()
    assert not np.array_equal(told.probability, small.knowable().probability)


def test_likelihood_is_that_of_the_process_day_by_day(small: Reader) -> None:
    """Between two guesses the chain's likelihood differs as a loop over the engine's rates."""
    chain, rng = small.chain(), np.random.default_rng(2)
    climb = chain.likelihood()
    guesses = [chain.noise, chain.noise + 0.3 * rng.normal(size=chain.noise.size)]
    found = climb(guesses[1])[0] - climb(guesses[0])[0]
    assert found == pytest.approx(
        looped(small, chain, guesses[1]) - looped(small, chain, guesses[0])
    )


def looped(small: Reader, chain: Chain, noise: Floats) -> float:
    """Log likelihood of all incidents of the blocks, but for what the guess does not change."""
    c, e, s = small.country, small.evidence(small.seen()), small.country.model.strengths
    units, regions = c.land.units, int(c.land.region.max()) + 1
    lasting, unit, region = np.split(noise, np.cumsum([2 * units, units * e.blocks]))
    model = model_with(
        c.land,
        s,
        np.zeros((1, regions), dtype=bool),
        lasting.reshape(2, 1, units),
        tension_of(s, TENSIONS[chain.level])[None],
    )
    y = s.unit_drift * drifted(unit.reshape(units, e.blocks), s.drift_half_life_days)
    z = s.region_drift * drifted(region.reshape(regions, e.blocks), s.drift_half_life_days)
    first, days = small.as_of + 1 - e.blocks * BLOCK_DAYS, range(small.as_of + 1)
    factor = multiplier(model, c.rounds, c.campaigns, 1, days)
    seen, missed = small.seen(), chain.hidden.cell
    day = np.concatenate([seen.day, missed[2] + small.as_of - LONGEST_DELAY_DAYS + 1])
    where = np.hstack([[seen.channel, seen.unit], missed[:2]])
    excitation, total = np.zeros((2, 1, units)), 0.0
    for today in days:
        channel, place = where[:, day == today]
        if today >= first:
            block = (today - first) // BLOCK_DAYS
            state = State(excitation, y[None, :, block], z[None, :, block])
            total += np.log(rates(model, state, np.ones(1))[channel, 0, place]).sum()
            total -= rates(model, state, factor[today]).sum()
        happened = Happened(channel, np.zeros(len(place), dtype=np.intp), place)
        excitation = excited(model, excitation, happened)
    return float(total)


def drifted(innovations: Floats, half_life_days: float) -> Floats:
    """The AR(1) recursion, block by block, from its stationary law."""
    keep = 0.5 ** (BLOCK_DAYS / half_life_days)
    found = [innovations[:, 0]]
    for fresh in innovations.T[1:]:
        found.append(keep * found[-1] + np.sqrt(1.0 - keep**2) * fresh)
    return np.stack(found, axis=1)


def test_slope_is_that_of_finite_differences(small: Reader) -> None:
    chain = small.chain()
    climb, noise = chain.likelihood(), chain.noise
    slope, rng = climb(noise)[1], np.random.default_rng(3)
    for _ in range(5):
        way = rng.normal(size=noise.size)
        rise = climb(noise + 1e-5 * way)[0] - climb(noise - 1e-5 * way)[0]
        assert slope @ way == pytest.approx(rise / 2e-5, rel=1e-5)


def test_who_reads_more_reports_of_a_unit_fears_more_for_it(small: Reader) -> None:
    seen = small.seen()
    of_unit = np.bincount(seen.unit, minlength=small.country.land.units)
    p = small.knowable(draws=64, warm_up=100).probability
    busy, quiet = p[of_unit > np.median(of_unit)], p[of_unit <= np.median(of_unit)]
    assert busy.mean() > 2.0 * quiet.mean()
    assert ((p > 0.0) & (p < 1.0)).all()


@pytest.fixture(scope="module")
def many() -> list[tuple[Reader, Draws]]:
    """Draws of the posterior in forty small countries, each drawn from its own law."""
    found = []
    for seed in range(100, 140):
        here = reader(seed, units=40, years=4)
        found.append((here, here.chain(seed).run(96)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("what", ["armed", "street", "drift", "region", "now", "excitation"])
def test_truth_ranks_evenly_among_draws(many: list[tuple[Reader, Draws]], what: str) -> None:
    """Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788).

    Of every tenth unit only, since neighbours hang together.
    """
    ranks: list[float] = []
    for here, drawn in many:
        country = here.country
        true, said = (
            unseen(model, state, what)
            for model, state in (
                (country.model, country.history.states[here.as_of]),
                (drawn.model, drawn.state),
            )
        )
        ranks += (said[::2, ::10] < true[:, ::10]).mean(axis=0).tolist()
    assert kstest(ranks, "uniform").pvalue > 0.001


@pytest.mark.slow
def test_truth_is_on_average_what_is_knowable(many: list[tuple[Reader, Draws]]) -> None:
    """At every level of the knowable probability the mean true one is the same."""
    said, true = (
        np.array(values)
        for values in zip(*(foretold(here, drawn) for here, drawn in many), strict=True)
    )
    assert np.polyfit(said.ravel(), true.ravel(), 1)[0] == pytest.approx(1.0, abs=0.1)
    gap = (true - said).mean(axis=1)
    assert abs(gap.mean()) < 4.0 * gap.std(ddof=1) / np.sqrt(len(gap))


def foretold(here: Reader, drawn: Draws) -> tuple[Floats, Floats]:
    """Knowable and true probabilities of every unit."""
    c, rng = here.country, np.random.default_rng(here.as_of)
    law = (c.campaigner, c.rounds, c.campaigns)
    known = continued(rng, drawn.model, *law, drawn.state, here.as_of)
    state = c.history.states[here.as_of]
    true = true_values(rng, c.model, *law, state, here.as_of, 96)
    return known.probability, true.probability


def unseen(model: Model, state: State, what: str) -> Floats:
    """A quantity that nobody sees, shape (branches, ...)."""
    drift = state.unit_drift + state.region_drift[:, model.region]
    return {
        "armed": np.log(model.background[0]),
        "street": np.log(model.background[1]),
        "drift": state.unit_drift,
        "region": state.region_drift,
        "now": np.log(model.background[0]) + drift,
        "excitation": state.excitation.sum(axis=(0, 2))[:, None],
    }[what]
