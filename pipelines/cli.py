"""The command line: `vigie`.

Heavy libraries are imported by the commands that need them, so that `vigie --help`,
`vigie token` and `vigie serve` start at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.errors import ConfigError, NotFoundError, VigieError
from features.vocabulary import Language
from pipelines import (
    alert_commands,
    deploy_commands,
    nowcast_commands,
    rehearsal_commands,
    report_commands,
    token_commands,
    worker_commands,
)
from pipelines.languages import PageLanguage
from pipelines.printing import (
    err,
    out,
    print_backtest,
    print_bulletin,
    print_decisions,
    print_lessons,
    print_mlflow,
    print_outcome,
    print_report,
    print_scores,
    table,
)
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.run import Workshop

app = typer.Typer(
    help="Forecast electoral violence per commune, and carry each forecast through.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(token_commands.app, name="token", no_args_is_help=True)
app.add_typer(report_commands.app, name="reports", no_args_is_help=True)
app.add_typer(deploy_commands.app, name="deploy", no_args_is_help=True)
app.add_typer(worker_commands.app, name="schedule", no_args_is_help=True)
app.add_typer(alert_commands.app, name="alerts")
app.add_typer(nowcast_commands.app, name="ratios", no_args_is_help=True)
app.command()(rehearsal_commands.rehearse)
for command in (
    nowcast_commands.nowcast,
    worker_commands.worker,
    worker_commands.migrate,
    worker_commands.backup,
    worker_commands.restore,
):
    app.command()(command)

Config = Annotated[
    Path, typer.Argument(help="Country pack, for example pipelines/configs/mali.toml")
]
Election = Annotated[str, typer.Option(help="Round, for example MLI-2018-PRES-1")]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Day whose knowledge may be used [eve of the window]"),
]
TargetName = Annotated[str, typer.Option(help="Target of the pack")]
By = Annotated[str | None, typer.Option(help="Who decides, for the log [VIGIE_USER, else you]")]
Reason = Annotated[str, typer.Option(help="Why, for the log")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the figures here")]

_SECONDS_TO_FINISH = 20


NOT_PROMOTED = 3
"""Exit status of `vigie promote` where the champion stays."""


def main() -> None:
    """Run `vigie`; an error that a user can act on is one message and exit status 2."""
    try:
        app()
    except VigieError as error:
        err.print(f"[bold red]{type(error).__name__}[/]: ", end="")
        err.print(str(error), markup=False, highlight=False)
        raise SystemExit(2) from error


@app.callback()
def _home(
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of the lake and the database [VIGIE_HOME, else var]"),
    ] = None,
) -> None:
    if home is not None:
        os.environ["VIGIE_HOME"] = str(home)


@contextmanager
def _workshop(config: Path) -> Iterator[Workshop]:
    """A workshop whose progress shows as a spinner and, line by line, what was done."""
    from pipelines.pack import load_pack
    from pipelines.run import Workshop

    with err.status("starting") as status:

        def progress(message: str) -> None:
            status.update(message)
            if not err.is_terminal:
                err.print(message, markup=False, highlight=False)

        yield Workshop(load_pack(config), Settings(), datetime.now(UTC), progress)


def _day(value: datetime | None) -> date | None:
    return value.date() if value else None


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where to write the country")],
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same files")] = 7,
    units: Annotated[int, typer.Option(help="Number of communes")] = 300,
    years: Annotated[int, typer.Option(help="Years of history")] = 8,
) -> None:
    """Write a synthetic country: sources, country pack and the true probabilities."""
    from pipelines.synthetic import make_country

    with err.status("simulating and working out the true probabilities"):
        pack = make_country(folder, seed=seed, units=units, years=years)
    out.print(f"country pack: {pack}")


@app.command()
def ingest(config: Config) -> None:
    """Read a country's sources into the snapshot lake."""
    from pipelines.places import match_table

    with _workshop(config) as workshop:
        ingested = workshop.ingest()
    columns = ("source", "snapshot", "rows", "set aside", "outside", "electoral", "vintage")
    shown = table("sources", *columns)
    for name, manifest in ingested.manifests.items():
        shown.add_row(
            name,
            manifest.snapshot_id[:12],
            f"{manifest.rows}",
            f"{sum(manifest.quarantined.values())}",
            f"{manifest.outside}",
            f"{sum(manifest.electoral.values())}" if manifest.electoral else "",
            manifest.vintage,
        )
    out.print(shown)
    out.print(match_table(ingested.reports))
    out.print(f"data digest: {ingested.data_digest}")


