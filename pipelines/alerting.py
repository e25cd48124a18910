"""Drafting alerts from what the store knows, and one round of drafting and sending."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
from sqlalchemy.orm import Session, sessionmaker

from features.errors import VigieError
from pipelines.pack import Pack
from pipelines.packs import load_packs
from pipelines.sending import carriers, send, sender
from pipelines.settings import Settings
from response.alerts import Draft
from response.contracts import empty
from response.triggers import Situation, drafts, escalations
from store import alert_inputs, alert_rounds, alerts
from store.database import connect, sessions

TARGET = "any"


def situation(
    session: Session, election_id: str, as_of: datetime, target: str = TARGET
) -> Situation:
    """What the store knows of a round.

    Raises:
        NotFoundError: there is no such round, or no units of its country.
    """
    registry = alert_rounds.of(session, election_id)
    posts, posted_at = posted(session, election_id)
    return Situation(
        election_id=election_id,
        country=(registry.iso3, registry.country),
        units=alert_inputs.unit_table(session, registry.registry_id),
        scores=alert_inputs.score_history(session, election_id, target),
        reports=reported(session, election_id, as_of),
        posts=posts,
        posted_at=posted_at,
        past=alerts.past_alerts(session, election_id, as_of),
    )


def reported(_session: Session, _election_id: str, _as_of: datetime) -> pd.DataFrame:
    """The history of field reports by a moment; keeps `REPORTS`."""
    return empty("reports")


def posted(_session: Session, _election_id: str) -> tuple[pd.DataFrame, pd.Timestamp | None]:
    """Where mediators stand, and since when; keeps `POSTS`."""
    return empty("posts"), None


def draft(
    made: sessionmaker[Session], pack: Pack, election_id: str, as_of: datetime
) -> list[Draft]:
    """Hold a pack's rules against a round and keep the drafts that are new.

    Args:
        made: sessions of the database.
        pack: whose rules.
        election_id: the round.
        as_of: the moment whose knowledge may be used, with a time zone.

    Returns:
        The new drafts.

    Raises:
        NotFoundError: there is no such round, or no units of its country.
    """
    moment = pd.Timestamp(as_of)
    with made.begin() as session:
        seen = situation(session, election_id, as_of)
        found = drafts(pack.alerts, seen, moment)
        found += escalations(
            pack.alerts,
            seen.past,
            lambda alert_id: alerts.draft_of(alerts.one(session, alert_id)),
            moment,
        )
        registry_id = alert_rounds.of(session, election_id).registry_id
        return [
            one
            for one in found
            if alerts.write_draft(session, one, registry_id=registry_id, synthetic=pack.synthetic)
        ]


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
        count = sum(len(draft(made, pack, election_id, now)) for election_id in ids)
    except VigieError as error:
        return f"{type(error).__name__}: {error}"
    return f"{count} drafts for {len(ids)} rounds"
