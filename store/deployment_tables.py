"""The posts of a version of a deployment as a table."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
from sqlalchemy.orm import Session

from features.vocabulary import Language
from store.deployment_posts import COLUMNS, post_rows
from store.deployment_schema import DeploymentVersion


def table(
    session: Session,
    kept: DeploymentVersion,
    language: Language,
    areas: Collection[str] = (),
) -> pd.DataFrame:
    """The rows of `store.deployment_posts.post_rows`, as a table of `COLUMNS`."""
    return pd.DataFrame(post_rows(session, kept, language, areas), columns=list(COLUMNS))
