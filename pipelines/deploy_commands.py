"""`vigie deploy`: plan deployments, edit, approve and export them."""

from __future__ import annotations

import getpass
import json
import math
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import ConfigError, ConflictError
from features.vocabulary import Language
from pipelines.printing import err, out, table, wrapped
from pipelines.settings import Settings
from store.database import connect, migrate, sessions
from store.roles import Role

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from response.deployment_request import Request
    from store.deployment_schema import DeploymentVersion
    from store.deployments import By

app = typer.Typer(help="Plan who goes where; edit, approve and export deployments.")
Deployment = Annotated[str, typer.Argument(help="Id of a deployment, from vigie deploy list")]
Version = Annotated[int | None, typer.Option(min=1, help="Version [the newest]")]
As = Annotated[Role, typer.Option("--role", help="In which role, as people will read it")]
Lang = Annotated[Language, typer.Option(help="Language of the words")]
_SHOWN = 15


@contextmanager
def _store() -> Iterator[Session]:
    engine = connect(Settings().database)
    migrate(engine)
    with sessions(engine).begin() as session:
        yield session


def _by(role: Role, reason: str) -> By:
    from store.deployments import By

    return By(role, f"command line: {getpass.getuser()}", datetime.now(UTC), reason)


def load_request(file: Path | None, mediators: int | None) -> Request:
    """A request from a constraints file, TOML or (named `.json`) JSON, and the command line.

    Raises:
        ConfigError: the file is missing or broken, has an unknown key or a wrong value, or
            nothing says how many mediators there are.
    """
    from pydantic import ValidationError

    from response.deployment_request import Request

    raw: dict[str, Any] = {}
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
            raw = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
        except FileNotFoundError:
            raise ConfigError(
                f"{file}: expected constraints (TOML or JSON), got no such file"
            ) from None
        except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file}: expected TOML or JSON in UTF-8, got: {error}") from None
    if mediators is not None:
        raw = {**raw, "mediators": mediators}
    try:
        return Request.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{file or 'request'}, key {'.'.join(str(p) for p in e['loc'])!r}: {e['msg']}"
            for e in error.errors()
        ]
        raise ConfigError("\n".join(lines)) from None


@app.command("plan")
def deploy_plan(
    bulletin_id: Annotated[str, typer.Argument(help="Bulletin to plan from")],
    mediators: Annotated[int | None, typer.Option(min=0, help="How many there are")] = None,
    constraints: Annotated[
        Path | None,
        typer.Option(help="Constraints, TOML or JSON; see docs/how-to/deploy-mediators.md"),
    ] = None,
    follows: Annotated[
        str | None, typer.Option(help="Deployment of the round before, to start from")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for those who read the plan")] = "",
    role: As = Role.PLANNER,
    lang: Lang = Language.EN,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Also write the figures here")
    ] = None,
) -> None:
    """Plan who goes where, to cover most under every constraint, and keep it as a draft."""
    from pipelines.run import write_json
    from response.deployment import plan
    from store import deployments, plans, reading

    request = load_request(constraints, mediators)
    with _store() as session:
        bulletin = reading.bulletin(session, bulletin_id)
        before = deployments.version(session, follows) if follows else None
        by = _by(role, reason)
        reports = plans.reports_of(session, before, by.at)
        known = plans.situation(session, bulletin, before, reports)
        with err.status("planning"):
            found = plan(known, request)
        kept = plans.write_plan(session, bulletin, known, found, by, before)
        _print(session, kept, lang)
        if follows:
            _print_moves(session, kept)
    if json_file is not None:
        write_json(json_file, {"deployment_id": kept.deployment_id, **kept.figures})
        out.print(f"figures: {json_file}")


@app.command("list")
def deploy_list(
    election: Annotated[str | None, typer.Option(help="Only this round's")] = None,
) -> None:
    """Deployments, the newest first."""
    from store import deployments

    shown = table("deployments", "id", "versions", "newest by", "mediators", "approved")
    with _store() as session:
        for row in deployments.deployments(session, election):
            every = deployments.versions(session, row.deployment_id)
            approved = [v.version for v in every if deployments.approval(session, v)]
            shown.add_row(
                row.deployment_id,
                f"{len(every)}",
                every[-1].role,
                f"{every[-1].mediators}",
                f"version {approved[-1]}" if approved else "no",
            )
    out.print(shown)


@app.command("show")
def deploy_show(deployment: Deployment, version: Version = None, lang: Lang = Language.EN) -> None:
    """A plan: what it covers, beside the plans of people, and what was assumed."""
    from store import deployments

    with _store() as session:
        _print(session, deployments.version(session, deployment, version), lang)


