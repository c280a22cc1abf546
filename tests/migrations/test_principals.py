"""Principals in the audit log and on tasks; permissions of users as view and manage."""

from __future__ import annotations

import json
from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra.db import engine_for
from tests.conftest import BACKEND
from tests.migrations.filled import FIRST, upgraded

OLD = (["services"], ["invoices", "profile"], [], ["services", "support", "unknown"])
NEW = (
    ["services.view", "services.manage"],
    ["billing.view", "billing.manage", "profile.view", "profile.manage"],
    [],
    ["services.view", "services.manage", "support.view", "support.manage", "unknown"],
)
KINDS = ("staff", "system", "user", "cli")
KIND_COLUMNS = {"audit.actor_kind", "tasks.actor_kind", "module_log.actor_kind"}


def test_kinds_and_permissions_are_converted(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())

    def permissions(number: int) -> object:
        keys = OLD[number % len(OLD)]
        return json.dumps(keys) if BACKEND == "mariadb" else keys

    values = dict.fromkeys(KIND_COLUMNS, lambda number: KINDS[number % len(KINDS)])
    values["client_users.permissions"] = permissions  # type: ignore[assignment]
    changed = {*KIND_COLUMNS, "client_users.permissions"}
    with (
        upgraded(engine, "0006", rows=20, values=values, changed=changed),
        engine.connect() as connection,
    ):
        for table in ("audit", "tasks", "module_log"):
            kinds = connection.scalars(sa.text(f"SELECT actor_kind FROM {table} ORDER BY id")).all()
            expected = [KINDS[n % 4].replace("system", "automation") for n in range(FIRST, 30)]
            assert kinds == expected, table
        query = sa.text("SELECT permissions FROM client_users ORDER BY client_id")
        stored = connection.scalars(query.columns(permissions=sa.JSON)).all()
        assert stored == [NEW[number % 4] for number in range(FIRST, 30)]
        ips = sa.text("SELECT ip, impersonator_id, impersonator_name FROM tasks")
        assert set(connection.execute(ips)) == {("", None, "")}
    engine.dispose()
