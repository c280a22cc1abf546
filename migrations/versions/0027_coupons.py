"""Coupons, their uses, and the discount of later periods of an ordered service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import ExactDecimal, UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "coupons",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("percent", ExactDecimal(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("products", sa.JSON(), nullable=False),
        sa.Column("cycles", sa.Integer(), nullable=True),
        sa.Column("setup", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("once_per_client", sa.Boolean(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_coupons"),
        sa.UniqueConstraint("uuid", name="uq_coupons_uuid"),
        sa.UniqueConstraint("code", name="uq_coupons_code"),
    )
    op.create_table(
        "coupon_uses",
        sa.Column("id", Id, nullable=False),
        sa.Column("coupon_id", Id, nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("order_id", Id, nullable=False),
        sa.Column("once", sa.Boolean(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["coupon_id"], ["coupons.id"], name="fk_coupon_uses_coupon_id"),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_coupon_uses_client_id"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name="fk_coupon_uses_order_id"),
        sa.PrimaryKeyConstraint("id", name="pk_coupon_uses"),
        sa.UniqueConstraint("coupon_id", "client_id", "once", name="uq_coupon_uses_once"),
        sa.UniqueConstraint("order_id", name="uq_coupon_uses_order_id"),
    )
    op.create_index("ix_coupon_uses_client_id", "coupon_uses", ["client_id"])
    with op.batch_alter_table("order_items") as table:
        table.add_column(sa.Column("discount", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("order_items") as table:
        table.drop_column("discount")
    op.drop_table("coupon_uses")
    op.drop_table("coupons")
