"""A rehearsal under way: its two rounds, what was handed over, and the store beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pandas as pd
from sqlalchemy import Engine

from pipelines.pack import load_pack
from pipelines.rehearsal_field import Post
from pipelines.rehearsal_offices import Fate, Offices
from pipelines.run import Workshop
from pipelines.settings import Settings
from pipelines.synthetic.country import Country, make_country, simulate
from pipelines.synthetic.rounds import Round
from store.database import connect, migrate, sessions

_AFTER_FIRST_DAYS = 6
"""The second round is known five days after the first; its bulletin comes the day after."""


@dataclass(frozen=True)
class Scale:
    """How large a rehearsal is; 404 and 210 went out in Mali 2018, of 701 communes.

    `drafts` that a coordinator is shown in a day; None for the pack's own ceiling.
    """

    units: int = 120
    years: int = 6
    seed: int = 7
    mediators: tuple[int, int] = (70, 36)
    drafts: int | None = None


@dataclass(frozen=True)
class Step:
    """What one stage handed over: when, and how much of what."""

    stage: str
    at: datetime
    handed: dict[str, float | str]


@dataclass
class Play:
    """A rehearsal under way.

    Attributes:
        rounds: the two rounds.
        bulletins, plans, nowcasts: ids by round, in the order made; a plan is its deployment's.
        told: what the simulated field said, by round: keeps `REPORTS`.
        waiting: what is still to arrive, the next first.
        sent: kinds of things that arrived; became: what the store made of them.
        offices: who is told of alerts, and what came to them.
        fates: what is to become of each alert, by id, in the order of drafting.
        alerted: what was done about alerts, by round.
        faults: alerts that could not be published, and why.
        ratios, lessons: ids by round.
        log: what every stage handed over.
    """

    folder: Path
    settings: Settings
    scale: Scale
    progress: Callable[[str], None]
    country: Country
    engine: Engine
    pack_file: Path
    rounds: tuple[Round, Round]
    offices: Offices
    bulletins: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    nowcasts: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    told: list[pd.DataFrame] = field(default_factory=list)
    waiting: list[Post] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    became: Counter[str] = field(default_factory=Counter)
    fates: dict[str, Fate] = field(default_factory=dict)
    alerted: tuple[Counter[str], Counter[str]] = field(
        default_factory=lambda: (Counter(), Counter())
    )
    faults: list[str] = field(default_factory=list)
    ratios: list[str] = field(default_factory=list)
    lessons: list[str] = field(default_factory=list)
    log: list[Step] = field(default_factory=list)

    def day(self, number: int) -> date:
        """A day from its number in the country's calendar."""
        return self.country.start + timedelta(days=number)

    def at(self, number: int, hour: int = 6) -> datetime:
        """A moment of a day of the country's calendar."""
        return datetime.combine(self.day(number), time(hour), UTC)

    def start(self, which: int) -> int:
        """The number of the first day that a round's bulletin speaks about."""
        if which == 0:
            return self.rounds[0].window[0]
        return self.rounds[0].polling_day + _AFTER_FIRST_DAYS + 1

    def hand(self, stage: str, at: datetime, **handed: float | str) -> None:
        """Write down what a stage handed over."""
        self.log.append(Step(stage, at, handed))
        self.progress(f"{at:%Y-%m-%d %H:%M} {stage}: {handed}")

    def workshop(self, now: datetime) -> Workshop:
        """The command line's workshop at a simulated moment."""
        return Workshop(load_pack(self.pack_file), self.settings, now, self.progress)


def begin(folder: Path, scale: Scale, progress: Callable[[str], None], offices: Offices) -> Play:
    """Make the country, with an empty store beside it.

    Args:
        folder: where everything is written; made if missing.
        scale: how large.
        progress: is told what goes on.
        offices: who will be told of alerts.
    """
    settings = Settings(
        home=folder / "home",
        database_url="",
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
        artifacts=folder / "artifacts",
        **offices.settings(),
    )
    progress("making the country")
    pack = make_country(folder / "country", seed=scale.seed, units=scale.units, years=scale.years)
    country = simulate(seed=scale.seed, units=scale.units, years=scale.years)
    last = [held for held in country.rounds if held.election_type == "presidential"][-2:]
    engine = connect(settings.database)
    migrate(engine)
    rounds = (last[0], last[1])
    play = Play(folder, settings, scale, progress, country, engine, pack, rounds, offices)
    play.hand("country", play.at(0), units=country.land.units, rounds=len(country.rounds))
    with sessions(engine).begin() as session:
        play.hand("offices", play.at(0), told=offices.enrol(session, play.at(0)))
    return play
