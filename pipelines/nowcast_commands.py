"""`vigie nowcast` and `vigie ratios`: bulletins updated by field reports, and what those tell."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from features.vocabulary import Language
from pipelines.printing import err, out, table
from pipelines.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="What field reports tell: likelihood ratios, declared and learned.")

At = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="Moment whose knowledge may be used, UTC [now]"
    ),
]


def _actor() -> str:
    """Who runs the command, for the audit."""
    return f"command line: {getpass.getuser()}"


def _moment(at: datetime | None, now: datetime) -> datetime:
    return now if at is None else at.replace(tzinfo=UTC)


def nowcast(
    election: Annotated[str, typer.Option(help="Round, for example MLI-2018-PRES-1")] = "",
    bulletin: Annotated[str, typer.Option(help="Bulletin [the newest of the round]")] = "",
    target: Annotated[str, typer.Option(help="Target of the pack")] = "any",
    at: At = None,
    ratios: Annotated[str | None, typer.Option(help="Ratios [the newest known]")] = None,
    top: Annotated[int, typer.Option(min=1, help="Units to print")] = 10,
    lang: Annotated[Language, typer.Option(help="Language of what is printed")] = Language.EN,
) -> None:
    """Update a bulletin with the field reports known at a moment; the bulletin stays as it is."""
    from store import nowcasts, reading
    from store.database import connect, migrate, sessions
    from store.selecting import Selection

    now = datetime.now(UTC)
    moment = _moment(at, now)
    engine = connect(Settings().database)
    migrate(engine)
    with sessions(engine).begin() as session:
        of = bulletin or reading.latest(session, election, target, moment.date()).bulletin_id
        nowcast_id = nowcasts.make(
            session, of, moment=moment, now=now, actor=_actor(), ratios_id=ratios
        )
        made = nowcasts.nowcast(session, nowcast_id)
        rows = nowcasts.score_rows(session, made, Selection(), limit=made.units)
        moved = [r for r in rows if r["probability"] != r["bulletin_probability"]]
        moved.sort(key=lambda r: -abs(r["probability"] - r["bulletin_probability"]))
        shown = table(nowcast_id, "unit", "name", "bulletin", "now", "7 days", "80 %", "reports")
        for row in moved[:top]:
            numbers = [row[n] for n in ("bulletin_probability", "probability", "next_days")]
            span = f"{row['lower']:.2f}-{row['upper']:.2f}"
            shown.add_row(
                *(row["unit_id"], row["name"]),
                *(f"{n:.3f}" for n in numbers),
                *(span, str(row["reports"])),
            )
        out.print(shown)
        for row in moved[:top]:
            said = row["says"] if lang is Language.EN else row["translations"][str(lang)]["says"]
            out.print(f"{row['name']}: {said}", markup=False, highlight=False, soft_wrap=True)
        out.print(
            f"{made.reports} reports, {made.mediators} mediators posted, {made.moved} of "
            f"{made.units} units moved, {made.silent} posted units not heard of, ratios "
            f"{made.ratios_id}",
            soft_wrap=True,
        )


@app.command("learn")
def ratios_learn(
    config: Annotated[Path, typer.Argument(help="Country pack")],
    election: Annotated[str, typer.Option(help="Round whose outcomes are to be counted")],
    target: Annotated[str, typer.Option(help="Target of the pack")] = "any",
    at: At = None,
    json: Annotated[Path | None, typer.Option("--json", help="Also write the table here")] = None,
) -> None:
    """Re-estimate the ratios from a round's reports and outcomes, and print what was learned."""
    from pipelines.nowcasting import learn, shown
    from pipelines.pack import load_pack
    from pipelines.run import Workshop, write_json
    from store.database import connect, migrate, sessions

    now = datetime.now(UTC)
    with err.status("ingesting") as status:
        workshop = Workshop(load_pack(config), Settings(), now, status.update)
        ingested = workshop.ingest()
    engine = connect(workshop.settings.database)
    migrate(engine)
    with sessions(engine).begin() as session:
        found = learn(
            workshop.pack,
            ingested,
            session,
            election,
            target,
            moment=_moment(at, now),
            now=now,
        )
        kept = found.kept.ratios_id
    _print(f"ratios {kept}, outcomes until {found.until:%Y-%m-%d}", shown(found.table))
    if json is not None:
        write_json(json, {"ratios_id": kept, "rows": found.table.to_dict("records")})
        out.print(f"figures: {json}")


@app.command("list")
def ratios_list(
    ratios: Annotated[str | None, typer.Option(help="Print this table whole")] = None,
) -> None:
    """Show the tables of ratios, the newest last, or one of them whole; declared without any."""
    from sqlalchemy import select

    from response.ratios import declared
    from store.database import connect, migrate, sessions
    from store.nowcast_schema import RatioTable
    from store.ratio_tables import table_of

    engine = connect(Settings().database)
    migrate(engine)
    with sessions(engine)() as session:
        if ratios is not None:
            _print(f"ratios {ratios}", table_of(session.get_one(RatioTable, ratios)))
            return
        found = session.scalars(select(RatioTable).order_by(RatioTable.created_at)).all()
        if not found:
            _print("declared ratios", declared())
            return
        listed = table("ratios", "id", "country", "learned from", "known from", "upon")
        for one in found:
            known = f"{one.known_at:%Y-%m-%d %H:%M}" if one.learned_from else "always"
            learned_from = one.learned_from or "declared"
            listed.add_row(one.ratios_id, one.iso3, learned_from, known, one.previous_id or "")
        out.print(listed)


def _print(title: str, rows: pd.DataFrame) -> None:
    """Prior, counts and posterior with its interval, row by row."""
    shown = table(title, "of", "what", "state", "prior", "before", "otherwise", "ratio", "80 %")
    for row in rows.to_dict("records"):
        prior = row["prior_if"] / row["prior_none"]
        shown.add_row(
            *(str(row["part"]), str(row["what"]), str(row["verification"]), f"{prior:.2f}"),
            f"{row['seen_if']:.0f}/{row['watched_if']:.1f}",
            f"{row['seen_none']:.0f}/{row['watched_none']:.1f}",
            f"{row['ratio']:.2f}",
            f"{row['ratio_lower']:.2f}-{row['ratio_upper']:.2f}",
        )
    out.print(shown)
