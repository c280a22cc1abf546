"""Covering indexes for the dashboard's counts and sums of services."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_services_revenue": ["status", "currency", "period", "price_minor"],
    "ix_services_troubled": ["provision_status", "status", "provision_since"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "services", columns)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name="services")
