"""What had been paid on a document before it was issued, and whose taxes it charges."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    prepaid = sa.Column("prepaid_minor", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("documents", prepaid)
    country = sa.Column("country", sa.String(2), nullable=False, server_default="")
    op.add_column("document_taxes", country)


def downgrade() -> None:
    op.drop_column("document_taxes", "country")
    op.drop_column("documents", "prepaid_minor")
