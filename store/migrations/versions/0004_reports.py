"""Field reports: what was sent, each version of a report, the inbox and what became of it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0004_reports"
down_revision = "0003_words"
branch_labels = None
depends_on = None

_KEPT = "a field report is only added to"
_KEYS = {
    "report_submission": ("submission_id", "report_id"),
    "report_version": ("report_id", "version"),
    "report_inbox": ("inbox_id",),
    "report_decision": ("inbox_id",),
}


def _text(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _moment(name: str, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(), nullable=nullable)


def _make_history() -> None:
    op.create_table(
        "report_submission",
        _text("submission_id"),
        _text("report_id"),
        _moment("received_at"),
        _moment("edited_at"),
        _text("intake"),
        _text("sender"),
        _text("reporter", nullable=True),
        _text("instance_id", nullable=True),
        _text("replaces", nullable=True),
        sa.Column("content", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("submission_id", "report_id"),
    )
    op.create_index("ix_report_submission_report", "report_submission", ["report_id"])
    op.create_index("ix_report_submission_instance_id", "report_submission", ["instance_id"])
    op.create_index("ix_report_submission_replaces", "report_submission", ["replaces"])
    op.create_table(
        "report_version",
        _text("report_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _moment("known_at"),
        _text("unit_id"),
        _text("kind"),
        _text("sign", nullable=True),
        sa.Column("severity", sa.Integer(), nullable=False),
        _text("place_kind", nullable=True),
        _text("voting_center", nullable=True),
        _text("people", nullable=True),
        _moment("seen_at"),
        _moment("sent_at"),
        _text("verification"),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        _text("intake"),
        _text("reporter", nullable=True),
        _text("sender"),
        _text("change"),
        _text("actor"),
        _text("reason"),
        sa.PrimaryKeyConstraint("report_id", "version"),
    )
    for name in ("known_at", "unit_id", "reporter"):
        op.create_index(f"ix_report_version_{name}", "report_version", [name])


def _make_inbox() -> None:
    op.create_table(
        "report_inbox",
        sa.Column("inbox_id", sa.Integer(), autoincrement=True, nullable=False),
        _moment("received_at"),
        _text("intake"),
        _text("sender"),
        _text("reporter", nullable=True),
        _text("submission_id"),
        _text("report_id"),
        _text("state"),
        _text("unit_id", nullable=True),
        sa.Column("areas", sa.JSON(), nullable=False),
        sa.Column("raw", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("inbox_id"),
    )
    for name in ("submission_id", "report_id", "state"):
        op.create_index(f"ix_report_inbox_{name}", "report_inbox", [name])
    op.create_table(
        "report_decision",
        sa.Column("inbox_id", sa.Integer(), autoincrement=False, nullable=False),
        _moment("at"),
        _text("actor"),
        _text("decision"),
        _text("reason"),
        sa.ForeignKeyConstraint(["inbox_id"], ["report_inbox.inbox_id"]),
        sa.PrimaryKeyConstraint("inbox_id"),
    )


def _make_rest() -> None:
    op.create_table(
        "report_photo",
        _text("report_id"),
        _text("sha256"),
        _moment("received_at"),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        _moment("removed_at", nullable=True),
        _text("removed_by", nullable=True),
        sa.PrimaryKeyConstraint("report_id", "sha256"),
    )
    op.create_table(
        "report_pull",
        _text("source"),
        _moment("read_until"),
        _moment("pulled_at"),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
    )


def _freeze_on_sqlite() -> None:
    def refuse(name: str, event: str, when: str) -> None:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
        )

    for table, keys in _KEYS.items():
        for event in ("update", "delete"):
            refuse(f"{table}_refuses_{event}", f"{event.upper()} ON {table}", "TRUE")
        # INSERT OR REPLACE deletes without firing the trigger on DELETE.
        same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
        refuse(
            f"{table}_is_no_replacement",
            f"INSERT ON {table}",
            f"EXISTS (SELECT 1 FROM {table} WHERE {same})",  # noqa: S608
        )


def _freeze_on_postgresql() -> None:
    for table in _KEYS:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION vigie_refuse('{_KEPT}')"
        )


def upgrade() -> None:
    _make_history()
    _make_inbox()
    _make_rest()
    if op.get_bind().dialect.name == "sqlite":
        _freeze_on_sqlite()
    else:
        _freeze_on_postgresql()


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
