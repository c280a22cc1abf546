"""The rows of bulk actions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import StoredText

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "bulk_items",
        sa.Column("id", Id, nullable=False),
        sa.Column("task_id", Id, nullable=False),
        sa.Column("subject_uuid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("message", StoredText(), nullable=False),
        sa.Column("child_id", Id, nullable=True),
        sa.ForeignKeyConstraint(
            ["task_id"], ["tasks.id"], name=op.f("fk_bulk_items_task_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_items")),
    )
    op.create_index("ix_bulk_items_task_id_state", "bulk_items", ["task_id", "state"])


def downgrade() -> None:
    op.drop_table("bulk_items")
