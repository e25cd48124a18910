"""Deployments: versions of plans with posts and approvals, only ever added, and what they need."""

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0005_deployments"
down_revision = "0004_reports"
branch_labels = None
depends_on = None

_KEPT = "a deployment is only added to; make a new version"
_POSTS = (
    "(SELECT COUNT(*) FROM deployment_post"
    " WHERE deployment_id = NEW.deployment_id AND version = NEW.version)"
)
_CLOSED = (
    "EXISTS (SELECT 1 FROM deployment_version"
    " WHERE deployment_id = NEW.deployment_id AND version = NEW.version)"
)
_INSERTS = {
    # A version's row closes its posts: they come first, all of them.
    "deployment_is_complete": ("deployment_version", f"NEW.posts <> {_POSTS}"),
    "deployment_post_is_closed": ("deployment_post", _CLOSED),
}
_KEYS = {
    "deployment": ("deployment_id",),
    "deployment_version": ("deployment_id", "version"),
    "deployment_post": ("deployment_id", "version", "unit_id", "base"),
    "deployment_approval": ("deployment_id", "version"),
}


def _freeze_on_sqlite() -> None:
    def refuse(name: str, event: str, when: str) -> None:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END"
        )

    for table, keys in _KEYS.items():
        for event in ("update", "delete"):
            refuse(f"{table}_refuses_{event}", f"{event.upper()} ON {table}", "TRUE")
        same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
        # INSERT OR REPLACE deletes without firing the trigger on DELETE.
        exists = f"EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608
        refuse(f"{table}_is_no_replacement", f"INSERT ON {table}", exists)
    for name, (table, when) in _INSERTS.items():
        refuse(name, f"INSERT ON {table}", when)


def _freeze_on_postgresql() -> None:
    for table in _KEYS:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION vigie_refuse('{_KEPT}')"
        )
    for name, (table, when) in _INSERTS.items():
        refuse = "RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'"
        op.execute(
            f"CREATE FUNCTION vigie_{name}() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN IF {when} THEN {refuse}; END IF; RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION vigie_{name}('{_KEPT}')"
        )


def _plans() -> None:
    op.create_table(
        "deployment",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("election_id", sa.String(), nullable=False),
        sa.Column("bulletin_id", sa.String(), nullable=False),
        sa.Column("follows", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["election_id"], ["election.election_id"]),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.bulletin_id"]),
        sa.ForeignKeyConstraint(["follows"], ["deployment.deployment_id"]),
        sa.PrimaryKeyConstraint("deployment_id"),
    )
    op.create_index("ix_deployment_election_id", "deployment", ["election_id"], unique=False)
    op.create_table(
        "deployment_version",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("mediators", sa.Integer(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("follows_version", sa.Integer(), nullable=True),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_id"], ["deployment.deployment_id"]),
        sa.PrimaryKeyConstraint("deployment_id", "version"),
    )
    version = ["deployment_version.deployment_id", "deployment_version.version"]
    op.create_table(
        "deployment_post",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("mediators", sa.Integer(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id", "version"], version, deferrable=True, initially="DEFERRED"
        ),
        sa.PrimaryKeyConstraint("deployment_id", "version", "unit_id", "base"),
    )
    op.create_table(
        "deployment_approval",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["deployment_id", "version"], version),
        sa.PrimaryKeyConstraint("deployment_id", "version"),
    )
    op.create_index(
        "ix_deployment_approval_approved_at", "deployment_approval", ["approved_at"], unique=False
    )


def _what_they_need() -> None:
    unit = (["registry_id", "unit_id"], ["unit.registry_id", "unit.unit_id"])
    op.create_table(
        "watch_place",
        sa.Column("data_digest", sa.String(), nullable=False),
        sa.Column("registry_id", sa.String(), nullable=False),
        sa.Column("place_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("event_date", sa.Date(), nullable=True),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(*unit),
        sa.PrimaryKeyConstraint("data_digest", "registry_id", "place_id"),
    )
    op.create_index("ix_watch_place_unit", "watch_place", ["data_digest", "registry_id", "unit_id"])
    op.create_table(
        "unit_population",
        sa.Column("data_digest", sa.String(), nullable=False),
        sa.Column("registry_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("population", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(*unit),
        sa.PrimaryKeyConstraint("data_digest", "registry_id", "unit_id", "known_on"),
    )
    op.create_table(
        "past_deployment",
        sa.Column("election_id", sa.String(), nullable=False),
        sa.Column("mediators", sa.Integer(), nullable=False),
        sa.Column("regions", sa.JSON(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["election_id"], ["election.election_id"]),
        sa.PrimaryKeyConstraint("election_id"),
    )


def upgrade() -> None:
    _plans()
    _what_they_need()
    if op.get_bind().dialect.name == "sqlite":
        _freeze_on_sqlite()
    else:
        _freeze_on_postgresql()


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
