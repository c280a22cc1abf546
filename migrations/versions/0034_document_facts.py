"""What had been paid on a document before it was issued."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    prepaid = sa.Column("prepaid_minor", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("documents", prepaid)


def downgrade() -> None:
    op.drop_column("documents", "prepaid_minor")