@app.command("edit")
def deploy_edit(
    deployment: Deployment,
    reason: Annotated[str, typer.Option(help="Why")],
    put: Annotated[
        list[str], typer.Option(help="UNIT=MEDIATORS or UNIT@BASE=MEDIATORS; 0 takes all away")
    ],
    version: Annotated[int, typer.Option(min=1, help="The version that you looked at")],
    role: As = Role.PLANNER,
    lang: Lang = Language.EN,
) -> None:
    """Change posts by hand, with a reason: a new version, which says what it breaks."""
    from store import plans

    changes = [_change(text) for text in put]
    with _store() as session:
        kept = plans.edit(session, deployment, version, changes, _by(role, reason))
        _print(session, kept, lang)
        _print_moves(session, kept)


def _change(text: str) -> dict[str, Any]:
    place, _, people = text.partition("=")
    unit_id, _, base = place.partition("@")
    if not unit_id or not people.isdigit():
        raise ConfigError(f"--put: expected UNIT=MEDIATORS or UNIT@BASE=MEDIATORS, got {text!r}")
    return {"unit_id": unit_id, "mediators": int(people), "base": base or None}


@app.command("approve")
def deploy_approve(
    deployment: Deployment,
    version: Annotated[int, typer.Option(min=1, help="The version that you looked at")],
    reason: Annotated[str, typer.Option(help="Words to go with it")] = "",
    role: As = Role.COORDINATOR,
) -> None:
    """Approve the newest version: from then on mediators stand where it says."""
    from store import deployments

    with _store() as session:
        approval = deployments.approve(session, deployment, version, _by(role, reason))
    out.print(f"approved version {version} of {deployment} as {approval.role}", soft_wrap=True)


@app.command("export")
def deploy_export(
    deployment: Deployment,
    file: Annotated[Path, typer.Argument(help="Where to write: .csv, .xlsx or .html (sheets)")],
    version: Version = None,
    region: Annotated[str | None, typer.Option(help="Only this region, by id")] = None,
    lang: Lang = Language.FR,
) -> None:
    """Write a plan as CSV, as XLSX, or as sheets to print, one for each region."""
    from store import deployments
    from store.deployment_files import export
    from store.deployment_schema import FileKind

    ending = file.suffix.removeprefix(".")
    if ending not in list(FileKind):
        raise ConfigError(f"file: expected {', '.join(FileKind)}, got {file.suffix or 'no ending'}")
    with _store() as session:
        kept = deployments.version(session, deployment, version)
        content = export(session, kept, FileKind(ending), lang, region=region)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    out.print(f"version {kept.version}: {file}", soft_wrap=True)


@app.command("moves")
def deploy_moves(deployment: Deployment, version: Version = None) -> None:
    """Who moves where, from the plan that it follows, or from its own first version."""
    from store import deployments

    with _store() as session:
        _print_moves(session, deployments.version(session, deployment, version), most=1000)


@app.command("judge")
def deploy_judge(
    deployment: Deployment,
    config: Annotated[Path, typer.Argument(help="Country pack, whose data know what happened")],
    version: Version = None,
    lang: Lang = Language.EN,
) -> None:
    """Hold a plan, and those of people, against what happened in the bulletin's window."""
    from pipelines.evaluation import outcomes
    from pipelines.pack import load_pack
    from pipelines.question import ask, settle_days
    from pipelines.run import Workshop
    from response.deployment_hindsight import judged
    from response.deployment_request import Request
    from store import deployments, plans
    from store.deployment_moves import posts_of
    from store.deployment_posts import bulletin_of

    with _store() as session:
        kept = deployments.version(session, deployment, version)
        bulletin = bulletin_of(session, kept)
        known = plans.situation(session, bulletin)
        posts = posts_of(session, kept)
    with err.status("reading what happened") as status:
        pack = load_pack(config)
        tables = Workshop(pack, Settings(), datetime.now(UTC), status.update).ingest().tables
    question = ask(pack, tables.elections, bulletin.election_id, bulletin.as_of, bulletin.target)
    counts = outcomes(tables, question, settle_days(pack))
    if counts is None:
        raise ConflictError(
            f"{bulletin.bulletin_id}: expected a window that is over in the data and reported, "
            f"got one up to {bulletin.window_end}; ask once it is"
        )
    voting = tables.units.loc[question.voting(tables.units), "unit_id"]
    happened = dict(zip(voting, counts.astype(int).tolist(), strict=True))
    found = judged(known, Request.model_validate(kept.request), posts, happened)
    shown = table("what happened", "plan", "units", "there", "share", "units hit", "assumed")
    for row in found.to_dict("records"):
        shown.add_row(
            row[str(lang)][:40],
            f"{row['units']}",
            f"{row['incidents_there']} of {row['incidents']}",
            f"{row['share']:.1%}",
            f"{row['units_hit_there']} of {row['units_hit']}",
            f"{row['covered']:.1f}",
        )
    out.print(shown)
    out.print(
        "there: incidents in units with mediators; assumed: times the assumed effect. Nothing here "
        "says that an incident was prevented, or could have been.",
        soft_wrap=True,
    )


