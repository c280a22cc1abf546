"""Checks, results, outages and settings."""

import sqlalchemy as sa
from alembic import op

from puqpanel.sdk import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PREFIX = "mod_plugin_servermonitoring_"
CHECKS, OUTAGES, RESULTS, SUMMARIES, SETTINGS = (
    PREFIX + name for name in ("checks", "outages", "results", "summaries", "settings")
)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        CHECKS,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("type", sa.String(10), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("client_uuid", sa.String(36), nullable=True),
        sa.Column("service_uuid", sa.String(36), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("state_since", UtcDateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("slow", sa.Boolean(), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=True),
        sa.Column("response_time", sa.Integer(), nullable=True),
        sa.Column("error_message", sa.String(300), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{CHECKS}"),
        sa.ForeignKeyConstraint(
            ["client_uuid"], ["clients.uuid"], name=f"fk_{CHECKS}_client_uuid", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["service_uuid"],
            ["services.uuid"],
            name=f"fk_{CHECKS}_service_uuid",
            ondelete="SET NULL",
        ),
    )
    op.create_index(f"ix_{CHECKS}_due", CHECKS, ["active", "slow", "next_at"])
    op.create_index(f"ix_{CHECKS}_name_id", CHECKS, ["name", "id"])
    op.create_index(f"ix_{CHECKS}_state", CHECKS, ["active", "state", "name", "id"])
    op.create_index(f"ix_{CHECKS}_client_uuid", CHECKS, ["client_uuid"])
    op.create_index(f"ix_{CHECKS}_service_uuid", CHECKS, ["service_uuid"])
    op.create_table(
        OUTAGES,
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("ended_by", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{OUTAGES}"),
        sa.ForeignKeyConstraint(
            ["check_id"], [f"{CHECKS}.id"], name=f"fk_{OUTAGES}_check_id", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{OUTAGES}_check_id_id", OUTAGES, ["check_id", "id"])
    op.create_index(f"ix_{OUTAGES}_ended_at", OUTAGES, ["ended_at", "id"])
    op.create_table(
        RESULTS,
        sa.Column("id", BIG, nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.Boolean(), nullable=True),
        sa.Column("response_time", sa.Integer(), nullable=True),
        sa.Column("error_message", sa.String(300), nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{RESULTS}"),
        sa.ForeignKeyConstraint(
            ["check_id"], [f"{CHECKS}.id"], name=f"fk_{RESULTS}_check_id", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{RESULTS}_check_id_checked_at", RESULTS, ["check_id", "checked_at"])
    op.create_index(f"ix_{RESULTS}_checked_at", RESULTS, ["checked_at", "id"])
    op.create_table(
        SUMMARIES,
        sa.Column("id", BIG, nullable=False),
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("grain", sa.String(5), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("up", sa.Integer(), nullable=False),
        sa.Column("down", sa.Integer(), nullable=False),
        sa.Column("unable", sa.Integer(), nullable=False),
        sa.Column("response_sum", sa.BigInteger(), nullable=False),
        sa.Column("response_max", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{SUMMARIES}"),
        sa.UniqueConstraint("check_id", "grain", "starts_at", name=f"uq_{SUMMARIES}_slot"),
        sa.ForeignKeyConstraint(
            ["check_id"], [f"{CHECKS}.id"], name=f"fk_{SUMMARIES}_check_id", ondelete="CASCADE"
        ),
    )
    op.create_index(f"ix_{SUMMARIES}_grain_starts_at", SUMMARIES, ["grain", "starts_at", "id"])
    op.create_table(
        SETTINGS,
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("raw_days", sa.Integer(), nullable=False),
        sa.Column("hour_days", sa.Integer(), nullable=False),
        sa.Column("day_days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{SETTINGS}"),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in (SETTINGS, SUMMARIES, RESULTS, OUTAGES, CHECKS):
        op.drop_table(table)
