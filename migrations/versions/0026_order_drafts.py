"""Drafts of orders, and what is known about the risk of an order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

Encrypted = sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    with op.batch_alter_table("orders") as table:
        table.add_column(sa.Column("contents", Encrypted))
        table.add_column(sa.Column("risks", sa.JSON()))
        table.add_column(sa.Column("ip", sa.String(45), nullable=False, server_default=""))
        table.create_index("ix_orders_ip_created_at", ["ip", "created_at"])


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM orders WHERE status = 'draft'"))
    op.execute(sa.text("UPDATE orders SET status = 'placed' WHERE status = 'waiting'"))
    op.execute(sa.text("UPDATE orders SET status = 'cancelled' WHERE status = 'fraud'"))
    with op.batch_alter_table("orders") as table:
        table.drop_index("ix_orders_ip_created_at")
        table.drop_column("ip")
        table.drop_column("risks")
        table.drop_column("contents")
