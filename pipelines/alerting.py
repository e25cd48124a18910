"""Drafting alerts from what the store knows, and one round of drafting and sending."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from features.errors import VigieError
from pipelines.pack import Pack
from pipelines.packs import load_packs
from pipelines.sending import carriers, send, sender
from pipelines.settings import Settings
from response.alerts import Draft, Step
from response.ceiling import under
from response.contracts import empty
from response.triggers import drafts, escalations
from response.trips import Situation
from store import (
    alert_inputs,
    alert_reading,
    alert_rounds,
    alert_tables,
    alerts,
    deployment_moves,
    deployments,
)
from store.database import connect, sessions
from store.deployment_schema import Deployment, DeploymentApproval
from store.reports import report_history
from store.schema import Election
from store.turns import Turn, take_turn

TARGET = "any"


def situation(
    session: Session, election_id: str, as_of: datetime, target: str = TARGET
) -> Situation:
    """What the store knows of a round.

    Raises:
        NotFoundError: there is no such round, or no units of its country.
    """
    registry = alert_rounds.of(session, election_id)
    posts, posted_at = posted(session, election_id, as_of)
    return Situation(
        election_id=election_id,
        country=(registry.iso3, registry.country),
        units=alert_inputs.unit_table(session, registry.registry_id),
        scores=alert_inputs.score_history(session, election_id, target),
        reports=report_history(session, until=as_of, election_id=election_id),
        posts=posts,
        posted_at=posted_at,
        past=alert_tables.past_alerts(session, election_id, as_of),
    )


def posted(
    session: Session, election_id: str, as_of: datetime
) -> tuple[pd.DataFrame, pd.Timestamp | None]:
    """Where mediators stand by the deployment approved last, and from when silence there counts.

    It counts from the approval, and not before the round's window begins: who is named weeks
    ahead is not yet there.
    """
    approval = session.scalar(
        select(DeploymentApproval)
        .join(Deployment, Deployment.deployment_id == DeploymentApproval.deployment_id)
        .where(Deployment.election_id == election_id, DeploymentApproval.approved_at <= as_of)
        .order_by(DeploymentApproval.approved_at.desc())
        .limit(1)
    )
    if approval is None:
        return empty("posts"), None
    kept = deployments.version(session, approval.deployment_id, approval.version)
    posts = deployment_moves.posts_of(session, kept).groupby("unit_id")["mediators"].sum()
    starts = session.get_one(Election, election_id).window_start
    since = max(approval.approved_at, datetime.combine(starts, time(), UTC))
    return posts.astype("int64").reset_index(), pd.Timestamp(since)


@dataclass
class Drafted:
    """What one round of drafting did.

    Attributes:
        shown: new drafts that wait for a signature.
        held: new drafts that the pack's ceiling holds back.
        released: ids of drafts held back before, for which there is room now.
    """

    shown: list[Draft] = field(default_factory=list)
    held: list[Draft] = field(default_factory=list)
    released: list[str] = field(default_factory=list)


def draft(
    made: sessionmaker[Session], pack: Pack, election_id: str, as_of: datetime | None = None
) -> Drafted:
    """Hold a pack's rules against a round and keep the drafts that are new.

    Whoever drafts at the same time waits, and then sees these drafts: two runs together show no
    more than the ceiling lets through.

    Args:
        made: sessions of the database.
        pack: whose rules.
        election_id: the round.
        as_of: the moment whose knowledge may be used, with a time zone; None for the one at
            which its turn comes.

    Returns:
        The new drafts, those of them that are over the pack's ceiling, and those let go by it.

    Raises:
        NotFoundError: there is no such round, or no units of its country.
    """
    with made.begin() as session:
        take_turn(session, Turn.ALERTS)
        as_of = as_of or _now(session, election_id)
        moment = pd.Timestamp(as_of)
        seen = situation(session, election_id, as_of)
        found = drafts(pack.alerts, seen, moment)
        found += escalations(
            pack.alerts,
            seen.past,
            lambda alert_id: alert_reading.draft_of(alert_reading.one(session, alert_id)),
            moment,
        )
        new = [one for one in found if not alerts.is_kept(session, one.alert_id)]
        waiting = alert_reading.held_back(session, election_id, as_of)
        chosen = under(pack.alert_ceiling, new, waiting, seen.past, moment)
        registry_id = alert_rounds.of(session, election_id).registry_id
        for one in (*chosen.shown, *chosen.held):
            alerts.write_draft(session, one, registry_id=registry_id, synthetic=pack.synthetic)
        for one in chosen.held:
            alerts.take(session, one.alert_id, Step.HOLD, at=as_of, by=alerts.MACHINE)
        for alert_id in chosen.released:
            alerts.take(session, alert_id, Step.RELEASE, at=as_of, by=alerts.MACHINE)
        for alert_id, by in chosen.replaced.items():
            note = f"{by} takes its place"
            alerts.take(session, alert_id, Step.EXPIRE, at=as_of, by=alerts.MACHINE, note=note)
        return Drafted(chosen.shown, chosen.held, chosen.released)


def _now(session: Session, election_id: str) -> datetime:
    """The moment, and no earlier than any step of a machine whose clock is ahead of ours."""
    newest = alert_reading.newest_step(session, election_id)
    return max(datetime.now(UTC), newest) if newest else datetime.now(UTC)


def draft_and_send(settings: Settings) -> dict[str, str]:
    """Draft for every coming round of every pack, then send what is signed.

    A pack whose rules cannot be held against its rounds keeps no other from its turn.

    Returns:
        What was done, by pack and for `sending`.
    """
    engine = connect(settings.database)
    made = sessions(engine)
    said = {}
    try:
        for name, pack in load_packs(settings.packs).items():
            if pack.alerts:
                said[name] = _drafted(made, pack, settings)
        done = send(made, carriers(settings), sender(settings))
        return {**said, "sending": done.says()}
    finally:
        engine.dispose()


def _drafted(made: sessionmaker[Session], pack: Pack, settings: Settings) -> str:
    now = datetime.now(UTC)
    with made() as session:
        codes = list(pack.country_names)
        rounds = alert_rounds.rounds_at(session, codes, now, settings.ahead_days)
        ids = [election.election_id for election in rounds]
    try:
        done = [draft(made, pack, election_id) for election_id in ids]
    except VigieError as error:
        return f"{type(error).__name__}: {error}"
    shown = sum(len(one.shown) + len(one.released) for one in done)
    held = sum(len(one.held) for one in done)
    return f"{shown} drafts for {len(ids)} rounds" + (f", {held} held back" if held else "")
