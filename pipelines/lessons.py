"""Lessons of a round: gather what it left behind in lake, store and pack, and hold it together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from features.errors import ConfigError, NotFoundError, TooFewPositivesError
from features.vocabulary import NO_MODEL, Language
from models.baselines import BASELINE_COLUMNS, BASELINES
from pipelines.forecasting import vintage
from pipelines.ingest import Ingested
from pipelines.lessons_page.page import Drawn, draw, html
from pipelines.pack import Pack
from pipelines.question import Question, settle_days, target_class
from pipelines.run import Workshop
from pipelines.training import fit, prepare
from response.lessons import learn
from response.lessons_coverage import posted
from response.lessons_evidence import About, Evidence, Limits, Sent, end_of
from store import reading
from store.alert_tables import alert_table
from store.database import connect, migrate, sessions
from store.deployments import approved_version
from store.lessons import keep_lessons
from store.plans import approved_posts
from store.reports import report_history
from store.schema import Bulletin, Election

_SCORE = ("probability", "expected_incidents", "band", "baseline_probability")
_ALL = 100_000


@dataclass(frozen=True)
class Learned:
    """The lessons of a round, and what its pages are drawn from.

    Attributes:
        document: as `response.lessons.learn`.
        evidence: what the document was drawn from.
        polygons: outlines of the units, under the contract `polygons`.
        lessons_id: under which the store keeps them; empty where it does not.
    """

    document: dict[str, Any]
    evidence: Evidence
    polygons: pd.DataFrame
    lessons_id: str = ""

    @cached_property
    def drawn(self) -> Drawn | None:
        """The maps, the same in every language."""
        found = self.evidence
        mediators = None if found.sent is None else posted(found)
        return draw(self.document, found.units, self.polygons, found.scores, mediators)

    def html(self, languages: Sequence[Language]) -> str:
        """The page, in one language or several."""
        return html(self.document, self.drawn, languages)


def lessons(
    workshop: Workshop,
    election_id: str,
    target: str,
    bulletin_id: str | None,
    as_of: date,
) -> Learned:
    """Hold a bulletin of a round, and what was done about it, against what happened.

    The store keeps the document and its pages.

    Args:
        workshop: pack, settings, clock, progress.
        election_id: the round.
        target: name of a target of the pack; with a bulletin's id, its own counts.
        bulletin_id: the bulletin; None for the newest issued before the window.
        as_of: the day whose knowledge may be used.

    Raises:
        NotFoundError: there is no such round or bulletin.
        ConfigError: the bulletin is of another round, or its window has not begun.
    """
    ingested = workshop.ingest()
    engine = connect(workshop.settings.database)
    migrate(engine)
    with sessions(engine)() as session:
        bulletin = chosen(session, election_id, target, bulletin_id)
        workshop.progress(f"holding {bulletin.bulletin_id} against what happened")
        evidence = _evidence(workshop, session, ingested, bulletin, as_of)
    document = learn(evidence, as_of, limits(workshop.pack))
    learned = Learned(document, evidence, ingested.polygons)
    workshop.progress("drawing the pages")
    pages = {language: learned.html([language]) for language in Language}
    with sessions(engine).begin() as session:
        lessons_id = keep_lessons(session, document, pages, workshop.now)
    return replace(learned, lessons_id=lessons_id)


def chosen(session: Session, election_id: str, target: str, bulletin_id: str | None) -> Bulletin:
    """The bulletin that is judged.

    Without an id it is the newest whose knowledge ends before the round's window, or else, where
    all are from within it, the newest from before polling day: it speaks of the days after it.

    Raises:
        NotFoundError: there is no such round, or no bulletin for it.
        ConfigError: the bulletin is of another round.
    """
    if bulletin_id is not None:
        bulletin = reading.bulletin(session, bulletin_id)
        if bulletin.election_id != election_id:
            raise ConfigError(
                f"lessons: expected a bulletin of {election_id}, got {bulletin_id}, which is of "
                f"{bulletin.election_id}; name one of that round, or leave --bulletin out"
            )
        return bulletin
    round_ = session.get(Election, election_id)
    if round_ is None:
        raise NotFoundError(
            f"lessons: expected the id of a round with a bulletin, got {election_id!r}; "
            "'vigie run' issues one"
        )
    issued = reading.bulletins(session, election_id=election_id, target=target, limit=_ALL)
    for before in (round_.window_start, round_.polling_date):
        found = [b for b in issued.bulletins if b.as_of < before]
        if found:
            return found[0]
    raise NotFoundError(
        f"lessons: expected a bulletin of target {target!r} for {election_id} from before polling "
        f"day ({round_.polling_date}), got none; 'vigie run' issues one, or name one with "
        "--bulletin"
    )


def limits(pack: Pack) -> Limits:
    """Where figures start to ask for a change: what monitoring watches counts here too."""
    watched = pack.monitoring
    return Limits(
        outcome_ratio=watched.outcome_ratio.watch,
        brier_ratio=watched.brier_ratio.watch,
        calibration_error=watched.calibration_error.watch,
    )


def _evidence(
    workshop: Workshop, session: Session, ingested: Ingested, bulletin: Bulletin, as_of: date
) -> Evidence:
    pack, election_id = workshop.pack, bulletin.election_id
    moment = end_of(as_of).to_pydatetime()
    scored = reading.scores(session, bulletin)
    names = ("unit_id", "name", "parent_name", "region_id", "region_name", "lon", "lat")
    units = pd.DataFrame([{n: getattr(s.unit, n) for n in names} for s in scored])
    units = units.sort_values("unit_id", ignore_index=True)
    scores = pd.DataFrame(
        [{"unit_id": s.unit.unit_id} | {n: getattr(s.score, n) for n in _SCORE} for s in scored]
    ).astype({n: float for n in _SCORE if n != "band"})
    return Evidence(
        about=_about(pack, session, ingested, bulletin),
        target=target_class(pack.target(bulletin.target)),
        units=units,
        scores=scores,
        incidents=ingested.tables.incidents,
        baselines=refitted(workshop, ingested, bulletin),
        sent=_sent(pack, session, bulletin, units, as_of),
        reports=report_history(session, until=moment, election_id=election_id),
        alerts=alert_table(session, election_id, moment),
    )


def _about(pack: Pack, session: Session, ingested: Ingested, bulletin: Bulletin) -> About:
    return About(
        election_id=bulletin.election_id,
        country=reading.country(session, bulletin),
        polling_day=session.get_one(Election, bulletin.election_id).polling_date,
        bulletin_id=bulletin.bulletin_id,
        bulletin_as_of=bulletin.as_of,
        window_start=bulletin.window_start,
        window_end=bulletin.window_end,
        model_kind=bulletin.model_kind,
        baseline_name=bulletin.baseline_name,
        base_rate=bulletin.base_rate,
        vintage={language: vintage(pack, ingested, language) for language in Language},
        synthetic=bulletin.synthetic,
        settle_days=settle_days(pack),
    )


def _sent(
    pack: Pack, session: Session, bulletin: Bulletin, units: pd.DataFrame, as_of: date
) -> Sent | None:
    """The mediators of a round: of the plan approved by the end of its window, else as told."""
    until = end_of(min(as_of, bulletin.window_end)).to_pydatetime()
    version = approved_version(session, bulletin.election_id, until)
    if version is not None:
        posts = approved_posts(session, bulletin.election_id, until)
        kept = f"{version.deployment_id}, version {version.version}"
        source = {
            Language.EN: f"approved plan {kept}",
            Language.FR: f"plan approuvé {kept}",
        }
        return Sent.of_posts(posts, units, source)
    told = pack.deployments.get(bulletin.election_id)
    return None if told is None else Sent(told.mediators, told.regions, None, told.source)


def refitted(
    workshop: Workshop, ingested: Ingested, bulletin: Bulletin
) -> dict[str, pd.Series[float]]:
    """Every baseline, fitted again on what is now held to have been known on the bulletin's day.

    Returns:
        Name -> probability by unit; empty where there is too little to fit them on.
    """
    pack = workshop.pack
    if bulletin.model_kind == NO_MODEL:
        return {}
    question = Question(
        bulletin.election_id,
        target_class(pack.target(bulletin.target)),
        bulletin.as_of,
        bulletin.window_start,
        bulletin.window_end,
        bulletin.iso3,
    )
    alone = {"candidates": (), "features": BASELINE_COLUMNS}
    light = pack.model_copy(update={"training": pack.training.model_copy(update=alone)})
    workshop.progress("fitting the baselines again")
    prepared = prepare(light, ingested.tables, question)
    try:
        found = fit(light, prepared, question, lambda _: None).forecasters
    except TooFewPositivesError:
        return {}
    ids = prepared.context.units.loc[prepared.voting, "unit_id"].to_numpy()
    return {
        name: pd.Series(found[name].probability(prepared.now[list(found[name].columns)]), index=ids)
        for name in BASELINES
    }
