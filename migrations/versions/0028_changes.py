"""Changes of services, and charges of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = ["service_id", "kind", "period_start"]
OLD, NEW = "uq_charges_service_id_kind_period_start_live", "uq_charges_live"


def upgrade() -> None:
    op.create_table(
        "service_changes",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("service_id", Id, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("product_id", Id, nullable=False),
        sa.Column("price_id", Id, nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("selection", sa.JSON(), nullable=False),
        sa.Column("anchored_on", sa.Date(), nullable=True),
        sa.Column("paid_until", sa.Date(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("document_id", Id, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.String(200), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name="fk_service_changes_document_id"
        ),
        sa.ForeignKeyConstraint(["price_id"], ["prices.id"], name="fk_service_changes_price_id"),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_service_changes_product_id"
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name="fk_service_changes_service_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_service_changes"),
        sa.UniqueConstraint("service_id", "live", name="uq_service_changes_live"),
        sa.UniqueConstraint("token", name="uq_service_changes_token"),
        sa.UniqueConstraint("uuid", name="uq_service_changes_uuid"),
    )
    op.create_index("ix_service_changes_status_id", "service_changes", ["status", "id"])
    op.create_index("ix_service_changes_document_id", "service_changes", ["document_id"])
    with op.batch_alter_table("charges") as table:
        table.add_column(
            sa.Column("change_uuid", sa.String(36), nullable=False, server_default="")
        )
        # the new key first: MariaDB needs one that begins with the foreign key
        table.create_unique_constraint(NEW, [*KEY, "change_uuid", "live"])
        table.drop_constraint(OLD, type_="unique")
    with op.batch_alter_table("charges") as table:
        table.alter_column("change_uuid", existing_type=sa.String(36), server_default=None)


def downgrade() -> None:
    op.execute(
        sa.text("UPDATE charges SET live = NULL WHERE change_uuid <> ''")
    )  # two changes of a day would share a key
    with op.batch_alter_table("charges") as table:
        table.create_unique_constraint(OLD, [*KEY, "live"])
        table.drop_constraint(NEW, type_="unique")
        table.drop_column("change_uuid")
    op.drop_table("service_changes")
