"""Accounts, servers and images, with the initial images."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import EncryptedText, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PREFIX = "mod_product_vpshosting_"
ACCOUNTS, SERVERS, IMAGES = f"{PREFIX}accounts", f"{PREFIX}servers", f"{PREFIX}images"
# family, version, display name
SEEDED = (
    ("ubuntu", "20.04", "Ubuntu 20.04 LTS"),
    ("ubuntu", "22.04", "Ubuntu 22.04 LTS"),
    ("ubuntu", "24.04", "Ubuntu 24.04 LTS"),
    ("debian", "11", "Debian 11"),
    ("debian", "12", "Debian 12"),
    ("debian", "13", "Debian 13"),
    ("centos-stream", "9", "CentOS Stream 9"),
    ("rockylinux", "9", "Rocky Linux 9"),
    ("almalinux", "9", "AlmaLinux 9"),
)


def upgrade() -> None:
    """Create the tables and insert the initial images."""
    op.create_table(
        ACCOUNTS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("api_url", sa.String(253), nullable=False),
        sa.Column("api_token", EncryptedText(), nullable=False),
        sa.Column("max_servers", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{ACCOUNTS}"),
        sa.UniqueConstraint("name", name=f"uq_{ACCOUNTS}_name"),
    )
    op.create_table(
        SERVERS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("service_uuid", sa.String(36), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(20), nullable=True),
        sa.Column("ip_address", sa.String(45), nullable=True),
        sa.Column("hostname", sa.String(253), nullable=False),
        sa.Column("root_password", EncryptedText(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("region", sa.String(20), nullable=False),
        sa.Column("size", sa.String(60), nullable=False),
        sa.Column("image", sa.String(100), nullable=False),
        sa.Column("server_specs", sa.JSON(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("action_id", sa.String(20), nullable=True),
        sa.Column("action_type", sa.String(30), nullable=False),
        sa.Column("action_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{SERVERS}"),
        sa.UniqueConstraint("service_uuid", name=f"uq_{SERVERS}_service_uuid"),
        sa.ForeignKeyConstraint(
            ["service_uuid"],
            ["services.uuid"],
            name=f"fk_{SERVERS}_service_uuid",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], [f"{ACCOUNTS}.id"], name=f"fk_{SERVERS}_account_id"
        ),
    )
    op.create_index(f"ix_{SERVERS}_account_id", SERVERS, ["account_id"])
    op.create_index(f"ix_{SERVERS}_service_uuid", SERVERS, ["service_uuid", "status"])
    images = op.create_table(
        IMAGES,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.String(80), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("os_family", sa.String(60), nullable=False),
        sa.Column("version", sa.String(40), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{IMAGES}"),
        sa.UniqueConstraint("image_id", name=f"uq_{IMAGES}_image_id"),
        sa.UniqueConstraint("slug", name=f"uq_{IMAGES}_slug"),
    )
    created_at = datetime.now(UTC)
    op.bulk_insert(
        images,
        [
            {
                "image_id": f"{family}-{version}",
                "slug": f"{family}-{version.replace('.', '-')}-x64",
                "name": name,
                "os_family": family,
                "version": version,
                "active": True,
                "offered": True,
                "created_at": created_at,
                "updated_at": created_at,
            }
            for family, version, name in SEEDED
        ],
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (SERVERS, IMAGES, ACCOUNTS):
        op.drop_table(table)
