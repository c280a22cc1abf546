"""Offers of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "offers",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("company_id", Id, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("prices", sa.JSON(), nullable=False),
        sa.Column("quote", sa.JSON(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("offered_by", sa.String(200), nullable=False),
        sa.Column("answered_by", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_offers_order_id"),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_offers_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_offers"),
        sa.UniqueConstraint("token_hash", name="uq_offers_token_hash"),
        sa.UniqueConstraint("uuid", name="uq_offers_uuid"),
    )
    op.create_index("ix_offers_order_id", "offers", ["order_id"])
    op.create_index("ix_offers_status_expires_on", "offers", ["status", "expires_on"])


def downgrade() -> None:
    op.execute(sa.text("UPDATE orders SET status = 'draft' WHERE status = 'offered'"))
    op.drop_table("offers")
