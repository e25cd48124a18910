"""Digests of what went into a result, so that the same inputs are seen to be the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pandas as pd

import features
import models
import pipelines
import response
from features.tables import Tables
from pipelines.pack import Pack


def tables_digest(tables: Tables) -> str:
    """SHA-256 of the rows of a country's tables, whatever their order."""
    digest = hashlib.sha256()
    for field in fields(tables):
        table: pd.DataFrame = getattr(tables, field.name)
        rows = pd.util.hash_pandas_object(table, index=False).sort_values()
        digest.update(f"{field.name}:{','.join(table.columns)}:{len(table)}".encode())
        digest.update(rows.to_numpy().tobytes())
    return digest.hexdigest()


_JOINING = ("question.py", "training.py")
_LIBRARIES = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost-cpu")


@cache
def code_digest(evaluation: bool = False) -> str:
    """SHA-256 of the source that decides what a score is, and of the versions of its libraries.

    Args:
        evaluation: of all of this room, which decides how scores are judged; else only of what
            decides which examples models are fitted on.
    """
    digest = hashlib.sha256()
    here = Path(str(pipelines.__file__)).parent
    files = [
        file
        for room in (features, models, response)
        for file in sorted(Path(str(room.__file__)).parent.rglob("*.py"))
    ]
    files += sorted(here.rglob("*.py")) if evaluation else [here / name for name in _JOINING]
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}".encode())
    return digest.hexdigest()


def settings_digest(pack: Pack, keys: set[str], **more: object) -> str:
    """SHA-256 of some parts of a pack, and of what is given."""
    parts = pack.model_dump(mode="json", include=keys)
    text = json.dumps({**parts, **more}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def pack_digest(pack: Pack) -> str:
    """SHA-256 of everything that a pack says, but for where its own file lies."""
    text = json.dumps(pack.model_dump(mode="json"), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
