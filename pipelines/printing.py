"""What the command line prints: tables that fit a terminal of 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from features.vocabulary import Language

if TYPE_CHECKING:
    import pandas as pd

    from models.registry import Decided
    from pipelines.backtest.job import Backtest
    from pipelines.monitoring import Report
    from pipelines.promoting import Outcome
    from pipelines.settings import Settings

out, err = Console(), Console(stderr=True)


def table(title: str, *columns: str) -> Table:
    """A table without lines, that fits a terminal of 80 columns."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    return table


def print_scores(title: str, scores: pd.DataFrame) -> None:
    """Scores per model."""
    columns = {
        "average_precision": "AP",
        "auc": "AUC",
        "brier": "Brier",
        "brier_skill": "skill",
        "calibration_error": "ECE",
        "precision_at_50": "P@50",
    }
    shown = table(title, "model", *columns.values())
    for name, row in scores.iterrows():
        shown.add_row(str(name), *(f"{row[c]:.3f}" for c in columns))
    out.print(shown)


def print_backtest(found: Backtest) -> None:
    """Headlines of a backtest at its shortest lead, and how the baselines fared beside."""
    columns = {
        "average_precision": "AP",
        "ap_ratio_best_mean": "x best",
        "ap_ratio_best_each": "x each",
        "auc": "AUC",
        "brier_skill": "skill",
        "calibration_error": "ECE",
        "onset_auc": "onset",
    }
    wide = found.tables.headlines.pivot_table(
        index="model", columns="figure", values=["value", "low", "high"], dropna=False
    )
    order = wide["value"]["average_precision"].sort_values(ascending=False, kind="stable")
    shown = table("over origins, with 90 % of block bootstraps", "model", *columns.values())
    for model in order.index:
        value, low, high = (wide[part].loc[model] for part in ("value", "low", "high"))
        shown.add_row(str(model), *(f"{value[c]:.3f}" for c in columns))
        if model == "shipped" or model == found.tables.best_baseline:
            shown.add_row("  from", *(f"{low[c]:.3f}" for c in columns))
            shown.add_row("  to", *(f"{high[c]:.3f}" for c in columns))
    out.print(shown)
    law = found.tables.law.dropna(subset=["ratio"])
    out.print(
        f"{len(law)} origins with an incident; what was shipped ranked below the best baseline "
        f"of the origin at {int((law['ratio'] < 1).sum())}; left out: {len(found.left_out)}"
    )


def print_outcome(outcome: Outcome) -> None:
    """The scores that a decision rests on, the decision, and its reasons."""
    print_scores("held-out years", outcome.table)
    decided, version = outcome.decided, outcome.version
    out.print(f"[bold]{decided.action}[/]:")
    for reason in decided.reason.splitlines():
        out.print(f"  {reason}", markup=False, soft_wrap=True)
    says = f"shown by {version.name}: version {version.version}, {version.kind}"
    out.print(f"{says}; champion: version {decided.after}", soft_wrap=True)


def print_decisions(decisions: list[Decided]) -> None:
    """Decisions about champions, one paragraph each."""
    for d in decisions:
        change = f"champion {d.before or 'none'} -> {d.after}"
        out.print(f"[bold]{d.at:%Y-%m-%d %H:%M} {d.action}[/] {d.model}", soft_wrap=True)
        out.print(f"  {change}, by {d.by} with {d.command}", markup=False, soft_wrap=True)
        for reason in d.reason.splitlines():
            out.print(f"  {reason}", markup=False, soft_wrap=True)
        out.print(
            f"  scores: table.csv of MLflow run {d.run_id}" if d.run_id else "", soft_wrap=True
        )


def print_bulletin(bulletin_id: str, scores: pd.DataFrame, units: pd.DataFrame) -> None:
    """The ten highest scores of a bulletin, and its id."""
    scored = scores.loc[scores["rank"].notna()]
    top = scored.merge(units, on="unit_id").sort_values("rank").head(10)
    shown = table("highest scores", "", "unit", "place", "prob.", "90 %", "exp.", "base", "band")
    for r in top.itertuples(index=False):
        shown.add_row(
            f"{r.rank:.0f}",
            str(r.unit_id),
            f"{r.name}, {r.parent_name}"[:24],
            f"{r.probability:.2f}",
            f"{r.lower:.2f}-{r.upper:.2f}",
            f"{r.expected_incidents:.2f}",
            f"{r.baseline_probability:.2f}",
            str(r.band).replace("_", " "),
        )
    if len(top):
        out.print(shown)
    abstained = int((scores["band"] == "abstained").sum())
    out.print(f"bulletin {bulletin_id}: {len(scores)} units, {abstained} abstained")


def print_lessons(document: dict[str, Any], language: Language) -> None:
    """What a round teaches, in short, and what to change."""
    about = document["about"]
    if not document["settled"]["is_settled"]:
        why = document["settled"]["why"].replace("_", " ")
        out.print(f"[bold]provisional[/] ({why}) until {document['settled']['from_day']}")
    for line in document["headlines"][language]:
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    for found in document["findings"]:
        if found["state"] == "change":
            out.print(f"[bold]{found['level']}[/]: ", end="")
            out.print(found["says"][language], markup=False, highlight=False, soft_wrap=True)
    known = f"as known on {about['as_of']}"
    out.print(f"lessons of bulletin {about['bulletin_id']}, {known}", soft_wrap=True)


_COLOURS = {"ok": "green", "unknown": "cyan", "watch": "yellow", "act": "bold red"}


def wrapped(title: str, *columns: str) -> Table:
    """A table whose cells break rather than lose their ends."""
    shown = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1, 0, 0))
    for column in columns:
        shown.add_column(column, overflow="fold")
    return shown


def print_report(report: Report) -> None:
    """What monitoring found: every check, the features that shifted most, past bulletins."""
    shown = wrapped(f"as of {report.as_of}", "", "area", "check", "found")
    for check in report.checks:
        status = str(check.status)
        shown.add_row(f"[{_COLOURS[status]}]{status}[/]", check.area, check.name, check.says)
    out.print(shown)
    shifted = report.shift.loc[report.shift["shifted"].astype(bool)].head(5)
    for r in shifted.itertuples(index=False):
        out.print(f"  shifted: {r.feature}, {r.shift:.2f}, usually at most {r.usual:.2f}")
    if len(report.answered):
        past = wrapped("past bulletins", "", "expected", "observed", "Brier", "baseline", "ECE")
        for name, row in report.answered.set_index("bulletin_id").iterrows():
            figures = (f"{row[c]:.4f}" for c in ("brier", "baseline_brier", "calibration_error"))
            past.add_row(str(name), f"{row['expected']:.1f}", f"{row['observed']:.0f}", *figures)
        out.print(past)
    out.print(f"[bold]{report.status}[/]")


def print_mlflow(settings: Settings) -> None:
    """How to look at the runs."""
    command = f"mlflow ui --backend-store-uri {settings.tracking_uri}"
    out.print(f"runs: MLFLOW_DISABLE_TELEMETRY=true {command}", soft_wrap=True)
