"""Draws of what nobody sees in the synthetic country, given what is reported by a day.

Unknown are the lasting rates of units, the regions at conflict, the drifts, tensions, and the
incidents that are not reported yet. Their law is that of `process.py`. In turn, given all else,

- rates and drifts, which are Gaussian beforehand, move by Hamiltonian Monte Carlo. The Gaussian's
  own motion, a rotation, is exact, and the likelihood kicks between rotations, so that the many
  directions of which the data say nothing cost no precision (Beskos, Pinski, Sanz-Serna and Stuart
  2011, Stochastic Processes and their Applications 121, "Hybrid Monte Carlo on Hilbert spaces");
- regions at conflict are swapped by Metropolis steps;
- tensions, which do not depend on one another, are drawn from a grid;
- incidents that are not reported are proposed by running the process through the last days, each
  incident kept hidden with the chance that its report is still on its way, and accepted as the
  reported ones are then more or less likely (Metropolis-Hastings; independence sampler of Tierney
  1994, Annals of Statistics 22).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipelines.synthetic.evidence import BLOCK_DAYS, TENSIONS, Evidence, tension_of
from pipelines.synthetic.geography import Floats, Geography, Indices
from pipelines.synthetic.process import (
    CHANNELS,
    DRIFT_STEP_DAYS,
    Happened,
    Model,
    State,
    draw,
    drifted,
    excited,
    hot_count,
    model_with,
    quiet_rate,
)
from pipelines.synthetic.strengths import Strengths

WARM_UP, THIN = 300, 4
"""Steps thrown away while the chain settles, and steps from one draw to the next."""

_TURN = 1.2
"""Angle of one Hamiltonian path: a little less than a right angle, which forgets most."""

_STEPS_TO_END = BLOCK_DAYS // 2 // DRIFT_STEP_DAYS
"""Steps of the drifts from the middle of the last block, where they are drawn, to its end."""

_MOST_KICKS, _FIRST_KICK, _ACCEPTED = 48, 0.03, 0.8


@dataclass(frozen=True)
class Draws:
    """Draws of the unknown on `as_of`, for the engine to run on.

    Attributes:
        model: the process, one branch per draw.
        state: the state before the day after `as_of`, one branch per draw.
    """

    model: Model
    state: State


@dataclass(frozen=True)
class Unreported:
    """Recent incidents that nobody has heard of, and what they change.

    Attributes:
        cell: channel, unit and recent day, shape (3, incidents).
        excitation: of all incidents, before each recent day and the one after, shape
            (recent days + 1, channels, units).
    """

    cell: Indices
    excitation: Floats


class Chain:
    """A Markov chain over all that is unknown, whose law settles at the posterior.

    `noise` holds lasting rates in standard deviations, shape (channels, units), then the
    innovations of unit drifts, (units, blocks), and of region drifts, (regions, blocks); `level`
    is where in `TENSIONS` each unit's tension is, and `hidden` the unreported incidents.

    Args:
        rng: source of randomness; the chain starts from a draw of the prior.
        land: geography.
        strengths: parameters.
        evidence: what is seen.
    """

    def __init__(
        self, rng: np.random.Generator, land: Geography, strengths: Strengths, evidence: Evidence
    ) -> None:
        self._rng, self._land, self._strengths, self._evidence = rng, land, strengths, evidence
        units, regions = land.units, int(land.region.max()) + 1
        self._shapes = [(CHANNELS, units), (units, evidence.blocks), (regions, evidence.blocks)]
        self._spread = np.array(strengths.unit_spread)[:, None]
        gap = np.abs(np.subtract.outer(np.arange(evidence.blocks), np.arange(evidence.blocks)))
        keep = 0.5 ** (BLOCK_DAYS / strengths.drift_half_life_days)
        self._root = np.linalg.cholesky(keep**gap)
        self._member = np.eye(regions)[land.region]
        self._log_typical = np.log(evidence.typical.background[:, 0])
        self._hot = self._busiest(hot_count(strengths, regions))
        self.level = rng.integers(len(TENSIONS), size=units)
        self._kick = _FIRST_KICK
        self.noise = self._centre() + rng.normal(size=sum(map(np.prod, self._shapes)))
        self.hidden = self._proposed()

    def run(self, draws: int, warm_up: int = WARM_UP) -> Draws:
        """Let the chain settle for `warm_up` steps, then take draws."""
        for _ in range(warm_up):
            self._kick *= float(np.exp(0.1 * (self._step()[0] - _ACCEPTED)))
        kept = []
        for _ in range(draws):
            for _ in range(THIN):
                self._step()
            lasting, unit, region = self._parts(self.noise)
            drifts = (self._drift(unit)[:, -1], self._drift(region)[:, -1])
            kept.append((lasting, *drifts, self.level, self.hidden.excitation[-1], self._hot))
        lasting, unit, region, level, excitation, hot = map(np.stack, zip(*kept, strict=True))
        s, lasting = self._strengths, lasting.swapaxes(0, 1)
        tension = tension_of(s, TENSIONS[level])
        model = model_with(self._land, s, np.zeros_like(hot), lasting, tension)
        state = State(excitation.swapaxes(0, 1), unit * s.unit_drift, region * s.region_drift)
        for _ in range(_STEPS_TO_END):
            state = drifted(self._rng, s, state)
        return Draws(model, state)

    def _step(self) -> tuple[float, float]:
        """One round over all unknowns; chances with which a path and a proposal were accepted."""
        path = self._move()
        self._swap()
        self._tense()
        return path, self._hide()

    def _parts(self, flat: Floats) -> list[Floats]:
        """Lasting rates, innovations of unit drifts and of region drifts."""
        ends = np.cumsum([np.prod(shape) for shape in self._shapes])[:-1]
        return [
            p.reshape(shape) for p, shape in zip(np.split(flat, ends), self._shapes, strict=True)
        ]

    def _drift(self, innovations: Floats) -> Floats:
        return np.asarray(innovations @ self._root.T)

    def _log_rates(self, flat: Floats) -> tuple[Floats, Floats, Floats]:
        """Log mu (channels, units), log drift (units, blocks), each unit's share in mean mu."""
        lasting, unit, region = self._parts(flat)
        s = self._strengths
        log_mu = self._log_typical + self._spread * lasting
        relative = np.exp(log_mu)
        log_mu = log_mu + np.log(quiet_rate(s)[:, None] / relative.mean(axis=1, keepdims=True))
        by_region = s.region_drift * self._drift(region)
        log_drift = s.unit_drift * self._drift(unit) + by_region[self._land.region]
        return log_mu, log_drift, relative / relative.sum(axis=1, keepdims=True)

    def _exposure(self) -> Floats:
        exposure = self._evidence.exposure.copy()
        tense = self._evidence.tense_exposure[self.level, :, np.arange(self._land.units)]
        exposure[:, :, self._evidence.tense] = tense.swapaxes(0, 1)
        return exposure

    def _incidents(self) -> tuple[Indices, Floats]:
        """Channel, unit and block of all incidents, unreported ones too, and the excitation."""
        e, hidden = self._evidence, self.hidden
        channel, unit, day = hidden.cell
        before = e.excitation.copy()
        at, recent_day = e.recent_at
        before[at] = hidden.excitation[recent_day, e.cell[0, at], e.cell[1, at]]
        cell = np.hstack([e.cell, [channel, unit, e.recent_block[day]]])
        return cell, np.concatenate([before, hidden.excitation[day, channel, unit]])

    def likelihood(self) -> Callable[[Floats], tuple[float, Floats]]:
        """Log likelihood of the noise and its slope, given tensions and unreported incidents."""
        exposure, (cell, excitation) = self._exposure(), self._incidents()
        at = np.ravel_multi_index(tuple(cell), exposure.shape)

        def climb(noise: Floats) -> tuple[float, Floats]:
            log_mu, log_drift, share = self._log_rates(noise)
            quiet = np.exp(log_mu[:, :, None] + log_drift)
            own = quiet.ravel()[at]
            expected = exposure * quiet
            found = np.bincount(at, own / (own + excitation), minlength=quiet.size)
            value = float(np.log(own + excitation).sum() - expected.sum())
            return value, self._chained(found.reshape(quiet.shape) - expected, share)

        return climb

    def _move(self) -> float:
        """One Hamiltonian path; the chance with which its end was accepted."""
        climb, centre, noise = self.likelihood(), self._centre(), self.noise
        speed = self._rng.normal(size=noise.size)
        value, slope = climb(noise)
        start = value - 0.5 * (((noise - centre) ** 2).sum() + (speed**2).sum())
        cos, sin = np.cos(self._kick), np.sin(self._kick)
        wanted = self._rng.uniform(0.5, 1.0) * _TURN / self._kick
        for _ in range(int(np.clip(wanted, 1, _MOST_KICKS))):
            speed = speed + 0.5 * self._kick * slope
            away = noise - centre
            noise, speed = centre + cos * away + sin * speed, cos * speed - sin * away
            value, slope = climb(noise)
            speed = speed + 0.5 * self._kick * slope
        end = value - 0.5 * (((noise - centre) ** 2).sum() + (speed**2).sum())
        chance = float(np.exp(min(0.0, end - start))) if np.isfinite(end) else 0.0
        if self._rng.random() < chance:
            self.noise = noise
        return chance

    def _chained(self, slope: Floats, share: Floats) -> Floats:
        """The slope in the noise, given that in the log rate of (channels, units, blocks)."""
        s = self._strengths
        by_mu = slope.sum(axis=2)
        lasting = self._spread * (by_mu - share * by_mu.sum(axis=1, keepdims=True))
        by_drift = slope.sum(axis=0) @ self._root
        region = s.region_drift * self._member.T @ by_drift
        return np.concatenate([lasting.ravel(), s.unit_drift * by_drift.ravel(), region.ravel()])

    def _centre(self) -> Floats:
        """Mean of the noise beforehand: conflict raises the armed rates of its regions."""
        centre = np.zeros(sum(map(np.prod, self._shapes)))
        raised = np.log(self._strengths.hot_factor) / self._strengths.unit_spread[0]
        centre[: self._land.units] = raised * self._hot[self._land.region]
        return centre

    def _busiest(self, count: int) -> Floats:
        """Regions with most armed incidents for what is typical of them, to start from."""
        e = self._evidence
        armed = np.bincount(e.cell[1][e.cell[0] == 0], minlength=self._land.units)
        relative = (armed @ self._member) / (np.exp(self._log_typical[0]) @ self._member)
        hot = np.zeros(len(relative))
        hot[np.argsort(-relative)[:count]] = 1.0
        return hot

    def _swap(self) -> None:
        """Propose for every region at conflict another one in its place."""
        raised = np.log(self._strengths.hot_factor) / self._strengths.unit_spread[0]
        armed = self.noise[: self._land.units]
        gain = (raised * armed - 0.5 * raised**2) @ self._member
        hot = self._hot.copy()
        for region in np.flatnonzero(hot):
            other = self._rng.choice(np.flatnonzero(hot == 0))
            if np.log(self._rng.random()) < gain[other] - gain[region]:
                hot[region], hot[other] = 0.0, 1.0
        self._hot = hot

    def _tense(self) -> None:
        """Draw every unit's tension from the grid (by Gumbel's maximum)."""
        e, hidden = self._evidence, self.hidden
        log_mu, log_drift, _ = self._log_rates(self.noise)
        quiet = np.exp(log_mu[:, :, None] + log_drift[:, e.tense])
        log_chance = e.tense_terms - np.einsum("gcub,cub->gu", e.tense_exposure, quiet)
        log_chance -= np.einsum("gdcu,dcu->gu", e.recent_factor, hidden.excitation[:-1])
        channel, unit, day = hidden.cell
        np.add.at(log_chance.T, unit, np.log(e.recent_factor[:, day, channel, unit]).T)
        self.level = np.argmax(log_chance + self._rng.gumbel(size=log_chance.shape), axis=0)

    def _recent_quiet(self) -> tuple[Floats, Floats]:
        """M and mu * exp(drift) of recent days, shape (recent days, channels, units) each."""
        e = self._evidence
        log_mu, log_drift, _ = self._log_rates(self.noise)
        quiet = np.exp(log_mu + log_drift[:, e.recent_block].T[:, None, :])
        units = np.arange(self._land.units)
        return e.recent_factor[self.level, :, :, units].transpose(1, 2, 0), quiet

    def _proposed(self) -> Unreported:
        """Unreported incidents, drawn day by day with the reported ones given."""
        e = self._evidence
        factor, quiet = self._recent_quiet()
        before, found, missed = e.recent_start, [e.recent_start[:, 0]], []
        for day, seen in enumerate(e.recent):
            rate = factor[day] * (quiet[day] + before[:, 0])
            new = draw(self._rng, (rate * (1.0 - e.reported[day]))[:, None])
            columns = zip(vars(seen).values(), vars(new).values(), strict=True)
            before = excited(e.typical, before, Happened(*map(np.concatenate, columns)))
            found.append(before[:, 0])
            missed.append(np.stack([new.channel, new.unit, np.full_like(new.unit, day)]))
        return Unreported(np.hstack(missed), np.stack(found))

    def _hide(self) -> float:
        """Propose other unreported incidents; the chance with which they were accepted."""
        e = self._evidence
        proposed = self._proposed()
        factor, quiet = self._recent_quiet()
        at, day = e.recent_at
        channel, unit = e.cell[0, at], e.cell[1, at]

        def log_likely(hidden: Unreported) -> float:
            rate = factor * (quiet + hidden.excitation[:-1])
            return float(
                np.log(rate[day, channel, unit]).sum() - (rate * e.reported[:, None]).sum()
            )

        chance = float(np.exp(min(0.0, log_likely(proposed) - log_likely(self.hidden))))
        if self._rng.random() < chance:
            self.hidden = proposed
        return chance
