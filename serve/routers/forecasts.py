"""`/v1/forecasts`: ask for a forecast, watch its progress, get the bulletin."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from features import errors
from features.errors import ConflictError, ContractError
from serve import cursors, documented
from serve.auth import Now, OpenSession, Planner, audit_change
from serve.errors import fault
from serve.routers.bulletins import Cursor
from serve.schemas import ForecastAsk, ForecastJob, ForecastJobs, Problem, Target, Targets
from store import mark
from store.jobs import STEPS, Ask, Job, Jobs
from store.worker_lock import WorkerLock

router = APIRouter(prefix="/v1", tags=["forecasts"])

ASKED, CANCELLED = "forecast.asked", "forecast.cancelled"

_ABSTAINED = (
    "the bulletin scores no unit: too little is reported anywhere to tell calm from silence; "
    "ask for a later day, or have more sources added to the country pack"
)


def jobs(request: Request) -> Jobs:
    """The queue beside the database of this application."""
    found: Jobs = request.app.state.jobs
    return found


Queue = Annotated[Jobs, Depends(jobs)]
JobId = Annotated[
    str, Path(description="Id of a forecast", examples=["5b1f7c1e-0d1b-4f5f-9a55-c0e2f1a2b3c4"])
]


def _out(job: Job, worker: bool) -> ForecastJob:
    """A job as the API says it."""
    bulletin_id = job.result.get("bulletin_id")
    return ForecastJob(
        job_id=job.job_id,
        url=f"/v1/forecasts/{job.job_id}",
        state=job.state.value,
        election_id=job.ask.election_id,
        target=job.ask.target,
        as_of=job.ask.as_of,
        asked_at=job.created_at,
        finished_at=job.finished_at,
        says=_says(job, worker),
        steps=list(STEPS),
        steps_done=list(job.steps_done),
        bulletin_id=bulletin_id,
        bulletin_url=f"/v1/bulletins/{bulletin_id}" if bulletin_id else None,
        problem=_problem(job),
    )


def _says(job: Job, worker: bool) -> str:
    if job.finished_at is None and not worker:
        return "no worker is running: the forecast waits until one is started (vigie worker)"
    return job.says or ("waiting for its turn" if job.finished_at is None else "")


def _problem(job: Job) -> Problem | None:
    """What went wrong with a job, in the shape of every other error."""
    if job.fault is not None:
        name, detail = job.fault
        kind = getattr(errors, name, None)
        return fault(kind if isinstance(kind, type) else None, detail, job.job_id)
    units = job.result.get("units")
    if units and job.result.get("abstained") == units:
        return fault(errors.TooFewPositivesError, _ABSTAINED, job.job_id)
    return None


def _worker(request: Request) -> bool:
    return WorkerLock(request.app.state.settings.database).taken()


@router.post(
    "/forecasts",
    status_code=202,
    responses=documented.errors(400, 409, 422)
    | {
        202: {
            "description": "Asked for; watch the address in Location",
            "headers": {"Location": {"schema": {"type": "string"}, "description": "The job"}},
        }
    },
    summary="Ask for a forecast",
)
def ask_for_forecast(
    request: Request,
    response: Response,
    session: OpenSession,
    queue: Queue,
    planner: Planner,
    now: Now,
    asked: ForecastAsk,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Your own name for this request: the same one gives the same job",
        ),
    ] = None,
) -> ForecastJob:
    """Put a forecast into the queue.

    The same question, asked again while it waits or runs, gives the same job; with an
    Idempotency-Key, for ever.

    A token for some areas may not ask: a forecast speaks of every unit.

    Without `as_of`, what is known today is used, or, once the window is over, what was known on
    its eve.
    """
    today = now.date()
    if asked.as_of is not None and asked.as_of > today:
        raise ConflictError(
            f"as_of: expected a day up to today, {today}, got {asked.as_of}; what will be known "
            "later cannot be used"
        )
    wanted = Ask(
        election_id=asked.election_id, target=asked.target, as_of=asked.as_of, asked_on=today
    )
    job = queue.ask(wanted, planner.owner, key)
    audit_change(request, session, now, planner, ASKED, job.job_id)
    response.headers["Location"] = f"/v1/forecasts/{job.job_id}"
    return _out(job, _worker(request))


@router.get("/forecasts", responses=documented.errors(422), summary="Your forecasts")
def my_forecasts(
    request: Request,
    queue: Queue,
    planner: Planner,
    limit: Annotated[int, Query(ge=1, le=100, description="Most to return")] = 20,
    cursor: Cursor = None,
) -> ForecastJobs:
    """The forecasts that you asked for, the newest first."""
    after = cursors.read(cursor, datetime.fromisoformat, str)
    if after is not None and after[0].tzinfo is None:
        raise ContractError(f"cursor: expected the one of a page before, got {cursor!r}")
    found = queue.of(planner.owner, limit=limit + 1, after=after)
    following = None
    if len(found) > limit:
        last = found[limit - 1]
        following = cursors.following(request, (last.created_at, last.job_id))
    worker = _worker(request)
    return ForecastJobs(forecasts=[_out(job, worker) for job in found[:limit]], next=following)


@router.get(
    "/forecasts/{job_id}",
    responses=documented.errors(404, 422),
    summary="One forecast: its progress, then its bulletin or its problem",
)
def one_forecast(request: Request, queue: Queue, planner: Planner, job_id: JobId) -> ForecastJob:
    """How far a forecast of yours is."""
    return _out(queue.job(job_id, planner.owner), _worker(request))


@router.post(
    "/forecasts/{job_id}/cancel",
    responses=documented.errors(404, 409, 422),
    summary="Take a forecast back",
)
def cancel_forecast(
    request: Request,
    session: OpenSession,
    queue: Queue,
    planner: Planner,
    now: Now,
    job_id: JobId,
) -> ForecastJob:
    """Stop a forecast that waits or runs. A bulletin that it has already issued stays."""
    job = queue.cancel(job_id, planner.owner)
    audit_change(request, session, now, planner, CANCELLED, job.job_id)
    return _out(job, _worker(request))


@router.get("/targets", responses=documented.errors(), summary="What can be asked")
def targets(session: OpenSession, _planner: Planner) -> Targets:
    """The targets that can be forecast, by country, as the country packs declare them."""
    return Targets(targets=[Target.model_validate(one) for one in mark.offers(session)])
