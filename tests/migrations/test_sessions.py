"""The migration to sessions as rows keeps all accounts, both ways."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import Model, engine_for
from puqpanel.infra.migrate import PANEL

BEFORE = "0002"
STAFF = (
    "INSERT INTO staff (id, uuid, email, name, password_hash, active, epoch, created_at)"
    " VALUES (:id, :uuid, :email, 'Ann', 'x', :yes, 7, '2026-01-01 00:00:00')"
)
ROLE = (
    "INSERT INTO roles (id, uuid, name, permissions, created_at)"
    " VALUES (1, 'r1', 'Desk', '[]', '2026-01-01 00:00:00')"
)


def test_accounts_and_their_roles_survive(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, BEFORE)
    people = [{"id": n, "uuid": f"s{n}", "email": f"{n}@panel.test", "yes": True} for n in (1, 2)]
    with engine.begin() as connection:
        connection.execute(sa.text(STAFF), people)
        connection.execute(sa.text(STAFF.replace("INTO staff", "INTO users")), people)
        connection.execute(sa.text(ROLE))
        connection.exec_driver_sql("INSERT INTO staff_roles (staff_id, role_id) VALUES (1, 1)")
    migrate.upgrade(engine)
    assert migrate.differences(engine, Model.metadata) == []
    for down in (False, True):
        if down:
            migrate.downgrade(engine, PANEL, BEFORE)
        with engine.connect() as connection:
            for table, count in (("staff", 2), ("users", 2), ("staff_roles", 1)):
                query = sa.select(sa.func.count()).select_from(sa.table(table))
                assert connection.scalar(query) == count, (table, down)
    migrate.upgrade(engine)
    engine.dispose()
