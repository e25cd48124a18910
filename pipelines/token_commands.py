"""`vigie token`: make, list and revoke the tokens that the API asks for."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy import Engine

from pipelines.printing import out, table
from pipelines.settings import Settings
from store.database import connect, migrate, sessions
from store.roles import Role
from store.tokens import create, list_tokens, revoke

app = typer.Typer(help="Make, list and revoke the tokens that the API asks for.")


def _engine() -> Engine:
    engine = connect(Settings().database)
    migrate(engine)
    return engine


def _actor() -> str:
    """Who runs the command, for the audit."""
    return f"command line: {getpass.getuser()}"


@app.command("create")
def token_create(
    label: Annotated[str, typer.Option(help="Whose token it is; no phone number")],
    days: Annotated[int, typer.Option(min=1, help="Days until it expires")] = 365,
    role: Annotated[Role, typer.Option(help="What it may do")] = Role.PLANNER,
    area: Annotated[
        list[str] | None,
        typer.Option(help="Region, parent area or unit that it may read, by id; repeat for more"),
    ] = None,
) -> None:
    """Make a token and print its secret once: only its hash is kept."""
    engine = _engine()
    now = datetime.now(UTC)
    with sessions(engine).begin() as session:
        _, secret = create(
            session,
            label=label,
            now=now,
            role=role,
            areas=area or [],
            expires_at=now + timedelta(days=days),
            actor=_actor(),
        )
    out.print(secret, markup=False, highlight=False, soft_wrap=True)


@app.command("list")
def token_list() -> None:
    """Show who holds tokens, and until when; secrets are not kept."""
    engine = _engine()
    shown = table("tokens", "id", "kind", "label", "role", "areas", "made", "expires", "revoked")
    with sessions(engine)() as session:
        for token in list_tokens(session):
            days = [token.created_at, token.expires_at, token.revoked_at]
            shown.add_row(
                token.token_id,
                token.kind,
                token.label,
                token.role,
                " ".join(token.areas),
                *(f"{d:%Y-%m-%d}" if d else "" for d in days),
            )
    out.print(shown)


@app.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="Id, from vigie token list")],
) -> None:
    """End a token at once."""
    engine = _engine()
    with sessions(engine).begin() as session:
        revoke(session, token_id, datetime.now(UTC), actor=_actor())
    out.print(f"revoked {token_id}")
