"""`vigie alerts`: rules, drafts, signatures, sending, and who was told what, when."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.orm import Session

from features.errors import ConfigError
from features.vocabulary import Language
from pipelines.printing import out, table
from pipelines.settings import Settings
from response.alerts import State, Step
from response.rules import Channel
from response.vocabulary import Level
from store import alert_reading, outbox, recipients, telling
from store import alerts as kept
from store.database import connect, migrate, sessions

if TYPE_CHECKING:
    from pipelines.sending import Sent

app = typer.Typer(help="Draft, sign, send and follow alerts.", no_args_is_help=True)
people = typer.Typer(help="Who is told. Their addresses are private.", no_args_is_help=True)
app.add_typer(people, name="recipients")

Config = Annotated[Path, typer.Argument(help="Country pack with [[alerts]]")]
AlertId = Annotated[str, typer.Argument(help="Id, from vigie alerts list")]
By = Annotated[str, typer.Option(help="Name of the office that does it")]
Note = Annotated[str, typer.Option(help="What the others should know")]
Lang = Annotated[Language, typer.Option(help="Language of what is printed")]
ElectionId = Annotated[str | None, typer.Option(help="Only this round")]


@contextmanager
def _session() -> Iterator[Session]:
    engine = connect(Settings().database)
    migrate(engine)
    try:
        with sessions(engine).begin() as session:
            yield session
    finally:
        engine.dispose()


def _actor() -> str:
    return f"command line: {getpass.getuser()}"


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


@app.command("rules")
def rules(config: Config, lang: Lang = Language.EN) -> None:
    """Check the rules of a pack and print them; a rule that cannot be kept is an error."""
    from pipelines.pack import load_pack

    pack = load_pack(config)
    if not pack.alerts:
        raise ConfigError(f"{config}: expected [[alerts]], got none; see docs/how-to/alert.md")
    shown = table("rules", "name", "kind", "level", "area", "channels", "cooldown, h", "escalates")
    for rule in pack.alerts:
        shown.add_row(
            rule.name,
            rule.kind,
            rule.level,
            rule.area,
            " ".join(rule.channels),
            f"{rule.cooldown_hours:g}",
            f"after {rule.escalate_hours:g} h" if rule.escalate_hours else "",
        )
    out.print(shown)
    if (ceiling := pack.alert_ceiling) is not None:
        always = f"; {', '.join(ceiling.always)} always" if ceiling.always else ""
        out.print(f"ceiling: {ceiling.drafts} drafts in {ceiling.within_hours:g} hours{always}")
    for rule in pack.alerts:
        out.print(f"{rule.name}: {rule.instruction[lang]}", markup=False, soft_wrap=True)


@app.command("draft")
def draft(
    config: Config,
    election: Annotated[str, typer.Option(help="Round, for example MLI-2018-PRES-1")],
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Moment, UTC, whose knowledge counts [now]"
        ),
    ] = None,
    lang: Lang = Language.EN,
) -> None:
    """Hold the rules against what is known and keep the drafts; nothing is sent."""
    from pipelines.alerting import draft as make
    from pipelines.pack import load_pack

    engine = connect(Settings().database)
    migrate(engine)
    moment = as_of.replace(tzinfo=UTC) if as_of else None
    found = make(sessions(engine), load_pack(config), election, moment)
    engine.dispose()
    for one in (*found.shown, *found.held):
        said = one.words[lang]
        held = " (held back)" if one in found.held else ""
        out.print(f"{one.alert_id}{held}\n  {said.headline}\n  {said.reason}", markup=False)
    out.print(f"{len(found.shown)} new drafts; 'vigie alerts sign' sends one")
    if found.held or found.released:
        out.print(
            f"{len(found.held)} more are over the pack's ceiling and held back "
            f"('vigie alerts list --state held'), {len(found.released)} held back before are let go"
        )


@app.command("list")
def list_(
    state: Annotated[State | None, typer.Option(help="Only those in this state")] = None,
    election: ElectionId = None,
    limit: Annotated[int, typer.Option(min=1, help="Most to print, the newest")] = 50,
    lang: Lang = Language.EN,
) -> None:
    """Print alerts, the newest first."""
    with _session() as session:
        wanted = str(state) if state else None
        for one in alert_reading.page(session, state=wanted, election_id=election, limit=limit):
            alert = one.alert
            headline = alert.words[str(lang)]["headline"]
            drafted = _minute(alert.drafted_at)
            _lines(f"{alert.alert_id}  {one.state}, {alert.level}, drafted {drafted}", headline)


@app.command("show")
def show(
    alert_id: AlertId,
    cap: Annotated[bool, typer.Option(help="Print the CAP messages that went out")] = False,
    lang: Lang = Language.EN,
) -> None:
    """Print one alert: its words, its steps, its CAP."""
    with _session() as session:
        one = alert_reading.one(session, alert_id)
    said = one.alert.words[str(lang)]
    lines = [said["headline"], said["reason"], said["instruction"], ""]
    lines.append(" ".join(unit.unit_id for unit in one.units))
    lines += [
        f"{_minute(e.at)}  {e.step:12}{e.name} ({e.role})  {e.note}".rstrip() for e in one.events
    ]
    if cap:
        lines += [message.xml for message in one.caps]
    out.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _lines(first: str, *others: str) -> None:
    """An entry of a list whose ids and texts are too long for a table: ids are to be copied."""
    lines = [first, *(f"  {line}" for line in others)]
    out.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _take(alert_id: str, step: Step, by: str, note: str) -> None:
    who = kept.Actor(_actor(), by, "command line")
    with _session() as session:
        state = kept.take(session, alert_id, step, at=datetime.now(UTC), by=who, note=note)
    out.print(f"{alert_id}: {state}")


@app.command("sign")
def sign(alert_id: AlertId, by: By, note: Note = "") -> None:
    """Sign a draft: it goes out with the next round of sending."""
    _take(alert_id, Step.SIGN, by, note)


@app.command("release")
def release(alert_id: AlertId, by: By, note: Note = "") -> None:
    """Bring forward a draft that the pack's ceiling holds back: it can be signed then."""
    _take(alert_id, Step.RELEASE, by, note)