def _print(session: Session, kept: DeploymentVersion, lang: Language) -> None:
    from store import deployments
    from store.deployment_posts import head
    from store.deployment_tables import table as posts

    listed = posts(session, kept, lang)
    shown = table("largest posts", "unit", "place", "region", "from", "mediators")
    ordered = listed.sort_values(["mediators", "expected_incidents"], ascending=False)
    for r in ordered.head(_SHOWN).itertuples(index=False):
        name = f"{r.name}, {r.parent_name}"[:24]
        shown.add_row(str(r.unit_id), name, str(r.region_name)[:14], str(r.base), f"{r.mediators}")
    out.print(shown)
    f = kept.figures
    _print_plans(f, lang)
    more = f["one_more_team"]
    if more is not None:
        out.print(f"one more team would cover {more:.2f} more incidents")
    for row in [row for row in f["lifted"] if row["gain"] > 0][:5]:
        out.print(f"  without '{row[str(lang)]}': {row['gain']:+.2f}", soft_wrap=True)
    for row in (f.get("reports") or {}).get("left_out", []):
        out.print(f"  {_not_promised(row, lang)}", markup=False, soft_wrap=True)
    for row in f.get("broken", []):
        out.print(f"  not kept: {row[str(lang)]}", style="yellow", soft_wrap=True)
    for note in head(session, kept, lang)["assumptions"]:
        out.print(note, markup=False, highlight=False, soft_wrap=True)
    approval = deployments.approval(session, kept)
    says = f"approved as {approval.role}" if approval else "draft"
    out.print(
        f"{kept.deployment_id} version {kept.version}: {kept.mediators} mediators in "
        f"{f['units_with_mediators']} units, {says}",
        soft_wrap=True,
    )


def _not_promised(row: dict[str, Any], lang: Language) -> str:
    """A unit whose reports earn it no team, and why."""
    place, why = f"{row['name']} {row['unit_id']}".strip(), row["says"][lang]
    if lang is Language.FR:
        return f"pas d'équipe promise pour gravité {row['severity']} : {place} ({why})"
    return f"no team promised for severity {row['severity']}: {place} ({why})"


def _print_plans(figures: dict[str, Any], lang: Language) -> None:
    columns = ("plan", "covered", "interval", "share", "ahead")
    compared = wrapped("expected incidents covered", *columns)
    own = {**figures, "says": dict.fromkeys(Language, "this plan")}
    for row in (own, *figures["rivals"]):
        if row["covered"] is None:
            continue
        ahead = f"{row['plan_ahead']:.0%}" if "plan_ahead" in row else ""
        span = f"{row['covered_lower']:.1f}-{row['covered_upper']:.1f}"
        share = f"{row['share']:.0%}" if row["share"] is not None else ""
        compared.add_row(row["says"][lang], f"{row['covered']:.1f}", span, share, ahead)
    out.print(compared)
    for row in figures["rivals"]:
        if row["covered"] is None:
            out.print(f"not compared: {row['says'][lang]}", soft_wrap=True)


def _print_moves(session: Session, kept: DeploymentVersion, most: int = _SHOWN) -> None:
    from store.deployment_moves import moves_since

    found = moves_since(session, kept)
    stays = found["from_unit"] == found["to_unit"]
    gone, come = found["to_unit"] == "", found["from_unit"] == ""
    counts = [int(found.loc[m, "mediators"].sum()) for m in (stays, ~(stays | gone | come))]
    counts += [int(found.loc[m, "mediators"].sum()) for m in (gone, come)]
    shown = table("moves", "from", "to", "mediators", "km")
    for row in found.loc[~stays].head(most).to_dict("records"):
        ends = (f"{row[f'{e}_name']} {row[f'{e}_unit']}".strip() for e in ("from", "to"))
        km = "" if math.isnan(row["km"]) else f"{row['km']:.0f}"
        shown.add_row(*(end or "home" for end in ends), f"{row['mediators']}", km)
    out.print(shown)
    stay, move, home, new = counts
    out.print(f"{stay} stay, {move} move, {home} go home, {new} come from home")
