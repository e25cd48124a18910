"""Nowcasts and the ratios behind them, which are only added to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0006_nowcasts"
down_revision = "0005_deployments"
branch_labels = None
depends_on = None

_FROZEN = "a nowcast never changes; make a new one"
_TABLES = ("nowcast_ratios", "nowcast", "nowcast_score")
_COUNT = "(SELECT COUNT(*) FROM nowcast_score WHERE nowcast_id = NEW.nowcast_id)"
_INSERTS = {
    # A nowcast's row closes its scores: they come first, all of them.
    "nowcast_is_complete": ("nowcast", f"NEW.units <> {_COUNT}"),
    "nowcast_score_is_closed": (
        "nowcast_score",
        "EXISTS (SELECT 1 FROM nowcast WHERE nowcast_id = NEW.nowcast_id)",
    ),
}
_SQLITE_INSERTS = {
    # INSERT OR REPLACE deletes without firing the trigger on DELETE.
    "nowcast_ratios_is_no_replacement": (
        "nowcast_ratios",
        "EXISTS (SELECT 1 FROM nowcast_ratios WHERE ratios_id = NEW.ratios_id)",
    ),
    "nowcast_is_no_replacement": (
        "nowcast",
        "EXISTS (SELECT 1 FROM nowcast WHERE nowcast_id = NEW.nowcast_id OR digest = NEW.digest)",
    ),
    "nowcast_score_is_no_replacement": (
        "nowcast_score",
        "EXISTS (SELECT 1 FROM nowcast_score WHERE nowcast_id = NEW.nowcast_id"
        " AND (unit_id = NEW.unit_id OR position = NEW.position))",
    ),
}


def _of(kind: Any, *names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind(), nullable=nullable) for name in names]


def _make_tables() -> None:
    op.create_table(
        "nowcast_ratios",
        *_of(sa.String, "ratios_id", "iso3"),
        *_of(sa.String, "learned_from", "previous_id", nullable=True),
        *_of(sa.DateTime, "known_at", "created_at"),
        *_of(sa.JSON, "rows"),
        sa.ForeignKeyConstraint(["learned_from"], ["election.election_id"]),
        sa.ForeignKeyConstraint(["previous_id"], ["nowcast_ratios.ratios_id"]),
        sa.PrimaryKeyConstraint("ratios_id"),
    )
    op.create_index("ix_nowcast_ratios_iso3", "nowcast_ratios", ["iso3"])
    op.create_table(
        "nowcast",
        *_of(sa.String, "nowcast_id", "digest", "bulletin_id", "election_id", "ratios_id"),
        *_of(sa.DateTime, "moment"),
        *_of(sa.JSON, "assumptions"),
        *_of(sa.String, "reports_digest", "posts_digest"),
        *_of(sa.Integer, "reports", "mediators", "units", "moved", "silent"),
        *_of(sa.Boolean, "synthetic"),
        *_of(sa.DateTime, "created_at"),
        sa.ForeignKeyConstraint(["bulletin_id"], ["bulletin.bulletin_id"]),
        sa.ForeignKeyConstraint(["election_id"], ["election.election_id"]),
        sa.ForeignKeyConstraint(["ratios_id"], ["nowcast_ratios.ratios_id"]),
        sa.PrimaryKeyConstraint("nowcast_id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("ix_nowcast_bulletin", "nowcast", ["bulletin_id", "moment"])
    op.create_index("ix_nowcast_election_id", "nowcast", ["election_id"])
    op.create_table(
        "nowcast_score",
        *_of(sa.String, "nowcast_id", "unit_id"),
        *_of(sa.Integer, "position"),
        *_of(sa.Integer, "rank", nullable=True),
        *_of(sa.Float, "probability", "lower", "upper", "next_days", "ahead", nullable=True),
        *_of(sa.Float, "expected_incidents", nullable=True),
        *_of(sa.String, "band"),
        *_of(sa.Float, "bulletin_probability", nullable=True),
        *_of(sa.Integer, "reports", "mediators"),
        *_of(sa.Float, "quiet_days", nullable=True),
        *_of(sa.String, "watch", "says"),
        *_of(sa.JSON, "updates", "translations"),
        sa.ForeignKeyConstraint(
            ["nowcast_id"], ["nowcast.nowcast_id"], deferrable=True, initially="DEFERRED"
        ),
        sa.PrimaryKeyConstraint("nowcast_id", "unit_id"),
    )
    names = ["nowcast_id", "position"]
    op.create_index("ix_nowcast_score_position", "nowcast_score", names, unique=True)


def upgrade() -> None:
    _make_tables()
    if op.get_bind().dialect.name == "sqlite":
        for table in _TABLES:
            for event in ("update", "delete"):
                _refuse_on_sqlite(f"{table}_refuses_{event}", f"{event.upper()} ON {table}", "TRUE")
        for name, (table, when) in {**_INSERTS, **_SQLITE_INSERTS}.items():
            _refuse_on_sqlite(name, f"INSERT ON {table}", when)
        return
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION vigie_refuse('{_FROZEN}')"
        )
    for name, (table, when) in _INSERTS.items():
        op.execute(
            f"CREATE FUNCTION vigie_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF {when} THEN RAISE EXCEPTION '%', TG_ARGV[0]"
            " USING ERRCODE = 'restrict_violation'; END IF; RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION vigie_{name}('{_FROZEN}')"
        )


def _refuse_on_sqlite(name: str, event: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {event} WHEN {when}"
        f" BEGIN SELECT RAISE(ABORT, '{_FROZEN}'); END"
    )


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
