"""Server groups, servers and accounts."""

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import EncryptedText, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PREFIX = "mod_product_puqnextcloud_"
GROUPS, SERVERS, ACCOUNTS = f"{PREFIX}server_groups", f"{PREFIX}servers", f"{PREFIX}accounts"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        GROUPS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("allocation", sa.String(20), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{GROUPS}"),
        sa.UniqueConstraint("name", name=f"uq_{GROUPS}_name"),
    )
    op.create_table(
        SERVERS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("ssl", sa.Boolean(), nullable=False),
        sa.Column("verify_tls", sa.Boolean(), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("password", EncryptedText(), nullable=False),
        sa.Column("max_accounts", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{SERVERS}"),
        sa.UniqueConstraint("name", name=f"uq_{SERVERS}_name"),
        sa.ForeignKeyConstraint(["group_id"], [f"{GROUPS}.id"], name=f"fk_{SERVERS}_group_id"),
    )
    op.create_index(f"ix_{SERVERS}_group_id", SERVERS, ["group_id"])
    op.create_table(
        ACCOUNTS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_uuid", sa.String(36), nullable=False),
        sa.Column("server_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{ACCOUNTS}"),
        sa.UniqueConstraint("service_uuid", name=f"uq_{ACCOUNTS}_service_uuid"),
        sa.UniqueConstraint("server_id", "username", name=f"uq_{ACCOUNTS}_server_id_username"),
        sa.ForeignKeyConstraint(
            ["service_uuid"],
            ["services.uuid"],
            name=f"fk_{ACCOUNTS}_service_uuid",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["server_id"], [f"{SERVERS}.id"], name=f"fk_{ACCOUNTS}_server_id"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (ACCOUNTS, SERVERS, GROUPS):
        op.drop_table(table)
