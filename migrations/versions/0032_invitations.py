"""Invitations of users by users of a client."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("client_id", Id, nullable=False),
        sa.Column("inviter_id", Id, nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("owner", sa.Boolean(), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name="fk_invitations_client_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["inviter_id"], ["users.id"], name="fk_invitations_inviter_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("client_id", "email", name="uq_invitations_client_id_email"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
        sa.UniqueConstraint("uuid", name="uq_invitations_uuid"),
    )
    op.create_index("ix_invitations_inviter_id", "invitations", ["inviter_id"])


def downgrade() -> None:
    op.drop_table("invitations")
