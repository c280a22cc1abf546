"""The panel compares amounts itself: a transfer is only what its reference stands for."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TRANSFERS = "mod_payment_samplepayment_transfers"


def upgrade() -> None:
    """Remove the expected amounts."""
    with op.batch_alter_table(TRANSFERS) as table:
        table.drop_column("amount")
        table.drop_column("currency")


def downgrade() -> None:
    """Add them, unknown."""
    with op.batch_alter_table(TRANSFERS) as table:
        table.add_column(sa.Column("amount", sa.Numeric(14, 2), server_default="0", nullable=False))
        table.add_column(sa.Column("currency", sa.String(3), server_default="", nullable=False))
