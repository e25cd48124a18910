"""Alerts, their steps, the CAP messages, recipients, and what each was told."""

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0007_alerts"
down_revision = "0006_nowcasts"
branch_labels = None
depends_on = None

_SAYS = "what was said of an alert is only added to"
_KEYS = {
    "alert": ("alert_id",),
    "alert_unit": ("alert_id", "unit_id"),
    "alert_event": ("alert_id", "number"),
    "alert_cap": ("identifier",),
    "alert_message": ("message_id",),
    "delivery": ("message_id", "number"),
}


def _text(name: str, *more: sa.ForeignKey, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), *more, nullable=nullable)


def _moment(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(), nullable=nullable)


def _alerts() -> None:
    op.create_table(
        "alert",
        _text("alert_id"),
        _text("election_id", sa.ForeignKey("election.election_id")),
        _text("registry_id", sa.ForeignKey("registry.registry_id")),
        *(_text(name) for name in ("rule", "kind", "level", "area_kind", "area_id", "area_name")),
        sa.Column("channels", sa.JSON(), nullable=False),
        *(_text(name) for name in ("urgency", "severity", "certainty")),
        sa.Column("strength", sa.Float(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        _moment("drafted_at"),
        _text("drafted_by"),
        _moment("expires_at"),
        _text("updates", sa.ForeignKey("alert.alert_id"), nullable=True),
        _text("escalates", sa.ForeignKey("alert.alert_id"), nullable=True),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id"),
    )
    op.create_index("ix_alert_drafted", "alert", ["drafted_at", "alert_id"])
    op.create_table(
        "alert_unit",
        _text("alert_id", sa.ForeignKey("alert.alert_id")),
        *(_text(name) for name in ("unit_id", "parent_id", "region_id")),
        sa.PrimaryKeyConstraint("alert_id", "unit_id"),
    )
    op.create_table(
        "alert_event",
        _text("alert_id", sa.ForeignKey("alert.alert_id")),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        _moment("at"),
        *(_text(name) for name in ("step", "state", "actor", "name", "role")),
        sa.Column("note", sa.Text(), nullable=False),
        _text("digest", nullable=True),
        sa.PrimaryKeyConstraint("alert_id", "number"),
    )
    op.create_table(
        "alert_cap",
        _text("identifier"),
        _text("alert_id", sa.ForeignKey("alert.alert_id")),
        *(_text(name) for name in ("message_type", "status", "sender")),
        _moment("sent_at"),
        sa.Column("xml", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("identifier"),
        sa.UniqueConstraint("alert_id", "message_type"),
    )
    op.create_index("ix_alert_cap_sent", "alert_cap", ["sent_at", "identifier"])


def _telling() -> None:
    op.create_table(
        "recipient",
        *(_text(name) for name in ("recipient_id", "name", "level")),
        sa.Column("areas", sa.JSON(), nullable=False),
        *(_text(name) for name in ("channel", "address", "language")),
        _moment("created_at"),
        _moment("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("recipient_id"),
    )
    op.create_table(
        "alert_message",
        _text("message_id"),
        _text("identifier", sa.ForeignKey("alert_cap.identifier")),
        _text("alert_id", sa.ForeignKey("alert.alert_id")),
        _text("recipient_id", sa.ForeignKey("recipient.recipient_id")),
        *(_text(name) for name in ("channel", "language", "subject")),
        sa.Column("text", sa.Text(), nullable=False),
        _moment("queued_at"),
        sa.PrimaryKeyConstraint("message_id"),
    )
    op.create_index("ix_alert_message_alert_id", "alert_message", ["alert_id"])
    op.create_index("ix_alert_message_queued_at", "alert_message", ["queued_at"])
    op.create_table(
        "delivery",
        _text("message_id", sa.ForeignKey("alert_message.message_id")),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        _moment("at"),
        _text("outcome"),
        sa.Column("detail", sa.Text(), nullable=False),
        _moment("next_try_at", nullable=True),
        sa.PrimaryKeyConstraint("message_id", "number"),
    )


def _freeze_on_sqlite(table: str, keys: tuple[str, ...]) -> None:
    def refuse(name: str, event: str, when: str) -> None:
        op.execute(
            f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
        )

    same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
    refuse("refuses_update", "UPDATE", "TRUE")
    refuse("refuses_delete", "DELETE", "TRUE")
    # INSERT OR REPLACE deletes without firing the trigger on DELETE.
    refuse("is_no_replacement", "INSERT", f"EXISTS (SELECT 1 FROM {table} WHERE {same})")  # noqa: S608


def upgrade() -> None:
    _alerts()
    _telling()
    for table, keys in _KEYS.items():
        if op.get_bind().dialect.name == "sqlite":
            _freeze_on_sqlite(table, keys)
        else:
            op.execute(
                f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE"
                f" ON {table} FOR EACH STATEMENT EXECUTE FUNCTION vigie_refuse('{_SAYS}')"
            )


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
