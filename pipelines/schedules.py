"""What a worker does by itself: bulletins each night, models each week, alerts each minute.

A model is made for one lead, and the lead shrinks by a day each day. The retrain therefore
trains, on what is known today, the models of each of the next seven days; the refresh of such a
day then finds its champion and issues its bulletin without training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
from croniter import croniter
from dbos import DBOS, SetEnqueueOptions

from features.errors import ConfigError, VigieError
from pipelines.alerting import draft_and_send
from pipelines.jobs import MOST_ATTEMPTS, begun, durable, forecast, trained, workshop
from pipelines.pack import Pack
from pipelines.packs import load_packs, pack_of
from pipelines.question import Question, ask, target_class, windows
from pipelines.report_pull import pull, says
from pipelines.settings import Settings
from pipelines.training import prepare
from store import mark
from store.bulletins import write_elections
from store.database import connect, migrate, sessions
from store.jobs import ALERT_QUEUE, ALERTS, PULL, QUEUE, REFRESH, RETRAIN, TRAIN, Ask

if TYPE_CHECKING:
    from dbos import DBOSClient

_LATER = 10
"""Priority in the queue: planners (1) come first."""

DAYS_AHEAD = 7
"""Days for which a retrain makes models: until the next one."""


@dataclass(frozen=True)
class Schedule:
    """One schedule, and how it stands.

    Attributes:
        cron: five fields, UTC; empty when it is off.
        next_run: when it is due next.
        last_run: when it was last begun.
        last_state: what DBOS says of that run.
        last_result: what it gave, by pack.
        missed: runs that were due since the last one and did not happen.
        paused: whether a person holds it.
    """

    name: str
    cron: str
    next_run: datetime | None
    last_run: datetime | None
    last_state: str
    last_result: Mapping[str, Any]
    missed: int
    paused: bool


@DBOS.workflow(name=REFRESH, max_recovery_attempts=MOST_ATTEMPTS)
def refresh(due: datetime, _context: Any) -> dict[str, str]:
    """Ingest every pack and ask for a bulletin of every coming round; what was done, by pack."""
    day, said = _day(due), {}
    for name in pack_names():
        looked = look(name, day)
        for asked in looked["asks"]:
            with SetEnqueueOptions(priority=_LATER):
                DBOS.enqueue_workflow(QUEUE, forecast, asked)
        said[name] = looked["fault"] or f"{len(looked['asks'])} forecasts asked for"
    return said


@DBOS.workflow(name=RETRAIN, max_recovery_attempts=MOST_ATTEMPTS)
def retrain(due: datetime, _context: Any) -> dict[str, str]:
    """Train the models of the coming week for every coming round; what was done, by pack."""
    day, said = _day(due), {}
    for name in pack_names():
        looked = look(name, day)
        for asked in looked["asks"]:
            for ahead in range(DAYS_AHEAD):
                with SetEnqueueOptions(priority=_LATER):
                    DBOS.enqueue_workflow(QUEUE, train_ahead, asked, ahead)
        trainings = len(looked["asks"]) * DAYS_AHEAD
        said[name] = looked["fault"] or f"{trainings} trainings asked for"
    return said


@DBOS.workflow(name=ALERTS, max_recovery_attempts=MOST_ATTEMPTS)
def tell(_due: datetime, _context: Any) -> dict[str, str]:
    """Hold the rules of every pack against what is known, and send what is signed."""
    return dict(tell_step())


@durable("tell")
def tell_step() -> dict[str, str]:
    """One round of drafting and sending; what was done, by pack."""
    with begun("drafting and sending alerts"):
        return draft_and_send(Settings())


@DBOS.workflow(name=TRAIN, max_recovery_attempts=MOST_ATTEMPTS)
def train_ahead(asked: dict[str, Any], ahead: int) -> dict[str, str]:
    """Train one model on what is known on the day of asking, for a day some days ahead."""
    return dict(train_ahead_step(asked, ahead))


@DBOS.workflow(name=PULL, max_recovery_attempts=MOST_ATTEMPTS)
def pull_reports(_due: datetime, _context: Any) -> dict[str, str]:
    """Read every server of forms again; what came of it, by source."""
    return {name: pull_step(name) for name in report_sources()}


@durable("report-sources")
def report_sources() -> list[str]:
    """The servers of forms that are declared."""
    return sorted(Settings().report_sources)


@durable("pull-step")
def pull_step(name: str) -> str:
    """Read one of them; one that does not answer does not keep the others from their turn."""
    with begun(f"reading the forms of {name}"):
        try:
            return says(pull(Settings(), name, datetime.now(UTC)))
        except VigieError as error:
            return f"{type(error).__name__}: {error}"


@durable("packs")
def pack_names() -> list[str]:
    """The packs that this worker may run."""
    return list(load_packs(Settings().packs))


@durable("look")
def look(name: str, day: str) -> dict[str, Any]:
    """Ingest a pack, tell the service what can be asked, and list what is due.

    A pack that cannot be read is said so and does not keep the others from their turn.
    """
    with begun(f"reading the sources of {name}"):
        settings, today = Settings(), date.fromisoformat(day)
        pack = load_packs(settings.packs)[name]
        try:
            tables = workshop(pack).ingest().tables
        except VigieError as error:
            return {"asks": [], "fault": f"{type(error).__name__}: {error}"}
        _tell(pack, tables.elections, settings)
        due = coming(pack, tables.elections, today, settings.ahead_days)
        asks = [
            Ask(election_id=id_, target=target.name, as_of=today, asked_on=today)
            for id_ in due
            for target in pack.targets
        ]
        return {"asks": [a.model_dump(mode="json") for a in asks], "fault": ""}


@durable("train-ahead-step")
def train_ahead_step(asked: dict[str, Any], ahead: int) -> dict[str, str]:
    """Train for the question as it will be put `ahead` days from now; name and version."""
    with begun("training ahead"):
        wanted = Ask.model_validate(asked)
        shop = workshop(pack_of(Settings().packs, wanted.election_id))
        tables = shop.ingest().tables
        question = question_ahead(shop.pack, tables.elections, wanted, ahead)
        if question is None:
            return {}
        version = trained(shop, prepare(shop.pack, tables, question), question)
        return {"name": version.name, "version": version.version}


def question_ahead(pack: Pack, elections: pd.DataFrame, wanted: Ask, ahead: int) -> Question | None:
    """A question of today with the horizon that it will have `ahead` days from now.

    Returns:
        None where the window will be over by then.
    """
    today = wanted.as_of or wanted.asked_on
    later = today + timedelta(days=ahead)
    if (
        later
        >= windows(pack, elections)
        .set_index("election_id")["window_end"]
        .dt.date[wanted.election_id]
    ):
        return None
    horizon = ask(pack, elections, wanted.election_id, later, wanted.target).horizon
    return Question(
        wanted.election_id,
        target_class(pack.target(wanted.target)),
        today,
        today + timedelta(days=horizon.first_day),
        today + timedelta(days=horizon.last_day),
    )


def coming(pack: Pack, elections: pd.DataFrame, today: date, ahead_days: int) -> list[str]:
    """Rounds that are known, whose windows are not over and start within `ahead_days`."""
    calendar = windows(pack, elections)
    day = pd.Timestamp(today)
    due = (
        (calendar["known_on"] <= day)
        & (calendar["window_end"] > day)
        & (calendar["window_start"] <= day + pd.Timedelta(days=ahead_days))
    )
    return sorted(calendar.loc[due, "election_id"])


def _tell(pack: Pack, elections: pd.DataFrame, settings: Settings) -> None:
    """Write rounds and targets where the service finds them, so that they can be asked for."""
    engine = connect(settings.database)
    migrate(engine)
    with sessions(engine).begin() as session:
        write_elections(session, windows(pack, elections), pack.synthetic)
        for code, country in pack.country_names.items():
            if pack_of(settings.packs, f"{code}-").name != pack.name:
                continue  # the country has a pack of its own
            offers = [mark.Offer(code, country, t.name, target_class(t).says) for t in pack.targets]
            mark.offer(session, code, offers)
    engine.dispose()


def _day(due: datetime) -> str:
    """The day of a scheduled moment, which comes back from the database as text."""
    return str(due)[:10]


def crons(settings: Settings) -> dict[str, str]:
    """The schedules as the settings declare them.

    Raises:
        ConfigError: one is not a cron line.
    """
    declared = {
        REFRESH: settings.refresh_cron,
        RETRAIN: settings.retrain_cron,
        ALERTS: settings.alerts_cron,
    }
    if settings.report_sources:
        declared[PULL] = settings.pull_cron
    for name, cron in declared.items():
        if cron and not croniter.is_valid(cron):
            raise ConfigError(
                f"VIGIE_{name.upper()}_CRON: expected five fields such as '0 2 * * *', or "
                f"nothing, got {cron!r}"
            )
    return declared


def keep(settings: Settings, client: DBOSClient, now: datetime) -> list[str]:
    """Put the schedules in place in a launched worker, and begin what was missed, once.

    Returns:
        What was caught up, in words.
    """
    works = {REFRESH: refresh, RETRAIN: retrain, PULL: pull_reports, ALERTS: tell}
    said = []
    for name, cron in crons(settings).items():
        if not cron:
            DBOS.delete_schedule(name)
            continue
        DBOS.apply_schedules(
            [
                {
                    "schedule_name": name,
                    "workflow_fn": works[name],  # type: ignore[typeddict-item]
                    "schedule": cron,
                    "queue_name": ALERT_QUEUE if name == ALERTS else QUEUE,
                }
            ]
        )
        stands = standing(client, name, cron, now)
        if stands.paused or (stands.last_run is not None and not stands.missed):
            continue
        if name == RETRAIN and stands.last_run is None:
            continue  # a first bulletin trains what it needs
        DBOS.trigger_schedule(name)
        why = f"missed {stands.missed} times" if stands.last_run else "never run before"
        said.append(f"{name}: {why}, begun now")
    return said


def standing(client: DBOSClient, name: str, cron: str, now: datetime) -> Schedule:
    """How a schedule stands."""
    kept = client.get_schedule(name)
    runs = client.list_workflows(schedule_name=name, limit=1, sort_desc=True)
    last = runs[0] if runs else None
    begun_at = datetime.fromtimestamp((last.created_at or 0) / 1000, UTC) if last else None
    return Schedule(
        name=name,
        cron=cron,
        next_run=croniter(cron, now).get_next(datetime) if cron else None,
        last_run=begun_at,
        last_state=last.status.lower() if last else "",
        last_result=(last.output or {}) if last else {},
        missed=_missed(cron, begun_at, now),
        paused=kept is not None and kept["status"] == "PAUSED",
    )


def _missed(cron: str, last: datetime | None, now: datetime) -> int:
    """Times that a schedule was due after its last run."""
    if not cron or last is None:
        return 0
    times, count = croniter(cron, last), 0
    while times.get_next(datetime) <= now:
        count += 1
    return count
