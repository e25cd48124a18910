"""Lessons of rounds: a document and its pages, never changed."""

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0008_lessons"
down_revision = "0007_alerts"
branch_labels = None
depends_on = None

_FROZEN = "lessons never change; draw them again as of a later day"
_SAME = "EXISTS (SELECT 1 FROM lessons WHERE lessons_id = NEW.lessons_id OR digest = NEW.digest)"


def _freeze_on_sqlite() -> None:
    events = {
        "lessons_refuses_update": ("UPDATE", "TRUE"),
        "lessons_refuses_delete": ("DELETE", "TRUE"),
        # INSERT OR REPLACE deletes without firing the trigger on DELETE.
        "lessons_is_no_replacement": ("INSERT", _SAME),
    }
    for name, (event, when) in events.items():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} ON lessons WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{_FROZEN}'); END"
        )


def upgrade() -> None:
    op.create_table(
        "lessons",
        sa.Column("lessons_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("election_id", sa.String(), nullable=False),
        sa.Column("bulletin_id", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("page_en", sa.Text(), nullable=False),
        sa.Column("page_fr", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["election_id"], ["election.election_id"]),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.bulletin_id"]),
        sa.PrimaryKeyConstraint("lessons_id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_lessons_election", "lessons", ["election_id", "as_of"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER lessons_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON lessons"
            f" FOR EACH STATEMENT EXECUTE FUNCTION vigie_refuse('{_FROZEN}')"
        )
    else:
        _freeze_on_sqlite()


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
