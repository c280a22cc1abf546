"""Orders, and the charged days of services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("quote", sa.JSON(), nullable=False),
        sa.Column("document_id", Id, nullable=True),
        sa.Column("placed_by", sa.String(200), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_orders_client_id"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_orders_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("token", name="uq_orders_token"),
        sa.UniqueConstraint("uuid", name="uq_orders_uuid"),
    )
    op.create_index("ix_orders_client_id_id", "orders", ["client_id", "id"])
    op.create_index("ix_orders_status_id", "orders", ["status", "id"])
    op.create_index("ix_orders_document_id", "orders", ["document_id"])
    op.create_table(
        "order_items",
        sa.Column("id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("service_id", Id, nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("provisioning", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_order_items_order_id"),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name="fk_order_items_service_id"),
        sa.PrimaryKeyConstraint("id", name="pk_order_items"),
        sa.UniqueConstraint("service_id", name="uq_order_items_service_id"),
    )
    op.create_index("ix_order_items_order_id", "order_items", ["order_id"])
    with op.batch_alter_table("services") as table:
        table.add_column(sa.Column("anchored_on", sa.Date()))
        table.add_column(sa.Column("paid_until", sa.Date()))


def downgrade() -> None:
    with op.batch_alter_table("services") as table:
        table.drop_column("paid_until")
        table.drop_column("anchored_on")
    op.drop_table("order_items")
    op.drop_table("orders")
