"""Transfers."""

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TRANSFERS = "mod_payment_samplepayment_transfers"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        TRANSFERS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gateway_uuid", sa.String(36), nullable=False),
        sa.Column("invoice_uuid", sa.String(36), nullable=False),
        sa.Column("reference", sa.String(20), nullable=False),
        sa.Column("amount", sa.Numeric(14, 2), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("transaction_id", sa.String(100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{TRANSFERS}"),
        sa.UniqueConstraint(
            "gateway_uuid", "reference", name=f"uq_{TRANSFERS}_gateway_uuid_reference"
        ),
    )
    op.create_index(f"ix_{TRANSFERS}_invoice_uuid", TRANSFERS, ["invoice_uuid"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table(TRANSFERS)
