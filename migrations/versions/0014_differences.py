"""Differences between services and what their providers report."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEX = "ix_services_product_id_observe_at"


def upgrade() -> None:
    op.create_table(
        "service_differences",
        sa.Column("id", Id, nullable=False),
        sa.Column("service_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("answer", EncryptedJSON(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["services.id"],
            name=op.f("fk_service_differences_service_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_differences")),
        sa.UniqueConstraint("service_id", name=op.f("uq_service_differences_service_id")),
    )
    with op.batch_alter_table("services") as batch:
        batch.add_column(sa.Column("observed_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("observe_at", UtcDateTime(), nullable=True))
    op.create_index(INDEX, "services", ["product_id", "status", "observe_at"])


def downgrade() -> None:
    op.drop_index(INDEX, table_name="services")
    with op.batch_alter_table("services") as batch:
        batch.drop_column("observe_at")
        batch.drop_column("observed_at")
    op.drop_table("service_differences")