@app.command()
def features(
    config: Annotated[Path | None, typer.Argument(help="Country pack")] = None,
    election: Annotated[str, typer.Option(help="Round")] = "",
    as_of: AsOf = None,
    target: TargetName = "any",
    markdown: Annotated[bool, typer.Option(help="Print the registry as markdown")] = False,
) -> None:
    """Build the panel for a round and write it as parquet; without a pack, list the registry."""
    from features.panel import registered
    from features.wording import plainly

    if markdown or config is None:
        lines = [
            f"| `{f.name}` | {f.family} | {f.unit} | {f.source} "
            f"| {plainly(f.says[Language.EN])} | {plainly(f.says[Language.FR])} |"
            for f in registered()
        ]
        heading = "| name | family | unit | source | reads | se lit |\n|---|---|---|---|---|---|"
        out.print("\n".join([heading, *lines]), markup=False, highlight=False, soft_wrap=True)
        return
    from pipelines.training import training_digest

    with _workshop(config) as workshop:
        _, question, prepared = workshop.prepare(election, _day(as_of), target)
        digest = training_digest(workshop.pack, prepared, question)
        folder = workshop.settings.home / "panels"
        file = folder / f"{workshop.pack.name}-{target}-{question.as_of}-{digest[:12]}.parquet"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            whole = file.with_suffix(".part")
            panel = prepared.panel
            panel.index().join(panel.rows()).to_parquet(whole, index=False)
            whole.replace(file)
    days, units = len(prepared.panel.days), len(prepared.panel.unit_ids)
    out.print(f"{units} units x {days} days x {len(prepared.panel.names)} features: {file}")


@app.command()
def train(
    config: Config, election: Election, as_of: AsOf = None, target: TargetName = "any"
) -> None:
    """Fit, calibrate and register every candidate and baseline for a round's horizon."""
    from pipelines.training import train as fit_and_log

    with _workshop(config) as workshop:
        _, question, prepared = workshop.prepare(election, _day(as_of), target)
        trained = fit_and_log(
            workshop.pack, prepared, question, workshop.registry, workshop.progress
        )
    print_scores("held-out years", trained.table)
    for version in trained.versions.values():
        says = f"registered {version.name} version {version.version}: {version.kind}"
        out.print(says, soft_wrap=True)
    print_mlflow(workshop.settings)


@app.command()
def promote(
    config: Config,
    election: Election,
    as_of: AsOf = None,
    target: TargetName = "any",
    by: By = None,
    reason: Reason = "",
    accept_shift: Annotated[
        bool, typer.Option(help="Accept an output far from the champion's, after looking")
    ] = False,
) -> None:
    """Hold a training against champion and baselines; its best model may become champion."""
    from pipelines.promoting import Actor, Challenge
    from pipelines.training import find_training

    with _workshop(config) as workshop:
        pack, registry = workshop.pack, workshop.registry
        _, question, prepared = workshop.prepare(election, _day(as_of), target)
        trained = find_training(pack, prepared, question, registry)
        challenge = Challenge(pack, prepared, question, registry, trained, workshop.progress)
        who = by or workshop.settings.user
        outcome = challenge.decide(Actor(who, "promote", workshop.now, reason, accept_shift))
    print_outcome(outcome)
    if outcome.decided.action != "promoted":
        raise typer.Exit(NOT_PROMOTED)


@app.command()
def rollback(
    model: Annotated[str, typer.Argument(help="Registered model, as 'vigie decisions' prints it")],
    by: By = None,
    reason: Reason = "",
) -> None:
    """Make the champion before the present one champion again."""
    from models.registry import ModelRegistry
    from pipelines.promoting import Actor, roll_back

    settings = Settings()
    registry = ModelRegistry(settings.tracking_uri, settings.artifacts_uri)
    actor = Actor(by or settings.user, "rollback", datetime.now(UTC), reason)
    print_decisions([roll_back(registry, model, actor)])


@app.command()
def decisions(
    model: Annotated[str | None, typer.Argument(help="Registered model [all]")] = None,
) -> None:
    """Who became champion when, by whose decision, and why; the oldest first."""
    from models.registry import ModelRegistry

    settings = Settings()
    found = ModelRegistry(settings.tracking_uri, settings.artifacts_uri).decisions(model)
    if not found:
        raise NotFoundError("decisions: expected some, got none; 'vigie run' takes the first")
    print_decisions(found)


