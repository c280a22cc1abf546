"""Subjects of tasks, problems of modules, and renamed columns and audit actions."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.migrations.filled import FIRST, fill, upgraded

REASONS = {
    "update_failed": ("restricted", "The update to 2.0.0 failed: no"),
    "other_version": ("restricted", "Version 2.0.0 is installed, but 1.0.0 is active."),
    "crashed": ("error", "Importing it crashed the process."),
    "not_loaded": ("error", "config.py has a syntax error."),
    "": ("active", ""),
}
PROBLEMS = tuple(REASONS)
SUBJECTS = (
    ("service", "ModuleJob"),
    ("sender", "NotificationJob"),
    ("module", "HookJob"),
    ("", "MaintenanceJob"),
)
ACTIONS = ("module.let_go_on", "service.provision_status", "service.created")


def test_subjects_problems_and_names(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    values: dict[str, Callable[[int], object]] = {
        "tasks.job": lambda n: SUBJECTS[n % 4][1],
        "tasks.service_uuid": lambda n: f"s{n}" if n % 4 == 0 else "",
        "tasks.module": lambda n: f"Plugin/M{n}" if n % 4 != 3 else "",
        "task_tags.tag": lambda n: f"sender:u{n}" if n % 4 == 1 else "schedule",
        "modules.status": lambda n: REASONS[PROBLEMS[n % 5]][0],
        "modules.reason": lambda n: REASONS[PROBLEMS[n % 5]][1],
        "modules.deadly_files": lambda n: "f" if PROBLEMS[n % 5] == "crashed" else "",
        "audit.action": lambda n: ACTIONS[n % 3],
    }
    with upgraded(engine, "0009", values=values, changed={"audit.action"}):
        with engine.connect() as connection:
            subjects = connection.execute(
                sa.text("SELECT id, subject_type, subject_uuid FROM tasks ORDER BY id")
            ).all()
            problems = connection.execute(sa.text("SELECT id, problem FROM modules")).all()
            actions = set(connection.execute(sa.text("SELECT action FROM audit")).scalars())
        assert len(subjects) == 50
        for n, kind, uuid in subjects:
            expected = {"service": f"s{n}", "sender": f"u{n}", "module": f"Plugin/M{n}", "": ""}
            assert (kind, uuid) == (SUBJECTS[n % 4][0], expected[kind])
        assert all(problem == PROBLEMS[n % 5] for n, problem in problems)
        assert actions == {
            "module.resumed",
            "service.provision_status_changed",
            "service.created",
        }
    engine.dispose()


def test_the_tasks_of_a_subject_are_found_by_index(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    fill(
        engine,
        10_000,
        {
            "tasks.subject_type": lambda _: "service",
            "tasks.subject_uuid": lambda _: "s",
            "tasks.status": lambda _: "queued",
        },
        only={"tasks"},
    )
    query = (
        "SELECT id FROM tasks WHERE subject_type = 'service' AND subject_uuid = 's'"
        " ORDER BY id DESC LIMIT 10"
    )
    with engine.connect() as connection:
        newest = connection.execute(sa.text(query)).scalars().all()
        if engine.dialect.name == "sqlite":
            plan = str(connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}")).all())
            assert "ix_tasks_subject" in plan and "TEMP B-TREE" not in plan
    assert newest == list(range(FIRST + 9_999, FIRST + 9_989, -1))
    engine.dispose()
