"""Words in other languages, and quantiles of the number of incidents."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
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
    for name in _COUNTS:
        op.drop_column("score", name)
    for table in ("bulletin", "score"):
        op.drop_column(table, "translations")
