"""Plans: what one needs from the store, its versions written, and its posts as tables.

Each function works inside the caller's transaction: it flushes, the caller commits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from features.errors import ConflictError, ContractError
from response.contracts import current, empty, require
from response.deployment import POSTS, Plan, Situation, measured, no_posts
from response.deployment_broken import broken
from response.deployment_request import Request
from response.deployment_words import reasons
from store import audit, deployments, reading
from store.deployment_moves import posts_of
from store.deployment_schema import (
    Deployment,
    DeploymentPost,
    DeploymentVersion,
    PastDeployment,
    UnitPopulation,
)
from store.deployments import By, require_role
from store.digests import digest
from store.reports import report_history
from store.roles import Action
from store.schema import Bulletin, Incident, Score, Unit

PLANNED, EDITED = "planned", "edited"
_YEAR = timedelta(days=365)
_SCORES = ("probability", "lower", "upper", "expected_incidents")
_UNIT = (
    *("unit_id", "name", "parent_id", "parent_name", "region_id", "region_name"),
    *("lon", "lat"),
)


def situation(
    session: Session,
    bulletin: Bulletin,
    follows: DeploymentVersion | None = None,
    reports: pd.DataFrame | None = None,
) -> Situation:
    """What a plan from a bulletin needs to know: reports aside, what was known on its day.

    Args:
        session: an open session.
        bulletin: whose scores count.
        follows: the plan that this one starts from.
        reports: of the round before, as `reports_of` gives them.
    """
    columns = [
        *(getattr(Unit, c) for c in _UNIT),
        *(getattr(Score, c) for c in (*_SCORES, "coverage", "band")),
    ]
    rows = session.execute(
        select(*columns)
        .join(Score, Score.unit_id == Unit.unit_id)
        .where(Unit.registry_id == bulletin.registry_id, Score.bulletin_id == bulletin.bulletin_id)
        .order_by(Unit.unit_id)
    )
    units = pd.DataFrame(rows.mappings().all())
    units = units.astype(dict.fromkeys(_SCORES, float))
    units["population"] = units["unit_id"].map(_population(session, bulletin)).astype(float)
    last = _last_year(session, bulletin)
    units["incidents_last_year"] = units["unit_id"].map(last).fillna(0.0).astype(float)
    past = session.get(PastDeployment, bulletin.election_id)
    return Situation(
        units=units,
        level=bulletin.interval_level,
        posts=no_posts() if follows is None else posts_of(session, follows),
        reports=reports,
        past_regions=tuple(past.regions) if past else (),
    )


def reports_of(
    session: Session, follows: DeploymentVersion | None, as_of: datetime
) -> pd.DataFrame | None:
    """Field reports of the round of a plan that another one starts from, as known at a moment.

    Returns:
        As `response.contracts.current`, so without those taken back; None where none is followed.
    """
    if follows is None:
        return None
    first = deployments.deployment(session, follows.deployment_id)
    return current(report_history(session, election_id=first.election_id), pd.Timestamp(as_of))


def _population(session: Session, bulletin: Bulletin) -> dict[str, float]:
    """Newest population known on the bulletin's day."""
    query = (
        select(UnitPopulation.unit_id, UnitPopulation.population)
        .where(UnitPopulation.data_digest == bulletin.data_digest)
        .where(UnitPopulation.registry_id == bulletin.registry_id)
        .where(UnitPopulation.known_on <= bulletin.as_of)
        .order_by(UnitPopulation.known_on)
    )
    return {str(u): value for u, value in session.execute(query)}


def _last_year(session: Session, bulletin: Bulletin) -> dict[str, int]:
    """Incidents per unit in the 365 days up to the bulletin's day, as far as known then."""
    query = (
        select(Incident.unit_id, func.count())
        .where(Incident.data_digest == bulletin.data_digest)
        .where(Incident.registry_id == bulletin.registry_id)
        .where(Incident.known_on <= bulletin.as_of)
        .where(Incident.event_date > bulletin.as_of - _YEAR)
        .where(Incident.event_date <= bulletin.as_of)
        .group_by(Incident.unit_id)
    )
    return {str(u): value for u, value in session.execute(query)}


def write_plan(
    session: Session,
    bulletin: Bulletin,
    known: Situation,
    plan: Plan,
    by: By,
    follows: DeploymentVersion | None = None,
) -> DeploymentVersion:
    """Keep a plan as the first version of a new deployment.

    Raises:
        ForbiddenError: the role may not plan.
    """
    require_role(by, Action.PLAN)
    said = {
        "bulletin": bulletin.bulletin_id,
        "request": plan.request.model_dump(mode="json"),
        "at": by.at.isoformat(),
        "actor": by.actor,
        "follows": follows.deployment_id if follows else None,
    }
    taken = session.scalar(select(func.count()).select_from(Deployment)) or 0
    deployment = Deployment(
        deployment_id=f"{bulletin.election_id}.plan.{digest({**said, 'n': taken})[:8]}",
        election_id=bulletin.election_id,
        bulletin_id=bulletin.bulletin_id,
        follows=follows.deployment_id if follows else None,
        created_at=by.at,
    )
    session.add(deployment)
    session.flush()
    followed = follows.version if follows else None
    return _add(session, deployment, 1, PLANNED, known, plan, by, followed)


