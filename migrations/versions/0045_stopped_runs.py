"""Runs that charge payment methods or send reminders stop too, each kind on its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

KIND = sa.column("kind", sa.String(40))


def upgrade() -> None:
    kind = sa.Column("kind", sa.String(40), nullable=False, server_default="services")
    with op.batch_alter_table("stopped_runs") as table:
        table.add_column(kind)
        table.drop_constraint("uq_stopped_runs_live", type_="unique")
        table.create_unique_constraint("uq_stopped_runs_kind_live", ["kind", "live"])
    op.create_index("ix_payment_attempts_created_at", "payment_attempts", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_payment_attempts_created_at", "payment_attempts")
    op.execute(sa.delete(sa.table("stopped_runs", KIND)).where(KIND != "services"))
    with op.batch_alter_table("stopped_runs") as table:
        table.drop_constraint("uq_stopped_runs_kind_live", type_="unique")
        table.create_unique_constraint("uq_stopped_runs_live", ["live"])
        table.drop_column("kind")
