"""Configured instances, the schedule of modules, and what is remembered of a module that fails."""

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("data", EncryptedJSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("uuid", name=op.f("uq_instances_uuid")),
    )
    op.create_index("ix_instances_type_position", "instances", ["type", "position"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("module", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("shape", sa.String(length=120), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("ran_at", UtcDateTime(), nullable=True),
        sa.Column("task_id", sa.Integer(), nullable=True),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule")),
        sa.UniqueConstraint("module", "name", name=op.f("uq_schedule_module_name")),
    )
    op.create_index(op.f("ix_schedule_due_at"), "schedule", ["due_at"], unique=False)
    op.create_index("ix_tasks_status_ended_at", "tasks", ["status", "ended_at"], unique=False)
    op.create_index(op.f("ix_services_created_at"), "services", ["created_at"], unique=False)
    op.create_index(op.f("ix_services_terminated_at"), "services", ["terminated_at"], unique=False)
    with op.batch_alter_table("modules") as batch:
        batch.add_column(sa.Column("strikes", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("struck_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("failing", sa.Text(), nullable=True))
        batch.add_column(sa.Column("failing_since", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("deadly_files", sa.String(length=64), nullable=False, server_default=""))
    op.execute("UPDATE modules SET failing = ''")
    with op.batch_alter_table("modules") as batch:
        # MySQL takes no default for a text: filled first, required after
        batch.alter_column("failing", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("modules") as batch:
        for name in ("deadly_files", "failing_since", "failing", "struck_at", "strikes"):
            batch.drop_column(name)
    op.drop_index(op.f("ix_services_terminated_at"), table_name="services")
    op.drop_index(op.f("ix_services_created_at"), table_name="services")
    op.drop_index("ix_tasks_status_ended_at", table_name="tasks")
    op.drop_index(op.f("ix_schedule_due_at"), table_name="schedule")
    op.drop_table("schedule")
    op.drop_index("ix_instances_type_position", table_name="instances")
    op.drop_table("instances")
