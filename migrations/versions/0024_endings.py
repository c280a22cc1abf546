"""Requests to end services."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "endings",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("service_id", Id, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name="fk_endings_service_id"),
        sa.PrimaryKeyConstraint("id", name="pk_endings"),
        sa.UniqueConstraint("service_id", "live", name="uq_endings_service_id_live"),
        sa.UniqueConstraint("uuid", name="uq_endings_uuid"),
    )
    op.create_index("ix_endings_status_ends_on", "endings", ["status", "ends_on"])


def downgrade() -> None:
    op.drop_table("endings")
