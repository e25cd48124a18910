"""A whole backtest: questions, answers, tables, and what it all rests on."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any

import pandas as pd

from models.resampling import BLOCK_DAYS, DRAWS, LEAST_BLOCKS, LEVEL
from models.splits import election_blocks
from pipelines.backtest import canary
from pipelines.backtest.headlines import FIGURES, at_k_figures
from pipelines.backtest.origins import LeftOut, Protocol, origins
from pipelines.backtest.rolling import Progress, Rolled, roll
from pipelines.backtest.tables import Tables, tabulate
from pipelines.digests import code_digest, pack_digest, tables_digest
from pipelines.forecasting import vintage
from pipelines.ingest import Ingested
from pipelines.pack import Pack
from pipelines.question import declared_windows

LIBRARIES = ("vigie", "numpy", "pandas", "scikit-learn", "scipy", "xgboost-cpu")


@dataclass(frozen=True)
class Backtest:
    """A backtest that is done.

    Attributes:
        about: what it rests on, as plain values: country, protocol, digests, versions.
        rolled: every answer.
        tables: what they come to.
        left_out: questions that were not answered, and why.
        canary: what the canary found to be the same; empty when it was not asked to listen.
        meanings: what each k stands for.
        units: the registry.
        polygons: outlines of the units.
    """

    about: dict[str, Any]
    rolled: Rolled
    tables: Tables
    left_out: tuple[LeftOut, ...]
    canary: tuple[str, ...]
    meanings: dict[int, str]
    units: pd.DataFrame
    polygons: pd.DataFrame

    @property
    def top(self) -> tuple[int, ...]:
        """Numbers of units that may be reached, the smallest first."""
        return tuple(self.meanings)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything found: the same inputs give the same."""
        return str(as_json(self)["digest"])


def backtest(
    pack: Pack,
    ingested: Ingested,
    target: str,
    protocol: Protocol,
    *,
    seeds: int,
    workers: int,
    listen: bool,
    progress: Progress,
) -> Backtest:
    """Answer the questions of a protocol and hold them against what happened.

    The same inputs give the same backtest, whatever the number of workers.

    Args:
        pack: the country pack.
        ingested: its tables.
        target: name of a target of the pack.
        protocol: which origins.
        seeds: number of refits with other seeds, the pack's own first.
        workers: processes at a time.
        listen: whether the leakage canary listens at the newest origin first.
        progress: told what is done.

    Raises:
        ConfigError: no question can be answered.
        LeakError: the canary sang.
    """
    tables = ingested.tables
    put, left = origins(pack, tables, target, protocol)
    heard: tuple[str, ...] = ()
    if listen:
        progress("the leakage canary is listening")
        heard = canary.listen(pack, tables, canary.newest([o.question for o in put]))
    meanings = pack.evaluation.meanings()
    meanings = {k: says for k, says in meanings.items() if k < len(tables.units)}
    meanings = meanings or {max(1, len(tables.units) // 10): "a tenth of all units"}
    numbers = tuple(range(pack.training.seed, pack.training.seed + seeds))
    rolled = roll(
        pack,
        tables,
        put,
        seeds=numbers,
        top=tuple(meanings),
        workers=workers,
        progress=progress,
    )
    progress("tables")
    return Backtest(
        about=_about(pack, ingested, target, protocol, numbers),
        rolled=rolled,
        tables=tabulate(
            rolled,
            tables.units,
            election_blocks(tables.elections, declared_windows(pack)),
            tuple(meanings),
        ),
        left_out=(*left, *rolled.left_out),
        canary=heard,
        meanings=meanings,
        units=tables.units,
        polygons=ingested.polygons,
    )


def _about(
    pack: Pack, ingested: Ingested, target: str, protocol: Protocol, seeds: tuple[int, ...]
) -> dict[str, Any]:
    said = pack.target(target)
    return {
        "country": pack.country,
        "iso3": pack.iso3,
        "pack": pack.name,
        "target": target,
        "target_says": said.model_dump(mode="json"),
        "synthetic": pack.synthetic,
        "vintage": vintage(pack, ingested),
        "protocol": json.loads(json.dumps(asdict(protocol), default=str)),
        "seeds": list(seeds),
        "bootstrap": {
            "level": LEVEL,
            "draws": DRAWS,
            "block_days": BLOCK_DAYS,
            "least_blocks": LEAST_BLOCKS,
        },
        "data_digest": tables_digest(ingested.tables),
        "config_digest": pack_digest(pack),
        "code_digest": code_digest(evaluation=True),
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
    }


def as_json(found: Backtest) -> dict[str, Any]:
    """Everything but the single forecasts, as plain values, with a digest of itself."""
    tables = found.tables
    content: dict[str, Any] = {
        "about": found.about,
        "canary": list(found.canary),
        "reached": {str(k): says for k, says in found.meanings.items()},
        "figures": {f.name: f.says for f in (*FIGURES, *at_k_figures(found.top))},
        "best_baseline": tables.best_baseline,
        "blocks": {str(k): int(v) for k, v in tables.blocks.items()},
        "left_out": [asdict(x) for x in found.left_out],
    }
    for name in (
        *("headlines", "by_lead", "by_kind", "by_region"),
        *("reliability", "coverage", "law"),
    ):
        content[name] = records(getattr(tables, name))
    content["origins"] = records(found.rolled.origins)
    content["scores"] = records(found.rolled.scores)
    text = json.dumps(content, sort_keys=True)
    return {"digest": hashlib.sha256(text.encode()).hexdigest(), **content}


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values: six digits, None for what is missing."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=6))
    return rows
