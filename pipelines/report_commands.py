"""`vigie reports`: the form, the short codes, the queue, and reports from paper and phones."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from features.errors import ConfigError, ContractError, NotFoundError
from features.vocabulary import Language
from pipelines.printing import err, out, table
from pipelines.settings import Settings
from pipelines.token_commands import _actor, _engine
from response.vocabulary import SAID, Verification
from store import audit, report_changes, report_queue, report_reading
from store.database import sessions
from store.landing import AT_A_TIME, Landed, receive
from store.report_arrivals import from_row
from store.report_places import newest_registries, places, units_of
from store.report_versions import State
from store.reporters import Reporters
from store.schema import Registry

app = typer.Typer(help="Field reports: the form, short codes, paper, the queue, verification.")
Lang = Annotated[Language, typer.Option(help="Language of what is printed")]
Country = Annotated[str | None, typer.Option("--iso3", help="Country [the only one]")]
Areas = Annotated[
    list[str] | None,
    typer.Option("--area", help="Region, parent area or unit, by id; repeat for more"),
]
_MOST_LETTERS = 500
Item = Annotated[int, typer.Argument(help="Id, from vigie reports queue")]
Why = Annotated[str, typer.Option(help="Why, for the history")]


@contextmanager
def _session() -> Iterator[Session]:
    engine = _engine()
    with sessions(engine).begin() as session:
        yield session
    engine.dispose()


def _registry(session: Session, iso3: str | None) -> Registry:
    found = {registry.iso3: registry for registry in newest_registries(session)}
    if iso3 is None and len(found) == 1:
        return next(iter(found.values()))
    if iso3 not in found:
        raise NotFoundError(
            f"reports: expected a country of {', '.join(found) or 'none yet'}, got {iso3}; "
            "the first bulletin brings a country's units; name one with --iso3"
        )
    return found[iso3]


@app.command("form")
def form(
    file: Annotated[Path, typer.Argument(help="Where to write it: .xlsx for servers, .xml")],
    iso3: Country = None,
    area: Areas = None,
) -> None:
    """Write the form for phones in French and English, and have pyxform and ODK check it."""
    from pipelines.form_file import write_form

    with _session() as session:
        registry = _registry(session, iso3)
        units = units_of(session, registry.registry_id, area or [])
        if not units:
            raise NotFoundError(f"reports: expected units in {area}, got none")
        warnings = write_form(file, units, registry.country, registry.iso3)
    for warning in warnings:
        err.print(warning, markup=False)
    checked = "pyxform and ODK Validate" if shutil.which("java") else "pyxform (no java for ODK)"
    out.print(f"{file}: {len(units)} communes, checked by {checked}", soft_wrap=True)


@app.command("codes")
def codes(
    iso3: Country = None,
    area: Areas = None,
    file: Annotated[Path | None, typer.Option("--csv", help="Also write them here")] = None,
) -> None:
    """Print the short code of each commune, to be typed in an SMS."""
    with _session() as session:
        registry = _registry(session, iso3)
        units = units_of(session, registry.registry_id, area or [])
        known = places(session).codes
    columns = ("code", "commune", "cercle", "region", "unit_id")
    rows = [(known[u.unit_id], u.name, u.parent_name, u.region_name, u.unit_id) for u in units]
    shown = table(f"short codes, {registry.country}", *columns)
    for row in rows:
        shown.add_row(*row)
    out.print(shown)
    if file is not None:
        with file.open("w", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerows([columns, *rows])
        out.print(f"{file}: {len(rows)} codes", soft_wrap=True)


@app.command("load")
def load(
    file: Annotated[Path, typer.Argument(help="csv with headings, from paper")],
    area: Areas = None,
    lang: Lang = Language.EN,
) -> None:
    """Take in reports collected on paper; bad rows wait for a person."""
    from response.report_csv import read_rows

    settings, now = Settings(), datetime.now(UTC)
    try:
        rows = read_rows(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file}: expected a file to read, got: {error}") from error
    hashes = Reporters.of(settings.home, settings.report_key.get_secret_value())
    zone, sender = ZoneInfo(settings.report_timezone), _actor()
    landed: list[tuple[int, Landed]] = []
    for start in range(0, len(rows), AT_A_TIME):
        with _session() as session:
            known = places(session)
            for row in rows[start : start + AT_A_TIME]:
                arrival = from_row(row, sender, tuple(area or ()), hashes, zone)
                one = receive(session, arrival, known, now, zone)
                landed.append((row.line, one))
                if one.state is not State.DUPLICATE:
                    entry = audit.Entry(now, sender, f"report.{one.state}", one.report_id)
                    audit.record(session, entry)
    for line, one in landed:
        if one.reasons:
            says = "; ".join(reason.says(lang) for reason in one.reasons)
            out.print(f"row {line}: {one.state}: {says}", markup=False, soft_wrap=True)
    counts = Counter(str(one.state) for _, one in landed)
    said = ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "no rows"
    out.print(f"{file}: {said}", soft_wrap=True)


@app.command("pull")
def pull(
    source: Annotated[str | None, typer.Argument(help="Name in VIGIE_REPORT_SOURCES [all]")] = None,
    everything: Annotated[bool, typer.Option(help="From the beginning")] = False,
) -> None:
    """Read servers of forms again: what is new, and edits that webhooks missed."""
    from pipelines.report_pull import pull as read
    from pipelines.report_pull import says

    settings = Settings()
    names = [source] if source else sorted(settings.report_sources)
    if not names:
        raise ConfigError("reports: expected a server of forms in VIGIE_REPORT_SOURCES, got none")
    for name in names:
        counts = read(settings, name, datetime.now(UTC), everything=everything)
        out.print(f"{name}: {says(counts)}", soft_wrap=True)


@app.command("list")
def list_(
    area: Areas = None,
    verification: Annotated[Verification | None, typer.Option(help="Only these")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most to print")] = 50,
    lang: Lang = Language.EN,
) -> None:
    """Show reports as they stand, the last landed first; (v) suggests corroborated."""
    with _session() as session:
        known = places(session)
        wanted = report_reading.Wanted(
            areas=tuple(area or ()), verification=str(verification) if verification else None
        )
        found = [one.report for one in report_reading.standing(session, wanted, limit=limit)]
        borne = report_reading.borne_out(session, found, known, area or ())
    words = {str(word): said.in_language(lang) for word, said in SAID.items()}
    shown = table("reports", "id", "v", "seen", "commune", "what", "s", "state")
    for report in found:
        unit = known.by_id.get(report.unit_id)
        hint = " (v)" if report.report_id in borne else ""
        shown.add_row(
            report.report_id,
            f"{report.version}",
            f"{report.seen_at:%d/%m %H:%M}",
            (unit.name if unit else report.unit_id)[:14],
            words[report.sign or report.kind][:14],
            f"{report.severity or ''}",
            words[report.verification] + hint,
        )
    out.print(shown)


@app.command("verify")
def verify(
    report_id: Annotated[str, typer.Argument(help="Id, from vigie reports list")],
    state: Annotated[Verification, typer.Argument(help="What was found")],
    version: Annotated[int, typer.Option(min=1, help="The version that was judged")],
    reason: Why = "",
) -> None:
    """Say how far a report is borne out."""
    now, actor = datetime.now(UTC), _actor()
    with _session() as session:
        made = report_changes.verify(
            session, report_id, state, version=version, reason=reason, actor=actor, now=now
        )
        audit.record(session, audit.Entry(now, actor, f"report.{state}", report_id))
    out.print(f"{report_id}: {made.verification}, version {made.version}")


@app.command("queue")
def queue(
    item: Annotated[int | None, typer.Argument(help="Id: all of this one [a list]")] = None,
    area: Areas = None,
    limit: Annotated[int, typer.Option(min=1, help="Most to print")] = 50,
    lang: Lang = Language.EN,
) -> None:
    """Show what was not understood and waits for a person, the oldest first."""
    with _session() as session:
        if item is None:
            rows = report_queue.waiting(session, area or (), limit=limit)
        else:
            rows = [report_queue.item(session, item, area or ())]
    for row in rows:
        says = "; ".join(reason.says(lang) for reason in report_queue.reasons_of(row))
        # Written as Python writes it, letters that would steer a terminal are spelt out.
        sent = repr(row.raw.get("sent"))
        out.print(
            f"{row.inbox_id}  {row.received_at:%Y-%m-%d %H:%M}  {row.intake}  {says}\n"
            f"    {sent if item else sent[:_MOST_LETTERS]}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if not rows:
        out.print("nothing waits")


@app.command("resolve")
def resolve(
    item: Item,
    field: Annotated[list[str], typer.Option("--field", help="name=value; repeat for each")],
    reason: Why = "",
) -> None:
    """Make a report of an item of the queue, with the fields as you read them."""
    fields = {}
    for part in field:
        name, equals, value = part.partition("=")
        if not equals:
            raise ContractError(f"--field: expected name=value, got {part!r}")
        fields[name.strip()] = value
    settings, now, actor = Settings(), datetime.now(UTC), _actor()
    with _session() as session:
        landed = report_queue.resolve(
            session,
            item,
            fields,
            places(session),
            reason=reason,
            actor=actor,
            now=now,
            zone=ZoneInfo(settings.report_timezone),
        )
        audit.record(session, audit.Entry(now, actor, "report.resolved", landed.report_id))
    out.print(f"item {item}: report {landed.report_id} {landed.state}")


@app.command("dismiss")
def dismiss(item: Item, reason: Why) -> None:
    """Put an item of the queue aside, with a reason."""
    now, actor = datetime.now(UTC), _actor()
    with _session() as session:
        report_queue.dismiss(session, item, reason=reason, actor=actor, now=now)
        audit.record(session, audit.Entry(now, actor, "report.dismissed", f"inbox {item}"))
    out.print(f"item {item}: dismissed")


@app.command("count")
def count() -> None:
    """Show how much arrived, by intake, and what became of it."""
    with _session() as session:
        found = report_queue.counts(session)
    shown = table("submissions", "intake", "became", "number")
    for intake, states in found.items():
        for state, number in states.items():
            shown.add_row(intake, state, f"{number}")
    out.print(shown)
