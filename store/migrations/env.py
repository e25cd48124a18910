"""Runs the migrations on the connection that `store.database.migrate` hands over."""

from typing import Any, Literal

from alembic import context

# Their tables belong to the same metadata.
import store.alert_schema
import store.deployment_schema
import store.lesson_schema
import store.nowcast_schema
import store.report_schema  # noqa: F401
from store.schema import Base, UtcDateTime


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our moments as plain ones: a migration must not change when the code does."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=_render,
    render_as_batch=True,
)

with context.begin_transaction():
    context.run_migrations()