def _add(
    session: Session,
    deployment: Deployment,
    number: int,
    how: str,
    known: Situation,
    plan: Plan,
    by: By,
    followed: int | None,
) -> DeploymentVersion:
    why = reasons(plan.posts, known.units, plan.request, known.reports)
    key = {"deployment_id": deployment.deployment_id, "version": number}
    rows = [
        {**key, **{c: getattr(row, c) for c in POSTS}, "why": said}
        for row, said in zip(plan.posts.itertuples(index=False), why, strict=True)
    ]
    if rows:
        session.execute(insert(DeploymentPost), rows)
    version = DeploymentVersion(
        **key,
        how=how,
        reason=by.reason,
        role=str(by.role),
        actor=by.actor,
        mediators=int(plan.posts["mediators"].sum()),
        posts=len(rows),
        follows_version=followed,
        request=plan.request.model_dump(mode="json"),
        figures=plan.figures,
        created_at=by.at,
    )
    session.add(version)
    session.flush()
    subject = f"{deployment.deployment_id}/{number}"
    audit.record(session, by.entry(f"deployment.{how}", subject, deployment.bulletin_id))
    return version


def edit(
    session: Session,
    deployment_id: str,
    base_version: int,
    changes: Sequence[Mapping[str, Any]],
    by: By,
) -> DeploymentVersion:
    """Keep a plan that a person changed, as the next version.

    Args:
        session: an open session.
        deployment_id: the deployment.
        base_version: the version that the person looked at, which must be the newest.
        changes: `unit_id`, `mediators` (0 takes all away) and, where the plan has bases, `base`.
        by: who, and why.

    Raises:
        ConflictError: somebody else made a version meanwhile, or nothing changes.
        ContractError: no reason, a unit that the bulletin does not have, or a wrong base.
        ForbiddenError: the role may not plan.
    """
    require_role(by, Action.PLAN)
    if not by.reason.strip():
        raise ContractError("deployment: expected a reason for the edit, got none; say why")
    newest = deployments.version(session, deployment_id)
    if newest.version != base_version:
        raise ConflictError(
            f"deployment {deployment_id}: expected an edit of its newest version, "
            f"{newest.version}, got one of {base_version}; look at the newest and edit that"
        )
    deployment = session.get_one(Deployment, deployment_id)
    bulletin = reading.bulletin(session, deployment.bulletin_id)
    before = None
    if deployment.follows is not None:
        before = deployments.version(session, deployment.follows, newest.follows_version)
    known = situation(session, bulletin, before, reports_of(session, before, by.at))
    request = Request.model_validate(newest.request)
    posts = _changed(posts_of(session, newest), changes, request, set(known.units["unit_id"]))
    figures = measured(known, request, posts)
    figures["reports"] = newest.figures.get("reports")
    figures["broken"] = [c.model_dump() for c in broken(request, known.units, posts)]
    plan = Plan(request, posts, figures)
    return _add(
        session, deployment, base_version + 1, EDITED, known, plan, by, newest.follows_version
    )


def _changed(
    posts: pd.DataFrame, changes: Sequence[Mapping[str, Any]], request: Request, known: set[str]
) -> pd.DataFrame:
    """Posts with the changes made.

    Raises:
        ContractError: an unknown unit, a base that is none or has to be named, fewer than 0.
        ConflictError: nothing changes.
    """
    listed = zip(posts["unit_id"], posts["base"], posts["mediators"], strict=True)
    now = {(str(u), str(b)): int(n) for u, b, n in listed}
    made = dict(now)
    for change in changes:
        unit_id, people = str(change["unit_id"]), int(change["mediators"])
        if unit_id not in known or people < 0:
            raise ContractError(
                f"deployment, edit: expected a unit of the bulletin and 0 mediators or more, got "
                f"{unit_id!r} and {people}"
            )
        made[unit_id, _base_of(unit_id, change.get("base"), now, request)] = people
    made = {key: people for key, people in made.items() if people > 0}
    if made == now:
        raise ConflictError("deployment, edit: expected a change, got the posts as they are")
    rows = [(u, b, n) for (u, b), n in sorted(made.items())]
    table = pd.DataFrame(rows, columns=list(POSTS))
    return table.astype({"unit_id": "str", "base": "str", "mediators": "int64"})


def _base_of(
    unit_id: str, given: str | None, now: dict[tuple[str, str], int], request: Request
) -> str:
    names = [b.name for b in request.bases] or [""]
    there = [b for u, b in now if u == unit_id]
    base = given
    if base is None and len(there) == 1:
        base = there[0]
    if base is None and len(names) == 1:
        base = names[0]
    if base is None or base not in {*names, *there}:
        raise ContractError(
            f"deployment, edit of {unit_id}: expected the base that they come from, one of "
            f"{', '.join(names)}, got {given!r}"
        )
    return base


def approved_posts(
    session: Session, election_id: str, as_of: datetime | None = None
) -> pd.DataFrame:
    """Where mediators stand for a round: the version approved last.

    Args:
        session: an open session.
        election_id: the round.
        as_of: approvals after this moment do not count.

    Returns:
        A table that keeps the contract `posts`; without rows while nothing is approved.
    """
    kept = deployments.approved_version(session, election_id, as_of)
    if kept is None:
        return empty("posts")
    summed = posts_of(session, kept).groupby("unit_id")["mediators"].sum()
    return require(summed.astype("int64").reset_index(), "posts")
