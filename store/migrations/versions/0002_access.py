"""Tokens with areas and sessions, an audit of reads and changes, frozen on every database."""

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0002_access"
down_revision = "0001"
branch_labels = None
depends_on = None

_FROZEN = "a bulletin never changes; issue a new one"
_KEPT = "the audit is only added to"
_OLD_TRIGGERS = (
    "bulletin_keeps_update",
    "bulletin_keeps_delete",
    "bulletin_keeps_replace",
    "score_keeps_update",
    "score_keeps_delete",
    "score_keeps_replace",
    "score_keeps_complete",
)
_COUNT = "(SELECT COUNT(*) FROM score WHERE bulletin_id = NEW.bulletin_id)"
_CLOSED = "EXISTS (SELECT 1 FROM bulletin WHERE bulletin_id = NEW.bulletin_id)"
_SAME_BULLETIN = (
    "EXISTS (SELECT 1 FROM bulletin WHERE bulletin_id = NEW.bulletin_id OR digest = NEW.digest)"
)
_SAME_SCORE = (
    "EXISTS (SELECT 1 FROM score WHERE bulletin_id = NEW.bulletin_id"
    " AND (unit_id = NEW.unit_id OR position = NEW.position))"
)
_INSERTS = {
    # A bulletin's row closes its scores: they come first, all of them.
    "bulletin_is_complete": ("bulletin", f"NEW.units <> {_COUNT}"),
    "score_is_closed": ("score", _CLOSED),
}
_SQLITE_INSERTS = {
    # INSERT OR REPLACE deletes without firing the trigger on DELETE.
    "bulletin_is_no_replacement": ("bulletin", _SAME_BULLETIN),
    "score_is_no_replacement": ("score", _SAME_SCORE),
    "audit_is_no_replacement": ("audit", "EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"),
}
_TABLES = {"bulletin": _FROZEN, "score": _FROZEN, "audit": _KEPT}


def _freeze_on_sqlite() -> None:
    def refuse(name: str, event: str, when: str, says: str) -> None:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{says}'); END"
        )

    for table, says in _TABLES.items():
        for event in ("update", "delete"):
            refuse(f"{table}_refuses_{event}", f"{event.upper()} ON {table}", "TRUE", says)
    for name, (table, when) in {**_INSERTS, **_SQLITE_INSERTS}.items():
        refuse(name, f"INSERT ON {table}", when, _TABLES[table])


def _freeze_on_postgresql() -> None:
    refuse = "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'"

    def function(name: str, body: str) -> None:
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        )

    function("vigie_refuse", f"{refuse};")
    for table, says in _TABLES.items():
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION vigie_refuse('{says}')"
        )
    for name, (table, when) in _INSERTS.items():
        function(f"vigie_{name}", f"IF {when} THEN {refuse}; END IF; RETURN NEW;")
        op.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION vigie_{name}('{_TABLES[table]}')"
        )


def _write_scores_anew() -> None:
    """Give scores their position, and let them come before their bulletin."""
    op.create_table(
        "score_anew",
        sa.Column("bulletin_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("probability", sa.Float(), nullable=True),
        sa.Column("lower", sa.Float(), nullable=True),
        sa.Column("upper", sa.Float(), nullable=True),
        sa.Column("expected_incidents", sa.Float(), nullable=True),
        sa.Column("band", sa.String(), nullable=False),
        sa.Column("baseline_probability", sa.Float(), nullable=True),
        sa.Column("coverage", sa.String(), nullable=False),
        sa.Column("coverage_says", sa.String(), nullable=False),
        sa.Column("drivers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulletin_id"],
            ["bulletin.bulletin_id"],
            name="fk_score_bulletin",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("bulletin_id", "unit_id", name="pk_score"),
    )
    columns = (
        "rank, probability, lower, upper, expected_incidents, band, baseline_probability,"
        " coverage, coverage_says, drivers"
    )
    op.execute(
        f"INSERT INTO score_anew (bulletin_id, unit_id, position, {columns})"  # noqa: S608
        " SELECT bulletin_id, unit_id, ROW_NUMBER() OVER (PARTITION BY bulletin_id"
        f" ORDER BY rank IS NULL, rank, unit_id), {columns} FROM score"
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # checks now what would wait for the commit
    op.drop_table("score")
    op.rename_table("score_anew", "score")
    op.create_index("ix_score_position", "score", ["bulletin_id", "position"], unique=True)


def _keep_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("bulletin_id", sa.String(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "INSERT INTO audit (at, actor, action, subject, bulletin_id, reads)"
        " SELECT at, token_id, 'scores.read', path, bulletin_id, 1 FROM read_audit ORDER BY id"
    )
    op.drop_table("read_audit")
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_actor", "audit", ["actor"], unique=False)


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        for name in _OLD_TRIGGERS:
            op.execute(f"DROP TRIGGER {name}")
    with op.batch_alter_table("token") as batch:
        batch.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="bearer"))
        batch.add_column(sa.Column("parent_id", sa.String(), nullable=True))
        batch.add_column(sa.Column("areas", sa.JSON(), nullable=False, server_default="[]"))
        batch.create_foreign_key("fk_token_parent", "token", ["parent_id"], ["token_id"])
    with op.batch_alter_table("token") as batch:
        batch.alter_column("kind", server_default=None)
        batch.alter_column("areas", server_default=None)
    _keep_audit()
    _write_scores_anew()
    if sqlite:
        _freeze_on_sqlite()
    else:
        _freeze_on_postgresql()


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
