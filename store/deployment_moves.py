"""Where mediators stand by a version of a deployment, and the moves that lead to it.

Nothing here brings a solver along: reading moves is quick from the first time on.
"""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from response.deployment_moves import moves
from store import deployments
from store.deployment_posts import bulletin_of
from store.deployment_schema import DeploymentPost, DeploymentVersion
from store.schema import Unit

ELSEWHERE = "elsewhere"
_POSTS = ("unit_id", "base", "mediators")
_UNIT = ("region_id", "parent_id", "unit_id", "name", "lon", "lat")


def posts_of(session: Session, kept: DeploymentVersion) -> pd.DataFrame:
    """`unit_id`, `base`, `mediators` of a version."""
    columns = [getattr(DeploymentPost, c) for c in _POSTS]
    rows = session.execute(
        select(*columns)
        .where(DeploymentPost.deployment_id == kept.deployment_id)
        .where(DeploymentPost.version == kept.version)
        .order_by(DeploymentPost.unit_id, DeploymentPost.base)
    )
    table = pd.DataFrame(rows.all(), columns=list(_POSTS))
    return table.astype({"unit_id": "str", "base": "str", "mediators": "int64"})


def moves_since(
    session: Session, kept: DeploymentVersion, areas: Collection[str] = ()
) -> pd.DataFrame:
    """Moves from the plan that a version follows, or from its own first version.

    Returns:
        As `response.deployment_moves.moves`, with the names of both units. An end beyond the
        areas is `ELSEWHERE`: where others stand is not for those who see some areas alone.
    """
    deployment = deployments.deployment(session, kept.deployment_id)
    before = deployments.version(
        session,
        deployment.follows or kept.deployment_id,
        kept.follows_version if deployment.follows else 1,
    )
    known = _units(session, bulletin_of(session, kept).registry_id)
    found = moves(posts_of(session, before), posts_of(session, kept), known)
    if areas:
        inside = known[["region_id", "parent_id", "unit_id"]].isin(list(areas)).any(axis=1)
        seen = set(known.loc[inside, "unit_id"])
        found = found.loc[found["from_unit"].isin(seen) | found["to_unit"].isin(seen)]
        found = _masked(found, seen)
    names = dict(zip(known["unit_id"], known["name"], strict=True))
    for end in ("from", "to"):
        found[f"{end}_name"] = [names.get(u, u) for u in found[f"{end}_unit"]]
    return found.reset_index(drop=True)


def _masked(found: pd.DataFrame, seen: set[str]) -> pd.DataFrame:
    """Moves without the units beyond `seen`, and without how far those are."""
    hidden = {end: ~found[end].isin({*seen, ""}) for end in ("from_unit", "to_unit")}
    masked = {end: found[end].mask(beyond, ELSEWHERE) for end, beyond in hidden.items()}
    km = found["km"].mask(hidden["from_unit"] | hidden["to_unit"])
    return found.assign(**masked, km=km)


def _units(session: Session, registry_id: str) -> pd.DataFrame:
    columns = [getattr(Unit, c) for c in _UNIT]
    query = select(*columns).where(Unit.registry_id == registry_id).order_by(Unit.unit_id)
    return pd.DataFrame(session.execute(query).all(), columns=list(_UNIT))
