"""A version of a deployment as people read it: its posts beside their units and scores."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment_moves import moves
from response.deployment_request import Request
from response.deployment_words import assumptions
from store import deployments, reading
from store.deployment_schema import DeploymentPost, DeploymentVersion
from store.schema import Bulletin, Election, Score, Unit

_UNIT = (
    *("region_id", "region_name", "parent_id", "parent_name", "unit_id", "name", "lon", "lat"),
)
_SCORE = ("rank", "probability", "expected_incidents", "band")
COLUMNS = (*_UNIT, "base", "mediators", *_SCORE, "why")


def bulletin_of(session: Session, kept: DeploymentVersion) -> Bulletin:
    """The bulletin that a version was planned from."""
    return reading.bulletin(
        session, deployments.deployment(session, kept.deployment_id).bulletin_id
    )


def table(
    session: Session,
    kept: DeploymentVersion,
    language: Language,
    areas: Collection[str] = (),
) -> pd.DataFrame:
    """The posts of a version by region and expected incidents.

    Args:
        session: an open session.
        kept: the version.
        language: of `why`.
        areas: ids of regions, parent areas or units that the reader may see; empty for all.

    Returns:
        `COLUMNS`, one row per unit and base.
    """
    bulletin = bulletin_of(session, kept)
    query = (
        select(
            *(getattr(Unit, c) for c in _UNIT),
            DeploymentPost.base,
            DeploymentPost.mediators,
            *(getattr(Score, c) for c in _SCORE),
            DeploymentPost.why,
        )
        .join(Unit, Unit.unit_id == DeploymentPost.unit_id)
        .join(Score, Score.unit_id == DeploymentPost.unit_id)
        .where(DeploymentPost.deployment_id == kept.deployment_id)
        .where(DeploymentPost.version == kept.version)
        .where(Unit.registry_id == bulletin.registry_id)
        .where(Score.bulletin_id == bulletin.bulletin_id)
        .order_by(Unit.region_id, Score.position, DeploymentPost.base)
    )
    if areas:
        places = (Unit.region_id, Unit.parent_id, Unit.unit_id)
        query = query.where(or_(*(place.in_(areas) for place in places)))
    found = pd.DataFrame(session.execute(query).all(), columns=list(COLUMNS))
    found["why"] = [said[str(language)] for said in found["why"]]
    return found


def head(session: Session, kept: DeploymentVersion, language: Language) -> dict[str, Any]:
    """What a sheet says above its table."""
    bulletin = bulletin_of(session, kept)
    election = session.get_one(Election, bulletin.election_id)
    approval = deployments.approval(session, kept)
    request = Request.model_validate(kept.request)
    return {
        "country": reading.country(session, bulletin),
        "election_id": bulletin.election_id,
        "polling_date": election.polling_date,
        "window": (bulletin.window_start, bulletin.window_end),
        "bulletin_id": bulletin.bulletin_id,
        "as_of": bulletin.as_of,
        "synthetic": bulletin.synthetic,
        "deployment_id": kept.deployment_id,
        "version": kept.version,
        "how": kept.how,
        "reason": kept.reason,
        "approved_by": approval.role if approval else None,
        "approved_at": approval.approved_at if approval else None,
        "mediators": kept.mediators,
        "figures": kept.figures,
        "assumptions": assumptions(request, kept.figures, language),
    }


def moves_since(
    session: Session, kept: DeploymentVersion, areas: Collection[str] = ()
) -> pd.DataFrame:
    """Moves from the plan that a version follows, or from its own first version.

    Returns:
        As `response.deployment_moves.moves`, with the names of both units.
    """
    deployment = deployments.deployment(session, kept.deployment_id)
    before = deployments.version(
        session,
        deployment.follows or kept.deployment_id,
        kept.follows_version if deployment.follows else 1,
    )
    known = deployments.situation(session, bulletin_of(session, kept)).units
    found = moves(deployments.posts_of(session, before), deployments.posts_of(session, kept), known)
    if areas:
        inside = known[["region_id", "parent_id", "unit_id"]].isin(list(areas)).any(axis=1)
        seen = set(known.loc[inside, "unit_id"])
        found = found.loc[found["from_unit"].isin(seen) | found["to_unit"].isin(seen)]
    names = dict(zip(known["unit_id"], known["name"], strict=True))
    for end in ("from", "to"):
        found[f"{end}_name"] = [names.get(u, "") for u in found[f"{end}_unit"]]
    return found.reset_index(drop=True)
