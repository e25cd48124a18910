"""A whole two-round election on the synthetic country, in simulated time.

Every stage uses what the others left in the store, through the functions that the service and the
command line use; only the moment is simulated. `timetable` says which stage is due when: before
each, everything that has arrived from the field by then is let in. Alerts and lessons have no stage
here yet; theirs go into the timetable, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from pipelines.nowcasting import learn
from pipelines.pack import load_pack
from pipelines.rehearsal_field import Post, deliver, deliveries, garbled
from pipelines.run import Workshop, run
from pipelines.settings import Settings
from pipelines.synthetic.country import Country, make_country, simulate
from pipelines.synthetic.field import make_reports
from pipelines.synthetic.rounds import Round
from response.deployment import plan
from response.deployment_request import Request
from store import deployments, nowcasts, reading
from store.database import connect, migrate, sessions
from store.deployments import By
from store.reports import report_history
from store.roles import Role

TARGET = "any"
SETTLED_DAYS = 31
"""The pack's incidents reach their source within thirty days."""

_AFTER_FIRST_DAYS = 6
"""The second round is known five days after the first; its bulletin comes the day after."""


@dataclass(frozen=True)
class Scale:
    """How large a rehearsal is; 404 and 210 went out in Mali 2018, of 701 communes."""

    units: int = 120
    years: int = 6
    seed: int = 7
    mediators: tuple[int, int] = (70, 36)


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
    bulletins: list[str] = field(default_factory=list)
    plans: list[str] = field(default_factory=list)
    nowcasts: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    told: list[pd.DataFrame] = field(default_factory=list)
    waiting: list[Post] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    became: Counter[str] = field(default_factory=Counter)
    ratios: list[str] = field(default_factory=list)
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


def begin(folder: Path, scale: Scale, progress: Callable[[str], None]) -> Play:
    """Make the country, with an empty store beside it.

    Args:
        folder: where everything is written; made if missing.
        scale: how large.
        progress: is told what goes on.
    """
    settings = Settings(
        home=folder / "home",
        database_url="",
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}",
        artifacts=folder / "artifacts",
    )
    progress("making the country")
    pack = make_country(folder / "country", seed=scale.seed, units=scale.units, years=scale.years)
    country = simulate(seed=scale.seed, units=scale.units, years=scale.years)
    last = [held for held in country.rounds if held.election_type == "presidential"][-2:]
    engine = connect(settings.database)
    migrate(engine)
    play = Play(folder, settings, scale, progress, country, engine, pack, (last[0], last[1]))
    play.hand("country", play.at(0), units=country.land.units, rounds=len(country.rounds))
    return play


def bulletin(play: Play, which: int, now: datetime) -> None:
    """Issue a round's bulletin, from what is known on the eve of its days."""
    job = run(play.workshop(now), play.rounds[which].election_id, now.date(), TARGET)
    play.bulletins.append(job.issued.bulletin_id)
    scored = int(job.issued.scores["probability"].notna().sum())
    play.hand("bulletin", now, bulletin=job.issued.bulletin_id, scored=scored)


def deployment(play: Play, which: int, now: datetime) -> None:
    """Plan who goes where, from the bulletin and the plan of the round before, and approve it."""
    with sessions(play.engine).begin() as session:
        found = reading.bulletin(session, play.bulletins[which])
        follows = deployments.version(session, play.plans[0]) if which else None
        reports = deployments.reports_of(session, follows, now)
        known = deployments.situation(session, found, follows, reports)
        planned = plan(known, Request(mediators=play.scale.mediators[which]))
        by = By(Role.COORDINATOR, "rehearsal", now, "rehearsal")
        kept = deployments.write_plan(session, found, known, planned, by, follows)
        deployments.approve(session, kept.deployment_id, kept.version, by)
        play.plans.append(kept.deployment_id)
        posts = deployments.approved_posts(session, found.election_id, now)
    play.hand(
        "second-round plan" if which else "deployment",
        now,
        plan=play.plans[which],
        mediators=int(posts["mediators"].sum()),
        units=len(posts),
        follows=play.plans[0] if which else "",
    )


