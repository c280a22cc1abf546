"""The fair order of waiting tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

QUEUES = ("Module", "Notification", "Billing", "System")
TURN = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITS = sa.text("turn IS NOT NULL")
INDEXES = {
    "ix_tasks_queue_turn": ["queue", "turn"],
    "ix_tasks_flow_turn": ["queue", "flow", "turn"],
    "ix_tasks_module_turn": ["queue", "module", "turn"],
}


def upgrade() -> None:
    with op.batch_alter_table("tasks") as table:
        table.add_column(sa.Column("flow", sa.String(140), nullable=False, server_default=""))
        table.add_column(sa.Column("turn", TURN))
    for name, columns in INDEXES.items():
        op.create_index(name, "tasks", columns, postgresql_where=WAITS, sqlite_where=WAITS)
    tasks = sa.table("tasks", sa.column("queue"))
    op.execute(tasks.update().where(tasks.c.queue.not_in(QUEUES)).values(queue=QUEUES[0]))


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="tasks")
    with op.batch_alter_table("tasks") as table:
        table.drop_column("turn")
        table.drop_column("flow")
