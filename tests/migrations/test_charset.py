"""Texts in MariaDB have four bytes for a character, whatever the defaults of the server are."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal
from puqpanel.host.context import Context, entered
from puqpanel.infra import migrate
from puqpanel.infra.db import db, engine_for, release, session, transaction
from puqpanel.infra.migrate import COLLATION
from puqpanel.models import Service
from puqpanel.operations.system import keys
from puqpanel.sdk.compat import DB, Schema
from tests import servers
from tests.conftest import BACKEND, REQUIRED
from tests.migrations.test_migrations import module_tree
from tests.sample import make_service

pytestmark = [
    pytest.mark.mariadb,
    pytest.mark.skipif(BACKEND != "mariadb", reason="only MariaDB has character sets"),
]
EMOJI = "Zoë 🎉 Łódź"


@pytest.fixture(scope="module")
def new_database(keys_dir: Path) -> Iterator[Callable[..., str]]:
    """Databases of a server whose default is latin1, and whose URL asks for latin1 too."""
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:
        try:
            base = stack.enter_context(servers.mariadb("latin1"))
        except servers.Missing as missing:
            if BACKEND in REQUIRED:
                raise
            pytest.skip(f"no {missing} on this machine")
        admin = sa.create_engine(base, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

        def make(_name: str = "") -> str:
            name = f"panel_{next(numbers)}"
            with admin.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
            address = base.set(database=name, query={"charset": "latin1"})
            url = address.render_as_string(hide_password=False)
            migrate.upgrade(engine_for(url))
            keys.plant_canary(url)
            return url

        yield make


def _engine() -> sa.Engine:
    return db.engine


def _collations(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT collation_name FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
            " UNION SELECT table_collation FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_collation IS NOT NULL"
        )
        return set(rows.scalars())


def _servers(table: Any) -> None:
    table.id()
    table.string("name").unique()
    table.text("notes").nullable()
    table.json("data").nullable()
    table.uuid("service_uuid").nullable()
    table.foreign("service_uuid").references("uuid").on("services")


def test_the_panel_stores_an_emoji(panel: Panel, staff: Principal) -> None:
    service = make_service(staff, module="")
    with transaction():
        service.name, service.admin_label = EMOJI, EMOJI
    session().expire_all()
    found = session().scalar(sa.select(Service).where(Service.name == EMOJI))
    assert found is not None and found.id == service.id
    assert _collations(_engine()) == {COLLATION}


@pytest.mark.parametrize("default", ["", "latin1"])
def test_tables_of_modules_store_an_emoji(panel: Panel, tmp_path: Path, default: str) -> None:
    """Also if the default of the database was changed after the migration, as by a restore."""
    if default:
        with _engine().begin() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE CHARACTER SET {default}")
        _engine().dispose()
    with entered(Context("Product", "Cloud")):
        Schema.create("servers", _servers)
        Schema.table("servers", lambda table: table.string("label").default(""))
        DB.table("servers").insert({"name": EMOJI, "notes": EMOJI, "data": [EMOJI], "label": EMOJI})
        row = DB.table("servers").where("name", EMOJI).first()
        assert (row.name, row.notes, row.label) == (EMOJI, EMOJI, EMOJI)
        release()
    tree = module_tree(
        tmp_path / "migrations",
        'op.create_table("mod_test_a", sa.Column("name", sa.String(90), primary_key=True))',
    )
    migrate.upgrade(_engine(), tree)
    with _engine().begin() as connection:
        connection.execute(sa.text("INSERT INTO mod_test_a VALUES (:name)"), {"name": EMOJI})
        assert connection.scalar(sa.text("SELECT name FROM mod_test_a")) == EMOJI
        assert connection.scalar(sa.text("SELECT @@character_set_client")) == "utf8mb4"
    assert _collations(_engine()) == {COLLATION}
