"""Servers and server groups."""

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import EncryptedText, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GROUPS, SERVERS = (
    "mod_product_mycloudservice_cloud_server_groups",
    "mod_product_mycloudservice_cloud_servers",
)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        GROUPS,
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.String(500), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name=f"pk_{GROUPS}"),
        sa.UniqueConstraint("name", name=f"uq_{GROUPS}_name"),
    )
    op.create_table(
        SERVERS,
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("group_uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("username", sa.String(200), nullable=False),
        sa.Column("password", EncryptedText(), nullable=False),
        sa.Column("api_key", EncryptedText(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("ssl", sa.Boolean(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("max_accounts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("uuid", name=f"pk_{SERVERS}"),
        sa.UniqueConstraint("name", name=f"uq_{SERVERS}_name"),
        sa.ForeignKeyConstraint(
            ["group_uuid"], [f"{GROUPS}.uuid"], name=f"fk_{SERVERS}_group_uuid"
        ),
    )
    op.create_index(f"ix_{SERVERS}_active", SERVERS, ["active", "group_uuid"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table(SERVERS)
    op.drop_table(GROUPS)
