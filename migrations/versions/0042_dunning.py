"""Steps about unpaid documents. On panels with overdue documents, suspensions are off until staff
switch them on, and nothing is done about what became overdue before.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from puqpanel.infra.db import UtcDateTime

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
KEY = ("subject_type", "subject_uuid", "period", "step")
OFF = {
    "automation.suspensions": "false",
    "automation.cancel_orders_days": "0",
    "automation.last_run": "2000-01-01T00:00:00+00:00",  # so that the first run asks staff
}
SETTINGS = sa.table("settings", sa.column("name"), sa.column("value"))
DOCUMENTS = sa.table(
    "documents", *(sa.column(name) for name in ("id", "uuid", "status", "due_on"))
)


def upgrade() -> None:
    steps = op.create_table(
        "steps",
        sa.Column("id", ID, nullable=False),
        sa.Column("subject_type", sa.String(40), nullable=False),
        sa.Column("subject_uuid", sa.String(36), nullable=False),
        sa.Column("period", sa.String(40), nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document_id", ID),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_steps_document_id"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.UniqueConstraint(*KEY, name="uq_steps_" + "_".join(KEY)),
    )
    op.create_index("ix_steps_document_id", "steps", ["document_id"])
    op.create_index("ix_steps_step_ended_at", "steps", ["step", "ended_at"])
    op.create_index("ix_steps_step_day", "steps", ["step", "day"])
    op.create_table(
        "stopped_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("live", sa.Boolean()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime()),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stopped_runs"),
        sa.UniqueConstraint("uuid", name="uq_stopped_runs_uuid"),
        sa.UniqueConstraint("live", name="uq_stopped_runs_live"),
    )
    moment = datetime.now(UTC)
    overdue = (
        DOCUMENTS.c.status.in_(("issued", "partly_paid")),
        DOCUMENTS.c.due_on < moment.date(),
    )
    connection = op.get_bind()
    if connection.scalar(sa.select(DOCUMENTS.c.id).where(*overdue).limit(1)) is None:
        return
    op.bulk_insert(SETTINGS, [{"name": name, "value": value} for name, value in OFF.items()])
    values = (
        *(sa.literal("document"), DOCUMENTS.c.uuid, sa.literal(""), sa.literal("overdue")),
        *(sa.literal(moment.date(), sa.Date()), sa.literal(""), DOCUMENTS.c.id),
        sa.literal(moment, UtcDateTime()),
    )
    columns = (
        *KEY,
        *("day", "reason", "document_id", "created_at"),
    )
    op.execute(steps.insert().from_select(columns, sa.select(*values).where(*overdue)))


def downgrade() -> None:
    op.execute(SETTINGS.delete().where(SETTINGS.c.name.in_(OFF)))
    op.drop_table("stopped_runs")
    op.drop_table("steps")
