"""The fair order of waiting tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TURN = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = (["queue"], ["queue", "flow"], ["queue", "module"])
WAITS = sa.text("turn IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("tasks") as table:
        table.add_column(sa.Column("flow", sa.String(140), nullable=False, server_default=""))
        table.add_column(sa.Column("turn", TURN))
    for columns in COLUMNS:
        op.create_index(
            f"ix_tasks_{columns[-1]}_turn",
            "tasks",
            [*columns, "turn"],
            postgresql_where=WAITS,
            sqlite_where=WAITS,
        )


def downgrade() -> None:
    for columns in COLUMNS:
        op.drop_index(f"ix_tasks_{columns[-1]}_turn", table_name="tasks")
    with op.batch_alter_table("tasks") as table:
        table.drop_column("turn")
        table.drop_column("flow")
