"""Sessions as rows; everyone signs in again."""

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", Id, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("area", sa.String(length=40), nullable=False),
        sa.Column("staff_id", Id, nullable=True),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("impersonator_id", Id, nullable=True),
        sa.Column("parent_id", Id, nullable=True),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=40), nullable=True),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("user_agent", sa.String(length=300), nullable=False),
        sa.Column("draft", EncryptedJSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_sessions_staff_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["impersonator_id"],
            ["staff.id"],
            name=op.f("fk_sessions_impersonator_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["sessions.id"], name=op.f("fk_sessions_parent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
        sa.UniqueConstraint("uuid", name=op.f("uq_sessions_uuid")),
    )
    for columns in (
        ["staff_id", "ended_at", "id"],
        ["user_id", "ended_at", "id"],
        ["ended_at"],
        ["parent_id"],
        ["impersonator_id"],
    ):
        op.create_index(op.f(f"ix_sessions_{'_'.join(columns)}"), "sessions", columns, unique=False)
    for table in ("staff", "users"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("epoch")


def downgrade() -> None:
    for table in ("staff", "users"):
        with op.batch_alter_table(table) as batch:
            batch.add_column(sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"))
    op.drop_table("sessions")