def posting(play: Play, which: int, now: datetime) -> None:
    """Send the mediators out: what they will report arrives late, twice, edited, taken back."""
    held = play.rounds[which]
    with sessions(play.engine)() as session:
        posts = deployments.approved_posts(session, held.election_id, now)
    rng = np.random.default_rng([play.scale.seed, 50 + which])
    told = make_reports(rng, play.country, held, posts)
    told = told.loc[told.groupby("report_id")["seen_at"].transform("min") >= now]
    told = told.assign(report_id=f"round {which + 1} " + told["report_id"].astype("str"))
    play.told.append(told.reset_index(drop=True))
    strange = garbled(rng, now, play.at(held.window[1]))
    play.waiting += [*deliveries(rng, play.told[which]), *strange]
    play.waiting.sort(key=lambda post: post.at)
    play.hand("posting", now, mediators=int(posts["mediators"].sum()), units=len(posts))


def let_in(play: Play, until: datetime | None) -> None:
    """Let in what has arrived by a moment, in the order of arrival; all of it where None."""
    with sessions(play.engine).begin() as session:
        while play.waiting and (until is None or play.waiting[0].at <= until):
            post = play.waiting.pop(0)
            play.sent[type(post).__name__.lower()] += 1
            play.became[deliver(session, post)] += 1


def nowcast(play: Play, which: int, now: datetime) -> None:
    """Update a round's bulletin with what is known."""
    with sessions(play.engine).begin() as session:
        nowcast_id = nowcasts.make(
            session, play.bulletins[which], moment=now, now=now, actor="rehearsal"
        )
        made = nowcasts.nowcast(session, nowcast_id)
        figures = {"reports": made.reports, "moved": made.moved, "silent": made.silent}
    play.nowcasts[which].append(nowcast_id)
    play.hand("nowcast", now, nowcast=nowcast_id, **figures)


def ratios(play: Play, which: int, now: datetime) -> None:
    """Learn from a round's outcomes, once all of them are in."""
    workshop = play.workshop(now)
    ingested = workshop.ingest()
    election_id = play.rounds[which].election_id
    with sessions(play.engine).begin() as session:
        found = learn(workshop.pack, ingested, session, election_id, TARGET, moment=now, now=now)
        play.ratios.append(found.kept.ratios_id)
        play.hand(
            "ratios",
            now,
            ratios=found.kept.ratios_id,
            upon=found.kept.previous_id or "",
            counted=float(found.table[["seen_if", "seen_none"]].to_numpy().sum()),
        )


@dataclass(frozen=True)
class Due:
    """A stage of a round (0 or 1) and its moment."""

    at: datetime
    stage: Callable[[Play, int, datetime], None]
    which: int


def timetable(play: Play) -> list[Due]:
    """What is played, in the order of time: the second round begins while the first still runs."""
    due = []
    for which, held in enumerate(play.rounds):
        first, last = play.start(which), held.window[1]
        due += [
            Due(play.at(first - 1, 20), bulletin, which),
            Due(play.at(first - 1, 22), deployment, which),
            Due(play.at(first, 0), posting, which),
            *(Due(play.at(day), nowcast, which) for day in range(first + 7, last + 2, 7)),
            Due(play.at(last + 1 + SETTLED_DAYS), ratios, which),
        ]
    return sorted(due, key=lambda one: one.at)


def rehearse(folder: Path, scale: Scale, progress: Callable[[str], None]) -> Play:
    """Play the whole election.

    Returns:
        The play, whose `log` says what every stage handed over; its store stays in `folder`.
    """
    play = begin(folder, scale, progress)
    for due in timetable(play):
        let_in(play, due.at)
        due.stage(play, due.which, due.at)
    let_in(play, None)
    with sessions(play.engine)() as session:
        kept = report_history(session)["report_id"].nunique()
    said = sum(told["report_id"].nunique() for told in play.told)
    play.hand("field reports", play.log[-1].at, said=said, kept=kept, **play.sent, **play.became)
    play.engine.dispose()
    return play
