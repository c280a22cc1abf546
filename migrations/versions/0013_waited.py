"""For how long providers asked a task to wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("tasks") as batch:
        batch.add_column(sa.Column("waited", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("tasks") as batch:
        batch.alter_column("waited", existing_type=sa.Integer(), server_default=None)


def downgrade() -> None:
    # the version before knows no waiting tasks and would never run them
    op.execute(sa.text("UPDATE tasks SET status = 'retrying' WHERE status = 'waiting'"))
    op.execute(sa.text("UPDATE task_attempts SET outcome = 'retrying' WHERE outcome = 'waiting'"))
    with op.batch_alter_table("tasks") as batch:
        batch.drop_column("waited")
