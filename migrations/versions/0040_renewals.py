"""An index for services whose next period is to be charged."""

from __future__ import annotations

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

NAME = "ix_services_status_paid_until"


def upgrade() -> None:
    op.create_index(NAME, "services", ["status", "paid_until"])


def downgrade() -> None:
    op.drop_index(NAME, "services")
