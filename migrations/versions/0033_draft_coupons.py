"""Coupons of drafts and of offers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("coupon", sa.String(40), nullable=False, server_default=""))
    op.add_column("offers", sa.Column("coupon", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("offers", "coupon")
    op.drop_column("orders", "coupon")
