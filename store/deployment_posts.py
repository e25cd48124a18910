"""A version of a deployment as people read it: its posts beside their units and scores."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment_assumed import assumptions
from response.deployment_request import Request
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


def post_rows(
    session: Session,
    kept: DeploymentVersion,
    language: Language,
    areas: Collection[str] = (),
) -> list[dict[str, Any]]:
    """The posts of a version by region and expected incidents.

    Args:
        session: an open session.
        kept: the version.
        language: of `why`.
        areas: ids of regions, parent areas or units that the reader may see; empty for all.

    Returns:
        Rows with `COLUMNS`, one per unit and base.
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
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in session.execute(query)]
    return [{**row, "why": row["why"][str(language)]} for row in rows]


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
