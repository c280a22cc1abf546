"""The number of times that the public link of a document was renewed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("documents") as table:
        table.add_column(
            sa.Column("link_renewals", sa.Integer(), nullable=False, server_default="0")
        )
    with op.batch_alter_table("documents") as table:
        table.alter_column("link_renewals", existing_type=sa.Integer(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("documents") as table:
        table.drop_column("link_renewals")
