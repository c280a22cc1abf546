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
INDEXES = {
    "ix_tasks_queue_turn": (["queue", "turn"], "dispatched_at IS NOT NULL"),
    "ix_tasks_flow_turn": (["queue", "flow", "turn"], "turn IS NOT NULL"),
    "ix_tasks_module_turn": (["queue", "module", "turn"], "turn IS NOT NULL"),
}


def upgrade() -> None:
    with op.batch_alter_table("tasks") as table:
        table.add_column(sa.Column("flow", sa.String(140), nullable=False, server_default=""))
        table.add_column(sa.Column("turn", TURN))
    for name, (columns, condition) in INDEXES.items():
        where = sa.text(condition)
        op.create_index(name, "tasks", columns, postgresql_where=where, sqlite_where=where)
    tasks = sa.table("tasks", sa.column("queue"), sa.column("status"))
    unknown = tasks.c.queue.not_in(QUEUES)
    ended = tasks.c.status.in_(("completed", "failed", "lost", "cancelled"))
    op.execute(tasks.update().where(unknown, ~ended).values(queue=QUEUES[0]))


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="tasks")
    with op.batch_alter_table("tasks") as table:
        table.drop_column("turn")
        table.drop_column("flow")
