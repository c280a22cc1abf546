"""The subject of tasks, why a module is unavailable, and names of columns and audit actions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import DATETIME

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(DATETIME(fsp=6), "mysql", "mariadb")
MODULE_COLUMNS = {
    "strikes": ("failure_count", sa.Integer(), False),
    "struck_at": ("last_failure_at", MOMENT, True),
    "failing": ("circuit_open_reason", sa.Text(), False),
    "failing_since": ("circuit_opened_at", MOMENT, True),
    "deadly_files": ("crashed_files", sa.String(64), False),
}
ACTIONS = {
    "module.let_go_on": "module.resumed",
    "service.provision_status": "service.provision_status_changed",
}
TASKS = sa.table(
    "tasks",
    *(sa.column(name) for name in ("id", "job", "module", "service_uuid")),
    *(sa.column(name) for name in ("subject_type", "subject_uuid")),
)
TAGS = sa.table("task_tags", sa.column("task_id"), sa.column("tag", sa.String))
MODULES = sa.table(
    "modules",
    *(sa.column(name, sa.String) for name in ("status", "problem", "reason", "crashed_files")),
)


def upgrade() -> None:
    with op.batch_alter_table("tasks") as batch:
        batch.add_column(
            sa.Column("subject_type", sa.String(40), nullable=False, server_default="")
        )
        batch.add_column(
            sa.Column("subject_uuid", sa.String(120), nullable=False, server_default="")
        )
    _fill_subjects()
    op.drop_index("ix_tasks_service_uuid_id", table_name="tasks")
    with op.batch_alter_table("tasks") as batch:
        batch.drop_column("service_uuid")
    op.create_index("ix_tasks_subject", "tasks", ["subject_type", "subject_uuid", "id"])
    with op.batch_alter_table("modules") as batch:
        for old, (new, kind, nullable) in MODULE_COLUMNS.items():
            batch.alter_column(
                old, new_column_name=new, existing_type=kind, existing_nullable=nullable
            )
        batch.add_column(sa.Column("problem", sa.String(40), nullable=False, server_default=""))
    _fill_problems()
    _rename_actions(ACTIONS)


def downgrade() -> None:
    _rename_actions({new: old for old, new in ACTIONS.items()})
    with op.batch_alter_table("modules") as batch:
        batch.drop_column("problem")
        for old, (new, kind, nullable) in MODULE_COLUMNS.items():
            batch.alter_column(
                new, new_column_name=old, existing_type=kind, existing_nullable=nullable
            )
    with op.batch_alter_table("tasks") as batch:
        batch.add_column(
            sa.Column("service_uuid", sa.String(36), nullable=False, server_default="")
        )
    op.execute(
        TASKS.update()
        .where(TASKS.c.subject_type == "service")
        .values(service_uuid=TASKS.c.subject_uuid)
    )
    op.drop_index("ix_tasks_subject", table_name="tasks")
    with op.batch_alter_table("tasks") as batch:
        batch.drop_column("subject_uuid")
        batch.drop_column("subject_type")
    op.create_index("ix_tasks_service_uuid_id", "tasks", ["service_uuid", "id"])


def _fill_subjects() -> None:
    sender = (
        sa.select(sa.func.min(sa.func.substr(TAGS.c.tag, len("sender:") + 1)))
        .where(TAGS.c.task_id == TASKS.c.id, TAGS.c.tag.like("sender:%"))
        .scalar_subquery()
    )
    for condition, kind, uuid in (
        (TASKS.c.service_uuid != "", "service", TASKS.c.service_uuid),
        (TASKS.c.job == "NotificationJob", "sender", sa.func.coalesce(sender, "")),
        (TASKS.c.module != "", "module", TASKS.c.module),
    ):
        op.execute(
            TASKS.update()
            .where(TASKS.c.subject_uuid == "", condition)
            .values(subject_type=kind, subject_uuid=uuid)
        )


def _fill_problems() -> None:
    columns = MODULES.c
    restricted = columns.status == "restricted"
    problem = sa.case(
        (sa.and_(restricted, columns.reason.like("The update to %")), "update_failed"),
        (restricted, "other_version"),
        (sa.and_(columns.reason != "", columns.crashed_files != ""), "crashed"),
        (columns.reason != "", "not_loaded"),
        else_="",
    )
    op.execute(MODULES.update().values(problem=problem))


def _rename_actions(names: dict[str, str]) -> None:
    audit = sa.table("audit", sa.column("action", sa.String))
    for old, new in names.items():
        op.execute(audit.update().where(audit.c.action == old).values(action=new))