@app.command()
def forecast(
    config: Config, election: Election, as_of: AsOf = None, target: TargetName = "any"
) -> None:
    """Issue a bulletin with the champion: freeze a score per unit in the database."""
    from pipelines.forecasting import issue
    from pipelines.training import model_name
    from store.database import connect

    with _workshop(config) as workshop:
        pack = workshop.pack
        ingested, question, prepared = workshop.prepare(election, _day(as_of), target)
        name = model_name(pack, question)
        champion = workshop.registry.champion(name)
        if champion is None:
            raise ConfigError(
                f"forecast: expected a champion of {name}, got none; "
                "run 'vigie train' and 'vigie promote' with the same options, or 'vigie run'"
            )
        issued = issue(
            pack,
            ingested,
            prepared,
            question,
            workshop.registry,
            champion,
            connect(workshop.settings.database),
            workshop.now,
        )
    print_bulletin(issued.bulletin_id, issued.scores, ingested.tables.units)


@app.command()
def run(
    config: Config,
    election: Election,
    as_of: AsOf = None,
    target: TargetName = "any",
    json: JsonFile = None,
) -> None:
    """Do the whole job: ingest, train, promote, issue a bulletin, and score it if possible."""
    from pipelines.run import as_json, write_json
    from pipelines.run import run as do

    with _workshop(config) as workshop:
        job = do(workshop, election, _day(as_of), target)
    if job.outcome is not None:
        print_outcome(job.outcome)
    print_bulletin(job.issued.bulletin_id, job.issued.scores, job.ingested.tables.units)
    if job.abstains is not None:
        out.print(f"[bold]abstains[/]: {job.abstains}", soft_wrap=True)
    elif job.judged is None:
        out.print("the window is not over in the data: nothing to hold the bulletin against yet")
    else:
        window = f"{job.question.window_start} to {job.question.window_end}"
        print_scores(f"what happened, {window} (never seen in training)", job.judged)
    if json is not None:
        write_json(json, as_json(job))
        out.print(f"figures: {json}")
    print_mlflow(workshop.settings)


