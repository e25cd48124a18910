"""The panel between the steps of a job: kept in a file, with the digest of what it was made of."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from features.context import Context
from features.panel import Panel, build_panel, select
from pipelines.digests import code_digest, tables_digest


def kept(file: Path, context: Context, names: tuple[str, ...]) -> Panel:
    """The panel of a context, from `file` if it was made of just these inputs.

    Otherwise it is built and written there, whole or not at all.

    Args:
        file: an uncompressed .npz; its folder is made.
        context: tables, days, target and horizon.
        names: features wanted; empty means all.

    Raises:
        ConfigError: an unknown feature name.
    """
    digest = _digest(context, names)
    if file.exists():
        # Without pickles: reading a file must not run it.
        with np.load(file, allow_pickle=False) as said:
            if str(said["digest"]) == digest:
                unit_ids = said["unit_ids"].astype(object)
                return Panel(said["days"], unit_ids, select(names, context), said["values"])
    panel = build_panel(context, names)
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = file.with_suffix(".part")
    with whole.open("wb") as out:
        np.savez(
            out,
            digest=np.array(digest),
            days=panel.days,
            unit_ids=panel.unit_ids.astype(str),
            values=panel.values,
        )
    whole.replace(file)
    return panel


def _digest(context: Context, names: tuple[str, ...]) -> str:
    """SHA-256 of everything that decides what is in the panel."""
    said = [
        tables_digest(context.tables),
        code_digest(),
        context.target,
        context.horizon,
        context.variables,
        sorted(context.windows.items()),
        names,
        context.days.tolist(),
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()
