"""What a backtest leaves behind: the JSON, the report, and a run in MLflow."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from models.registry import ModelRegistry
from pipelines.backtest.job import Backtest, as_json
from pipelines.backtest.report import html
from pipelines.run import write_json

FILES = ("backtest.json", "backtest.html", "forecasts.parquet")


def record(
    found: Backtest,
    registry: ModelRegistry,
    experiment: str,
    json_file: Path | None,
    html_file: Path | None,
) -> str:
    """Log a backtest to MLflow, and write its figures and its report where asked.

    The single forecasts, with what happened, go to MLflow only, as parquet.

    Returns:
        The MLflow run's id.
    """
    with tempfile.TemporaryDirectory() as name:
        figures, page, forecasts = (Path(name) / file for file in FILES)
        write_json(figures, as_json(found))
        page.write_text(html(found), encoding="utf-8")
        found.rolled.forecasts.to_parquet(forecasts, index=False)
        for made, wanted in ((figures, json_file), (page, html_file)):
            if wanted is not None:
                wanted.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(made, wanted)
        about = found.about
        return registry.log_backtest(
            f"{experiment}-backtest",
            f"{about['target']}, {found.rolled.origins['origin'].nunique()} windows",
            {
                "target": about["target"],
                **{f"protocol_{k}": v for k, v in about["protocol"].items()},
                "seeds": about["seeds"],
                "canary": "silent" if found.canary else "not asked",
                "best_baseline": found.tables.best_baseline,
                **{k: about[k] for k in ("data_digest", "config_digest", "code_digest")},
                "result_digest": found.digest,
                "vigie": about["versions"]["vigie"],
            },
            metrics(found),
            (figures, page, forecasts),
        )


def metrics(found: Backtest) -> dict[str, float]:
    """Headlines of every model as MLflow takes them.

    `model.figure`, its interval as `.low` and `.high`, its seeds' spread as `.seed_low` and
    `.seed_high`.
    """
    out: dict[str, float] = {}
    for row in found.tables.headlines.to_dict("records"):
        name = f"{row['model']}.{row['figure']}"
        out[name] = row["value"]
        out |= {f"{name}.{k}": row[k] for k in ("low", "high", "seed_low", "seed_high")}
    return out