@app.command("what-if")
def what_if(
    bulletin_id: Annotated[str, typer.Argument(help="Bulletin to score again; it stays as it is")],
    config: Config,
    scenario: Annotated[
        Path | None, typer.Option(help="Scenario file, TOML or JSON; see docs/how-to/what-if.md")
    ] = None,
    add_event: Annotated[
        list[str] | None, typer.Option(help="unit_id=,kind=,party=,event_date=")
    ] = None,
    move_event: Annotated[
        list[str] | None, typer.Option(help="campaign_event_id=,unit_id=,event_date=")
    ] = None,
    assume_incident: Annotated[
        list[str] | None, typer.Option(help="unit_id=,event_type=,event_date=[,fatalities=]")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Units to print")] = 10,
    lang: Annotated[Language, typer.Option(help="Language of what is printed")] = Language.EN,
    json: JsonFile = None,
) -> None:
    """Score a bulletin again with campaign events added or moved, or incidents assumed."""
    from pipelines import scenario as scenarios
    from pipelines.run import write_json
    from pipelines.what_if import as_json
    from pipelines.what_if import what_if as ask_again
    from pipelines.what_if_printing import print_what_if
    from store.database import connect

    given = scenarios.Scenario(
        add_event=scenarios.parts("--add-event", scenarios.AddedEvent, add_event or ()),
        move_event=scenarios.parts("--move-event", scenarios.MovedEvent, move_event or ()),
        assume_incident=scenarios.parts(
            "--assume-incident", scenarios.AssumedIncident, assume_incident or ()
        ),
    )
    if scenario is not None:
        given = scenarios.load_scenario(scenario).joined(given)
    with _workshop(config) as workshop:
        ingested = workshop.ingest()
        workshop.progress("scoring the bulletin again")
        engine = connect(workshop.settings.database)
        result = ask_again(workshop.pack, ingested, workshop.registry, engine, bulletin_id, given)
    print_what_if(result, ingested.tables.units, lang, top)
    if json is not None:
        write_json(json, as_json(result))
        out.print(f"figures: {json}")


@app.command()
def backtest(
    config: Config,
    origins: Annotated[
        str, typer.Option(help="Of these: rounds, regular, ids of rounds, days (eves of windows)")
    ] = "rounds,regular",
    first: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Eve of the first regular window [first round's]"),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="No regular eve after this [last round's]"),
    ] = None,
    every_weeks: Annotated[int, typer.Option(min=1, help="Weeks between regular windows")] = 8,
    window_days: Annotated[int, typer.Option(min=1, help="Length of regular windows")] = 42,
    leads: Annotated[str, typer.Option(help="Weeks before the window to ask")] = "0,4,8,12",
    seeds: Annotated[int, typer.Option(min=1, help="Refits with other seeds")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes at a time")] = 2,
    canary: Annotated[bool, typer.Option(help="Listen for leaks at the newest origin")] = True,
    target: TargetName = "any",
    json: JsonFile = None,
    html: Annotated[Path | None, typer.Option(help="Also write the report here")] = None,
) -> None:
    """Refit at rolling origins on what was known at each, and score what followed."""
    from pipelines.backtest.job import backtest as do
    from pipelines.backtest.origins import protocol_of
    from pipelines.backtest.record import record
    from pipelines.training import experiment_name

    protocol = protocol_of(
        origins,
        leads,
        first=_day(first),
        last=_day(last),
        every_weeks=every_weeks,
        window_days=window_days,
    )
    with _workshop(config) as workshop:
        found = do(
            workshop.pack,
            workshop.ingest(),
            target,
            protocol,
            seeds=seeds,
            workers=workers,
            listen=canary,
            progress=workshop.progress,
        )
        workshop.progress("report")
        run_id = record(found, workshop.registry, experiment_name(workshop.pack), json, html)
    print_backtest(found)
    for says, file in (("figures", json), ("report", html)):
        if file is not None:
            out.print(f"{says}: {file}", soft_wrap=True)
    out.print(f"run {run_id}, result {found.digest[:12]}", soft_wrap=True)
    print_mlflow(workshop.settings)


@app.command()
def lessons(
    config: Config,
    election: Election,
    bulletin: Annotated[
        str | None, typer.Option(help="Bulletin to judge [newest from before the window]")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day whose knowledge may be used [today]"),
    ] = None,
    target: TargetName = "any",
    html: Annotated[Path | None, typer.Option(help="Also write the page here")] = None,
    json: JsonFile = None,
    lang: Annotated[PageLanguage, typer.Option(help="Language of the page")] = PageLanguage.BOTH,
) -> None:
    """After a round: hold forecast, deployment, reports and alerts against what happened."""
    from pipelines.lessons import lessons as learn
    from pipelines.run import write_json

    with _workshop(config) as workshop:
        day = _day(as_of) or workshop.now.date()
        learned = learn(workshop, election, target, bulletin, day)
        if html is not None:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(learned.html(lang.languages), encoding="utf-8")
    print_lessons(learned.document, lang.languages[0])
    out.print(f"kept as {learned.lessons_id}", soft_wrap=True)
    if json is not None:
        write_json(json, learned.document)
    for says, file in (("figures", json), ("page", html)):
        if file is not None:
            out.print(f"{says}: {file}", soft_wrap=True)


@app.command()
def monitor(
    config: Config,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Day whose knowledge may be used [today]"),
    ] = None,
    target: TargetName = "any",
    json: JsonFile = None,
) -> None:
    """Check inputs, outputs and calibration; exit 0: fine, 3: look, 4: act, 2: could not run."""
    from pipelines.monitoring import EXIT, as_json
    from pipelines.monitoring import monitor as check
    from pipelines.run import write_json

    with _workshop(config) as workshop:
        report = check(workshop, target, _day(as_of) or workshop.now.date())
    print_report(report)
    if json is not None:
        write_json(json, as_json(report))
        out.print(f"figures: {json}")
    raise typer.Exit(EXIT[report.status])


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8000,
    worker: Annotated[bool, typer.Option(help="Also run a worker beside it")] = True,
) -> None:
    """Serve bulletins: the API under /v1 and the planners' page."""
    import uvicorn

    with worker_commands.beside(Settings()) if worker else nullcontext():
        # By name: the two upper rooms meet in the store and never import each other.
        uvicorn.run(
            "serve.app:create_app",
            factory=True,
            host=host,
            port=port,
            log_config=None,  # the application logs as JSON
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )


if __name__ == "__main__":
    main()
