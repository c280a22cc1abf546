"""Carts, and addresses of the shop that no product may have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import MEDIUMTEXT

from puqpanel.infra.db import UtcDateTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
RESERVED = ("cart", "checkout", "embed", "orders")


def upgrade() -> None:
    op.create_table(
        "carts",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("visitor_hash", sa.String(64), nullable=True),
        sa.Column("client_id", Id, nullable=True),
        sa.Column(
            "items", sa.Text().with_variant(MEDIUMTEXT(), "mysql", "mariadb"), nullable=False
        ),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("coupon", sa.String(40), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_carts_client_id"),
        sa.PrimaryKeyConstraint("id", name="pk_carts"),
        sa.UniqueConstraint("uuid", name="uq_carts_uuid"),
        sa.UniqueConstraint("visitor_hash", name="uq_carts_visitor_hash"),
        sa.UniqueConstraint("client_id", name="uq_carts_client_id"),
    )
    op.create_index("ix_carts_expires_at", "carts", ["expires_at"])
    products = sa.table("products", sa.column("id", Id), sa.column("slug", sa.String))
    connection = op.get_bind()
    for row in connection.execute(sa.select(products).where(products.c.slug.in_(RESERVED))).all():
        renamed = f"{row.slug}-product-{row.id}"
        connection.execute(
            sa.update(products).where(products.c.id == row.id).values(slug=renamed)
        )


def downgrade() -> None:
    op.drop_table("carts")
