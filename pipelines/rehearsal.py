"""A whole two-round election on the synthetic country, in simulated time.

Every stage uses what the others left in the store, through the functions that the service and the
command line use; only the moment is simulated. `timetable` says which stage is due when: before
each, everything that has arrived from the field by then is let in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path

import numpy as np

from pipelines import lessons as taught
from pipelines.nowcasting import learn
from pipelines.rehearsal_alerts import answering, closing, desk, drafting, sending
from pipelines.rehearsal_field import deliver, deliveries, garbled
from pipelines.rehearsal_offices import open_offices
from pipelines.rehearsal_play import Play, Scale, begin
from pipelines.run import run
from pipelines.synthetic.field import make_reports
from response.deployment import Plan, plan
from response.deployment_request import Request
from store import deployments, nowcasts, plans, reading
from store.database import sessions
from store.deployments import By
from store.reports import report_history
from store.roles import Role

TARGET = "any"
SETTLED_DAYS = 31
"""The pack's incidents reach their source within thirty days."""

GRAVE = 4
"""Severity from which a report of the first round earns its unit a team in the second."""

_ALERTING = (
    (drafting, 7),
    (desk, 8),
    (sending, 9),
    (sending, 10),
    (answering, 12),
    (answering, 18),
)
"""What is done about alerts on a day, and at which hour; what failed at nine is tried again."""

_AFTER_DAYS = 4
"""So long after a round alerts are still followed: a draft expires within two days."""


def bulletin(play: Play, which: int, now: datetime) -> None:
    """Issue a round's bulletin, from what is known on the eve of its days."""
    job = run(play.workshop(now), play.rounds[which].election_id, now.date(), TARGET)
    play.bulletins.append(job.issued.bulletin_id)
    scored = int(job.issued.scores["probability"].notna().sum())
    play.hand("bulletin", now, bulletin=job.issued.bulletin_id, scored=scored)


def deployment(play: Play, which: int, now: datetime) -> None:
    """Plan who goes where, and approve it.

    The second round's plan starts from the first one and from what was reported in its round.
    """
    with sessions(play.engine).begin() as session:
        found = reading.bulletin(session, play.bulletins[which])
        follows = deployments.version(session, play.plans[0]) if which else None
        reports = plans.reports_of(session, follows, now)
        known = plans.situation(session, found, follows, reports)
        mediators = play.scale.mediators[which]
        asked = Request(mediators=mediators)
        if reports is not None:
            half = mediators // asked.team_size // 2
            grave = {"cover_reports_from": GRAVE, "cover_reports_most": half}
            asked = asked.model_copy(update=grave)
        planned = plan(known, asked)
        by = By(Role.COORDINATOR, "rehearsal", now, "rehearsal")
        kept = plans.write_plan(session, found, known, planned, by, follows)
        deployments.approve(session, kept.deployment_id, kept.version, by)
        play.plans.append(kept.deployment_id)
        posts = plans.approved_posts(session, found.election_id, now)
    play.hand(
        "second-round plan" if which else "deployment",
        now,
        plan=play.plans[which],
        mediators=int(posts["mediators"].sum()),
        units=len(posts),
        follows=play.plans[0] if which else "",
        reports=0 if reports is None else len(reports),
        **_because_of_reports(planned),
    )


def _because_of_reports(planned: Plan) -> dict[str, float | str]:
    """How many units get a team because of reports, how many do not, and why."""
    told = planned.figures["reports"]
    if told is None:
        return {}
    whys = Counter(str(one["why"]) for one in told["left_out"])
    return {"promised": len(told["promised"]), **{f"not: {why}": n for why, n in whys.items()}}


def posting(play: Play, which: int, now: datetime) -> None:
    """Send the mediators out: what they will report arrives late, twice, edited, taken back."""
    held = play.rounds[which]
    with sessions(play.engine)() as session:
        posts = plans.approved_posts(session, held.election_id, now)
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


def lessons(play: Play, which: int, now: datetime) -> None:
    """Hold a round against what happened, once all of it is due; the store keeps it."""
    found = taught.lessons(
        play.workshop(now),
        play.rounds[which].election_id,
        TARGET,
        play.bulletins[which],
        now.date(),
    )
    play.lessons.append(found.lessons_id)
    said = found.document
    play.hand(
        "lessons",
        now,
        lessons=found.lessons_id,
        incidents=said["totals"]["incidents"],
        mediators=said["deployment"]["mediators"],
        reports=said["reports"]["reports"],
        alerts=said["alerts"]["all"]["sent"],
        findings=len(said["findings"]),
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
            *(
                Due(play.at(day, hour), stage, which)
                for day, (stage, hour) in product(range(first, last + _AFTER_DAYS), _ALERTING)
                if stage is not drafting or day <= last
            ),
            Due(play.at(last + _AFTER_DAYS), closing, which),
            Due(play.at(last + 1 + SETTLED_DAYS), ratios, which),
            Due(play.at(last + 1 + SETTLED_DAYS, 12), lessons, which),
        ]
    return sorted(due, key=lambda one: one.at)


def rehearse(folder: Path, scale: Scale, progress: Callable[[str], None]) -> Play:
    """Play the whole election.

    Returns:
        The play, whose `log` says what every stage handed over; its store stays in `folder`.
    """
    with open_offices() as offices:
        play = begin(folder, scale, progress, offices)
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
