"""Covering indexes for the dashboard's counts and sums of services."""

from __future__ import annotations

from alembic import op

from puqpanel.infra import online_indexes

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ONLINE_INDEXES = {
    "ix_services_revenue": ("services", ("status", "currency", "period", "price_minor")),
    "ix_services_troubled": ("services", ("provision_status", "status", "provision_since")),
}


def upgrade() -> None:
    online_indexes.create(ONLINE_INDEXES)


def downgrade() -> None:
    for name, (table, _columns) in ONLINE_INDEXES.items():
        op.drop_index(name, table_name=table)
