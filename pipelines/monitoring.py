"""Monitoring: what came in, what went out, and how it turned out, as of a day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy.orm import Session

from features.context import Context
from features.days import day_number
from features.errors import NotFoundError
from features.labels import settled
from features.tables import Tables, known
from features.vocabulary import NO_MODEL
from models.forecaster import Forecaster
from models.monitoring import (
    Answered,
    Check,
    Status,
    Threshold,
    answered_table,
    calibration_checks,
    feature_shift,
    input_checks,
    output_check,
    usual_days,
    worst,
)
from models.registry import Version
from pipelines.evaluation import outcomes
from pipelines.pack import Limit, Pack
from pipelines.question import Question, settle_days, target_class
from pipelines.run import Workshop
from pipelines.training import Prepared, experiment_name, prepare
from store import reading
from store.database import connect, migrate, sessions
from store.schema import Bulletin

EXIT = {Status.OK: 0, Status.UNKNOWN: 3, Status.WATCH: 3, Status.ACT: 4}
"""Exit status of `vigie monitor`; 2 means that it could not be run."""
_ALL = 100_000
_SHIFT = ["feature", "shift", "usual", "shifted"]


@dataclass(frozen=True)
class Report:
    """What monitoring found.

    Attributes:
        as_of: the day whose knowledge was used.
        checks: one per line of the table.
        shift: as `models.monitoring.feature_shift`; empty without a bulletin.
        answered: as `models.monitoring.answered_table`.
    """

    as_of: date
    checks: list[Check]
    shift: pd.DataFrame
    answered: pd.DataFrame

    @property
    def status(self) -> Status:
        """The status that asks for most."""
        return worst(self.checks)


def monitor(workshop: Workshop, target: str, as_of: date) -> Report:
    """Check inputs, outputs and calibration on what was known on a day.

    Args:
        workshop: pack, settings, clock, progress.
        target: name of a target of the pack.
        as_of: the day whose knowledge may be used.
    """
    pack = workshop.pack
    engine = connect(workshop.settings.database)
    migrate(engine)
    tables = known(workshop.ingest().tables, pd.Timestamp(as_of))
    checks = _freshness(pack, tables, as_of) + _inputs(pack, tables, target, as_of)
    with sessions(engine)() as session:
        issued = _issued(session, pack, target, as_of)
        found = _answered(session, pack, tables, issued, as_of)
        answered = answered_table(found)
        shift = pd.DataFrame(columns=_SHIFT)
        limit = pack.monitoring
        if issued:
            workshop.progress("building the panel of today")
            more, shift = _against_model(workshop, session, issued, tables, as_of)
            checks += more
        else:
            nothing = f"no bulletin with scores of target {target} as of {as_of} or before"
            checks.append(_check("output", "newest bulletin", np.nan, limit.output_shift, nothing))
    # One bulletin per round counts: the last one before its window ended.
    last = {a.election_id: a for a in reversed(found)}
    checks += calibration_checks(
        answered_table(list(last.values())),
        _threshold(limit.calibration_error),
        _threshold(limit.outcome_ratio),
        _threshold(limit.brier_ratio),
    )
    return Report(as_of, checks, shift, answered)


def as_json(report: Report) -> dict[str, Any]:
    """What monitoring found, as plain values."""
    checks = [
        {
            "area": c.area,
            "name": c.name,
            "value": c.value,
            "watch": c.threshold.watch,
            "act": c.threshold.act,
            "status": str(c.status),
            "says": c.says,
        }
        for c in report.checks
    ]
    return {
        "as_of": report.as_of.isoformat(),
        "status": str(report.status),
        "checks": checks,
        "features": report.shift.to_dict("records"),
        "bulletins": report.answered.to_dict("records"),
    }


def _threshold(limit: Limit) -> Threshold:
    return Threshold(limit.watch, limit.act)


def _check(area: str, name: str, value: float, limit: Limit, says: str) -> Check:
    return Check(area, name, float(value), _threshold(limit), says)


def _freshness(pack: Pack, tables: Tables, as_of: date) -> list[Check]:
    limit = pack.monitoring
    newest = tables.incidents["known_on"].max()
    age = (pd.Timestamp(as_of) - newest).days if len(tables.incidents) else np.nan
    says = f"the newest became known on {newest.date()}" if len(tables.incidents) else "none known"
    checks = [_check("input", "days since a report", age, limit.report_age_days, says)]
    sources = {n: s for n, s in pack.sources.items() if hasattr(s, "reporting_lag_days")}
    for name, source in sources.items():
        days = max((as_of - source.retrieved).days, 0)
        says = f"retrieved on {source.retrieved}"
        checks.append(_check("input", f"age of {name}", days, limit.source_age_days, says))
    return checks


def _inputs(pack: Pack, tables: Tables, target: str, as_of: date) -> list[Check]:
    limit = pack.monitoring
    days = usual_days(day_number(as_of), limit.window_days, limit.usual_days)
    asked = _question(pack, target, as_of, 0, limit.window_days)
    context = Context(tables, days, asked.target, asked.horizon)
    share, events = _threshold(limit.report_share), _threshold(limit.event_ratio)
    return input_checks(context, limit.window_days, share, events)


def _question(pack: Pack, target: str, as_of: date, lead: int, length: int) -> Question:
    start = as_of + timedelta(days=lead + 1)
    end = start + timedelta(days=length - 1)
    return Question("monitoring", target_class(pack.target(target)), as_of, start, end)


def _issued(session: Session, pack: Pack, target: str, as_of: date) -> list[Bulletin]:
    """This pack's bulletins with scores, the newest `as_of` first.

    Packs may share a country and a target, as one of a country and one of its region do: a
    bulletin belongs to the pack whose model wrote it.
    """
    page = reading.bulletins(session, iso3=pack.iso3, target=target, limit=_ALL)
    ours = f"{experiment_name(pack)}-{target}-lead"
    return [
        b
        for b in page.bulletins
        if b.as_of <= as_of and b.model_kind != NO_MODEL and b.model_name.startswith(ours)
    ]


def _scores(session: Session, bulletin: Bulletin) -> pd.DataFrame:
    """Probability and baseline of a bulletin by unit; missing ones abstain."""
    rows = {
        scored.unit.unit_id: (scored.score.probability, scored.score.baseline_probability)
        for scored in reading.scores(session, bulletin)
    }
    columns = ["probability", "baseline"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns, dtype=float)


def _answered(
    session: Session, pack: Pack, tables: Tables, issued: list[Bulletin], as_of: date
) -> list[Answered]:
    """The bulletins whose windows are over and reported as of the day, with what happened."""
    found = []
    for bulletin in issued:
        settled = bulletin.window_end + timedelta(days=settle_days(pack))
        if settled > as_of:
            continue
        lead = (bulletin.window_start - bulletin.as_of).days - 1
        length = (bulletin.window_end - bulletin.window_start).days + 1
        question = _question(pack, bulletin.target, bulletin.as_of, lead, length)
        counts = outcomes(tables, question, settle_days(pack))
        if counts is None:
            continue
        happened = pd.Series(counts > 0, index=tables.units["unit_id"], name="y")
        rows = _scores(session, bulletin).dropna().join(happened, how="inner")
        if rows.empty:  # all abstained, or no unit is the registry's any more
            continue
        y, p, b = (rows[c].to_numpy(dtype=float) for c in ("y", "probability", "baseline"))
        found.append(Answered(bulletin.bulletin_id, bulletin.election_id, y.astype(np.int64), p, b))
    return found


def _against_model(
    workshop: Workshop, session: Session, issued: list[Bulletin], tables: Tables, as_of: date
) -> tuple[list[Check], pd.DataFrame]:
    """Today's features and outputs, held against what the newest bulletin's model learned."""
    pack, newest = workshop.pack, issued[0]
    limit = pack.monitoring
    now = _scores(session, newest)["probability"]
    lead = (newest.window_start - newest.as_of).days - 1
    length = (newest.window_end - newest.window_start).days + 1
    earlier = [b for b in issued if b.model_name == newest.model_name and b.as_of < newest.as_of]
    checks = []
    if earlier:
        before = _scores(session, earlier[0])["probability"]
        name = f"newest bulletin and that of {earlier[0].as_of}"
        checks.append(output_check(name, now, before, _threshold(limit.output_shift)))
    try:
        version, model = _model(workshop, newest)
    except NotFoundError as error:
        lost = _check(
            "model", "model of the newest bulletin", np.inf, limit.model_age_days, str(error)
        )
        return [*checks, lost], pd.DataFrame(columns=_SHIFT)
    age = (as_of - version.trained_as_of).days
    says = f"{version.kind} of {version.trained_as_of}"
    checks.append(_check("model", "days since training", age, limit.model_age_days, says))
    # Between rounds there is nothing to ask a model that learned from rounds: its day is looked at.
    rounds = pack.target(newest.target).grid == "rounds"
    question = replace(
        _question(pack, newest.target, newest.as_of if rounds else as_of, lead, length),
        election_id=newest.election_id,
        iso3=newest.iso3,
    )
    prepared = prepare(pack, tables, question, model.columns)
    known_then = day_number(version.trained_as_of)
    reference, day = _learned_from(prepared, settle_days(pack), known_then, limit.usual_days)
    if reference.empty:
        says = "nothing that the model learned from is left to compare with"
        nothing = _check("input", "features that shifted", np.nan, limit.feature_shift, says)
        return [*checks, nothing], pd.DataFrame(columns=_SHIFT)
    shift = feature_shift(_of(model, prepared.now), _of(model, reference), day)
    share = float(shift["shifted"].mean())
    said = f"{int(shift['shifted'].sum())} of {len(shift)} features"
    checks.append(_check("input", "features that shifted", share, limit.feature_shift, said))
    voting = tables.units["unit_id"][prepared.voting]
    today = pd.Series(model.probability(_of(model, prepared.now)), index=voting)
    recent = day > day.max() - 365
    learned = pd.Series(model.probability(_of(model, reference.loc[recent])))
    bound = _threshold(limit.output_shift)
    checks.append(output_check("newest bulletin and the last year learned", now, learned, bound))
    if not rounds:
        checks.append(output_check("today and the newest bulletin", today, now, bound))
    return checks, shift


def _model(workshop: Workshop, bulletin: Bulletin) -> tuple[Version, Forecaster]:
    """The model behind a bulletin.

    Raises:
        NotFoundError: the registry does not have it.
    """
    registry = workshop.registry
    found = registry.version(bulletin.model_name, bulletin.model_version)
    if found.digest != bulletin.model_digest:
        raise NotFoundError(
            f"model {found.name} version {found.version}: expected the one of bulletin "
            f"{bulletin.bulletin_id}, got another; use the MLflow store that it was made with"
        )
    return found, registry.load(found)


def _of(model: Forecaster, rows: pd.DataFrame) -> pd.DataFrame:
    return rows[list(model.columns)]


def _learned_from(
    prepared: Prepared, settle: int, known_by: int, reach: int
) -> tuple[pd.DataFrame, np.ndarray]:
    """The last rows that a model learned from, of `reach` days, and their days."""
    data = prepared.data
    learned = settled(data.day, prepared.context.horizon, settle, known_by)
    keep = learned & (data.day > data.day[learned].max(initial=0) - reach)
    return data.X.loc[keep], data.day[keep]
