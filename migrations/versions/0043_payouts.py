"""Payouts of gateways, and clients whose services are renewed by documents of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("clients") as table:
        table.add_column(
            sa.Column("separate_documents", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_table(
        "payouts",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("gateway", sa.String(36), nullable=False),
        sa.Column("outside_id", sa.String(200), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_payouts_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_payouts"),
        sa.UniqueConstraint("uuid", name="uq_payouts_uuid"),
        sa.UniqueConstraint("gateway", "outside_id", name="uq_payouts_gateway_outside_id"),
    )
    op.create_index("ix_payouts_paid_on_id", "payouts", ["paid_on", "id"])


def downgrade() -> None:
    op.drop_table("payouts")
    with op.batch_alter_table("clients") as table:
        table.drop_column("separate_documents")
