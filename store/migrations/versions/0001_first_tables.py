"""First tables: registry, elections, bulletins, scores, incidents, tokens, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


_FROZEN = "a bulletin never changes; issue a new one"
_TRIGGERS = {
    "bulletin_keeps_update": ("UPDATE ON bulletin", "TRUE"),
    "bulletin_keeps_delete": ("DELETE ON bulletin", "TRUE"),
    # INSERT OR REPLACE deletes without firing the trigger above.
    "bulletin_keeps_replace": (
        "INSERT ON bulletin",
        "EXISTS (SELECT 1 FROM bulletin"
        " WHERE bulletin_id = NEW.bulletin_id OR digest = NEW.digest)",
    ),
    "score_keeps_update": ("UPDATE ON score", "TRUE"),
    "score_keeps_delete": ("DELETE ON score", "TRUE"),
    "score_keeps_replace": (
        "INSERT ON score",
        "EXISTS (SELECT 1 FROM score"
        " WHERE bulletin_id = NEW.bulletin_id AND unit_id = NEW.unit_id)",
    ),
    "score_keeps_complete": (
        "INSERT ON score",
        "(SELECT COUNT(*) FROM score WHERE bulletin_id = NEW.bulletin_id)"
        " >= (SELECT units FROM bulletin WHERE bulletin_id = NEW.bulletin_id)",
    ),
}


def _freeze_bulletins() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return  # the next revision freezes them on every database
    for name, (event, when) in _TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {event} WHEN {when}"
            f" BEGIN SELECT RAISE(ABORT, '{_FROZEN}'); END"
        )


def upgrade() -> None:
    op.create_table(
        "election",
        sa.Column("election_id", sa.String(), nullable=False),
        sa.Column("iso3", sa.String(), nullable=False),
        sa.Column("election_type", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("polling_date", sa.Date(), nullable=False),
        sa.Column("window_start", sa.Date(), nullable=False),
        sa.Column("window_end", sa.Date(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("election_id"),
    )
    op.create_index(op.f("ix_election_iso3"), "election", ["iso3"], unique=False)

    op.create_table(
        "mark",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "read_audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("bulletin_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "registry",
        sa.Column("registry_id", sa.String(), nullable=False),
        sa.Column("iso3", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("registry_id"),
    )
    op.create_index(op.f("ix_registry_iso3"), "registry", ["iso3"], unique=False)

    op.create_table(
        "token",
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("secret_sha256", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("token_id"),
        sa.UniqueConstraint("secret_sha256"),
    )
    op.create_table(
        "bulletin",
        sa.Column("bulletin_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("election_id", sa.String(), nullable=False),
        sa.Column("registry_id", sa.String(), nullable=False),
        sa.Column("iso3", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("target_says", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("window_start", sa.Date(), nullable=False),
        sa.Column("window_end", sa.Date(), nullable=False),
        sa.Column("model_name", sa.String(), nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("model_kind", sa.String(), nullable=False),
        sa.Column("model_digest", sa.String(), nullable=False),
        sa.Column("data_digest", sa.String(), nullable=False),
        sa.Column("baseline_name", sa.String(), nullable=False),
        sa.Column("base_rate", sa.Float(), nullable=False),
        sa.Column("interval_level", sa.Float(), nullable=False),
        sa.Column("vintage", sa.String(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("abstained", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["election_id"],
            ["election.election_id"],
        ),
        sa.ForeignKeyConstraint(
            ["registry_id"],
            ["registry.registry_id"],
        ),
        sa.PrimaryKeyConstraint("bulletin_id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index(op.f("ix_bulletin_as_of"), "bulletin", ["as_of"], unique=False)
    op.create_index(op.f("ix_bulletin_election_id"), "bulletin", ["election_id"], unique=False)

    op.create_table(
        "unit",
        sa.Column("registry_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String(), nullable=False),
        sa.Column("parent_name", sa.String(), nullable=False),
        sa.Column("region_id", sa.String(), nullable=False),
        sa.Column("region_name", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("area_km2", sa.Float(), nullable=True),
        sa.Column("geometry", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registry_id"],
            ["registry.registry_id"],
        ),
        sa.PrimaryKeyConstraint("registry_id", "unit_id"),
    )
    op.create_table(
        "incident",
        sa.Column("data_digest", sa.String(), nullable=False),
        sa.Column("incident_id", sa.String(), nullable=False),
        sa.Column("registry_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
        sa.Column("event_date", sa.Date(), nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("sub_event_type", sa.String(), nullable=True),
        sa.Column("fatalities", sa.Float(), nullable=False),
        sa.Column("geo_precision", sa.Integer(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registry_id", "unit_id"],
            ["unit.registry_id", "unit.unit_id"],
        ),
        sa.PrimaryKeyConstraint("data_digest", "incident_id", "registry_id"),
    )
    op.create_index(
        "ix_incident_history", "incident", ["data_digest", "unit_id", "event_date"], unique=False
    )

    op.create_table(
        "score",
        sa.Column("bulletin_id", sa.String(), nullable=False),
        sa.Column("unit_id", sa.String(), nullable=False),
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
        ),
        sa.PrimaryKeyConstraint("bulletin_id", "unit_id"),
    )
    _freeze_bulletins()


def downgrade() -> None:
    for table in (
        "score",
        "incident",
        "unit",
        "bulletin",
        "token",
        "registry",
        "read_audit",
        "mark",
        "election",
    ):
        op.drop_table(table)