@app.command("reject")
def reject(alert_id: AlertId, by: By, note: Note = "") -> None:
    """Refuse a draft: it never goes out."""
    _take(alert_id, Step.REJECT, by, note)


@app.command("acknowledge")
def acknowledge(alert_id: AlertId, by: By, note: Note = "") -> None:
    """Say that somebody has read it."""
    _take(alert_id, Step.ACKNOWLEDGE, by, note)


@app.command("act")
def act(alert_id: AlertId, by: By, note: Note = "") -> None:
    """Say what was done."""
    _take(alert_id, Step.ACT, by, note)


@app.command("close")
def close(alert_id: AlertId, by: By, note: Note = "") -> None:
    """Close it: nothing more is to be done."""
    _take(alert_id, Step.CLOSE, by, note)


@app.command("cancel")
def cancel(alert_id: AlertId, by: By, note: Note) -> None:
    """Take it back; who was told is told so, with the note."""
    _take(alert_id, Step.CANCEL, by, note)


@app.command("send")
def send() -> None:
    """Send what is signed, once; the worker does the same each minute."""
    from pipelines import sending

    settings = Settings()
    engine = connect(settings.database)
    migrate(engine)
    done: Sent = sending.send(
        sessions(engine), sending.carriers(settings), sending.sender(settings)
    )
    engine.dispose()
    out.print(done.says(), markup=False, soft_wrap=True)
    if done.faults:
        raise typer.Exit(1)


@app.command("told")
def told(
    election: ElectionId = None,
    alert: Annotated[str | None, typer.Option(help="Only this alert")] = None,
    state: Annotated[str | None, typer.Option(help="waiting, sent, dead, received, ...")] = None,
    addresses: Annotated[bool, typer.Option(help="Print addresses whole")] = False,
) -> None:
    """Who was told what, when: each message, whether it arrived, when it was acknowledged."""
    steps = ("queued", "sent", "received", "acknowledged")
    with _session() as session:
        rows = telling.told(session, election_id=election, alert_id=alert, state=state)
        if not rows:
            out.print("nobody was told of anything that fits")
        for row in rows:
            address = row.address if addresses else recipients.masked(row.channel, row.address)
            moments = {name: getattr(row, f"{name}_at") for name in steps}
            when = [f"{name} {_minute(at)}" for name, at in moments.items() if at is not None]
            _lines(
                f"{row.message_id}  {row.state}, {row.tries} tries  {row.detail}".rstrip(),
                f"to {row.recipient}, {row.channel} {address}",
                f"{row.message_type}: {row.subject}",
                f"{', '.join(when)} (UTC)",
            )


@app.command("retry")
def retry(message_id: Annotated[str, typer.Argument(help="Id of a dead letter")]) -> None:
    """Send a dead letter again, with a fresh round of tries."""
    with _session() as session:
        outbox.again(session, message_id, datetime.now(UTC), _actor())
    out.print(f"{message_id}: due again")


@people.command("add")
def recipient_add(
    name: Annotated[str, typer.Option(help="Name of the office, which readers of alerts see")],
    level: Annotated[Level, typer.Option(help="Alerts of this level")],
    channel: Annotated[Channel, typer.Option(help="How")],
    address: Annotated[str, typer.Option(help="E-mail, https address, or +number")],
    language: Annotated[Language, typer.Option(help="Of the words")] = Language.FR,
    area: Annotated[
        list[str] | None, typer.Option(help="Region, parent area or unit, by id; repeat for more")
    ] = None,
) -> None:
    """Add a recipient; for a webhook, print the key with which it checks our signature."""
    settings = Settings()
    with _session() as session:
        made = recipients.add(
            session,
            name=name,
            level=level,
            channel=channel,
            address=address,
            language=language,
            areas=area or [],
            now=datetime.now(UTC),
            actor=_actor(),
        )
    out.print(made.recipient_id)
    secret = settings.webhook_secret.get_secret_value()
    if channel is Channel.WEBHOOK and secret:
        from pipelines.channels.webhook import shown, signing_key

        key = shown(signing_key(secret, made.recipient_id))
        out.print(key, markup=False, highlight=False, soft_wrap=True)


@people.command("list")
def recipient_list() -> None:
    """Print recipients, their addresses masked."""
    shown = table("recipients", "id", "name", "level", "channel", "address", "areas", "ended")
    shown.columns[0].min_width = 8  # an id is copied whole
    with _session() as session:
        for one in recipients.listed(session):
            shown.add_row(
                one.recipient_id,
                one.name,
                one.level,
                one.channel,
                recipients.masked(one.channel, one.address),
                " ".join(one.areas),
                _minute(one.ended_at),
            )
    out.print(shown)


@people.command("end")
def recipient_end(recipient_id: Annotated[str, typer.Argument(help="Id")]) -> None:
    """Tell a recipient no more."""
    with _session() as session:
        recipients.end(session, recipient_id, datetime.now(UTC), _actor())
    out.print(f"{recipient_id}: ended")
