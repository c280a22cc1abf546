"""The tax of a document in the national currency of its company."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("converted_tax", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("documents", "converted_tax")
