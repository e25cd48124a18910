"""A version of a deployment as tables: its posts, and the moves that lead to it."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from sqlalchemy.orm import Session

from features.vocabulary import Language
from response.deployment_moves import moves
from store import deployments, plans
from store.deployment_posts import COLUMNS, bulletin_of, post_rows
from store.deployment_schema import DeploymentVersion

ELSEWHERE = "elsewhere"


def table(
    session: Session,
    kept: DeploymentVersion,
    language: Language,
    areas: Collection[str] = (),
) -> pd.DataFrame:
    """The rows of `store.deployment_posts.post_rows`, as a table of `COLUMNS`."""
    return pd.DataFrame(post_rows(session, kept, language, areas), columns=list(COLUMNS))


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
    known = plans.situation(session, bulletin_of(session, kept)).units
    found = moves(plans.posts_of(session, before), plans.posts_of(session, kept), known)
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
