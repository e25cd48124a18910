"""Words in other languages, and quantiles of the number of incidents."""

import sqlalchemy as sa
from alembic import op

from features.errors import ConfigError

revision = "0003_words"
down_revision = "0002_access"
branch_labels = None
depends_on = None

_COUNTS = ("incidents_p50", "incidents_p90", "two_or_more", "five_or_more")


def upgrade() -> None:
    # Plain ALTERs: a batch would copy the tables and lose the triggers that freeze bulletins.
    for table in ("bulletin", "score"):
        column = sa.Column("translations", sa.JSON(), nullable=False, server_default="{}")
        op.add_column(table, column)
    for name in _COUNTS:
        op.add_column("score", sa.Column(name, sa.Float(), nullable=True))


def downgrade() -> None:
    raise ConfigError("database: expected to go forward only; restore a backup made before")
