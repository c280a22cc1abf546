"""Indexes of revisions are made without blocking writes on PostgreSQL, and again if one failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate, online_indexes
from puqpanel.infra.db import Model, engine_for
from puqpanel.infra.migrate import PANEL
from tests.conftest import BACKEND
from tests.migrations.filled import fill

pytestmark = pytest.mark.skipif(BACKEND != "postgresql", reason="PostgreSQL only")
NAMES = {"ix_services_revenue", "ix_services_troubled"}
ONES = {
    "ix_services_revenue": ("services", ("status", "currency", "period", "price_minor")),
    "ix_services_troubled": ("services", ("provision_status", "status", "provision_since")),
}
WRITE = sa.text("UPDATE services SET name = name || '!' WHERE id = :id")


@pytest.fixture
def before(new_database: Callable[[], str]) -> Iterator[sa.Engine]:
    """A database with rows, at the revision before the indexes."""
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL, "0017")
    fill(engine, 20)
    yield engine
    engine.dispose()


def valid(engine: sa.Engine) -> set[str]:
    query = sa.text(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indisvalid AND i.indrelid = 'services'::regclass"
    )
    with engine.connect() as connection:
        return NAMES & set(connection.scalars(query))


def waiting(engine: sa.Engine) -> bool:
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'"
    )
    with engine.connect() as connection:
        return bool(connection.scalar(query))


def test_others_write_while_an_index_is_made(before: sa.Engine) -> None:
    upgrade = threading.Thread(target=migrate.upgrade, args=(before,))
    with before.connect() as busy:
        busy.execute(WRITE, {"id": 10})
        upgrade.start()  # waits for the transaction that has written
        deadline = time.monotonic() + 60
        while not waiting(before) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert waiting(before)
        with before.connect() as other:
            other.exec_driver_sql("SET LOCAL lock_timeout = '20s'")
            other.execute(WRITE, {"id": 11})
            other.commit()
        assert upgrade.is_alive()
        busy.commit()
    upgrade.join(60)
    assert valid(before) == NAMES
    assert not migrate.pending(before)
    assert migrate.differences(before, Model.metadata) == []


def test_an_interrupted_run_is_completed(before: sa.Engine) -> None:
    with before.begin() as connection:
        connection.exec_driver_sql("CREATE INDEX ix_services_revenue ON services (status)")
        connection.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'ix_services_revenue'::regclass"
        )
    assert valid(before) == set()
    migrate.upgrade(before)
    assert valid(before) == NAMES
    assert migrate.differences(before, Model.metadata) == []


def test_one_host_waits_for_another_and_makes_what_that_one_left(before: sa.Engine) -> None:
    upgrade = threading.Thread(target=migrate.upgrade, args=(before,))
    with online_indexes.exclusive_connection(before) as other:
        upgrade.start()
        other.exec_driver_sql("CREATE INDEX ix_services_revenue ON services (status)")
        other.exec_driver_sql(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'ix_services_revenue'::regclass"
        )
        upgrade.join(2)
        assert upgrade.is_alive() and valid(before) == set()
    upgrade.join(60)
    assert valid(before) == NAMES
    assert not migrate.pending(before)


def test_two_hosts_upgrade_at_once(before: sa.Engine) -> None:
    hosts = [
        threading.Thread(target=online_indexes.create_declared, args=(before, [ONES])) for _ in "ab"
    ]
    for host in hosts:
        host.start()
    for host in hosts:
        host.join(60)
    assert valid(before) == NAMES
