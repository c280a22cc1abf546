"""Ids of 64 bits, and the collation of texts in MariaDB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate
from puqpanel.infra.db import Model, engine_for
from puqpanel.infra.migrate import PANEL, MigrationError
from tests.conftest import BACKEND
from tests.migrations.filled import fill, tables, upgraded
from tests.migrations.test_migrations import module_tree

BIG = 2**31 + 5
CLIENT = {"email": "a@x", "name": "A", "company": "", "country": "", "currency": "EUR"}
only_mariadb = pytest.mark.skipif(BACKEND != "mariadb", reason="only MariaDB has collations")


def _as_before(engine: sa.Engine, charset: str, collation: str) -> None:
    """Give the database and its tables the collation that the server's default gave them."""
    if BACKEND != "mariadb":
        return
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE CHARACTER SET {charset} COLLATE {collation}")
        for name in sa.inspect(connection).get_table_names():
            connection.exec_driver_sql(
                f"ALTER TABLE {name} CONVERT TO CHARACTER SET {charset} COLLATE {collation}"
            )
    engine.dispose()  # a connection keeps the default that it has read


def create_module_table(engine: sa.Engine) -> None:
    """Create a table as a module has created it before the migration, with a row."""
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        connection.exec_driver_sql(
            "CREATE TABLE mod_test_a (id INTEGER PRIMARY KEY, service VARCHAR(36),"
            " FOREIGN KEY (service) REFERENCES services (uuid) ON DELETE CASCADE)"
        )
    _refer(engine, "mod_test_a", _service(engine))


def _service(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        return str(connection.scalar(sa.text("SELECT MIN(uuid) FROM services")))


@pytest.mark.parametrize(
    ("charset", "collation", "rows"),
    [
        ("utf8mb4", "utf8mb4_general_ci", 1_000),
        pytest.param("latin1", "latin1_swedish_ci", 50, marks=only_mariadb),
    ],
)
def test_rows_of_each_table_are_kept(
    new_database: Callable[[], str], tmp_path: Path, charset: str, collation: str, rows: int
) -> None:
    engine = engine_for(new_database())

    def prepare() -> None:
        _as_before(engine, charset, collation)
        create_module_table(engine)

    with upgraded(engine, "0003", rows=rows, prepare=prepare):
        _ids_have_64_bits(engine)
        _modules_refer_to_services(engine, tmp_path)
    engine.dispose()


def _ids_have_64_bits(engine: sa.Engine) -> None:
    fill(engine, 1, first=BIG)
    clients = next(table for table in tables(engine) if table.name == "clients")
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        row = connection.execute(clients.select().where(clients.c.id == BIG)).mappings().one()
        if BACKEND == "postgresql":
            connection.exec_driver_sql(f"SELECT setval('clients_id_seq', {BIG + 1})")
        numbered = {key: value for key, value in row.items() if key != "id"} | {"uuid": "next"}
        key = connection.execute(clients.insert().values(numbered)).inserted_primary_key
        assert key is not None and key[0] > BIG
        member = connection.execute(sa.text("SELECT MAX(client_id) FROM client_users")).scalar()
        assert member == BIG
    if BACKEND != "sqlite":
        with pytest.raises(MigrationError, match="64 bits"):
            migrate.downgrade(engine, PANEL, "0002")
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        for table in reversed(tables(engine)):
            if BACKEND == "postgresql" and table.name == "clients":
                connection.exec_driver_sql("SELECT setval('clients_id_seq', 100000)")
            first = next(iter(table.primary_key.columns))
            if isinstance(first.type, sa.Integer):
                connection.execute(table.delete().where(first >= BIG))
            else:
                connection.execute(table.delete().where(first == f"{BIG} é"))


def _modules_refer_to_services(engine: sa.Engine, folder: Path) -> None:
    tree = module_tree(
        folder / "migrations",
        'op.create_table("mod_test_b", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("service", sa.String(36), sa.ForeignKey("services.uuid")))',
    )
    migrate.upgrade(engine, tree)
    for table in ("mod_test_a", "mod_test_b"):
        with pytest.raises(sa.exc.IntegrityError):
            _refer(engine, table, "none")
    _refer(engine, "mod_test_b", _service(engine))
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        connection.exec_driver_sql("DROP TABLE mod_test_b")
        rules = sa.inspect(connection).get_foreign_keys("mod_test_a")
        assert [rule["options"].get("ondelete") for rule in rules] == ["CASCADE"]
        assert connection.scalar(sa.text("SELECT COUNT(*) FROM mod_test_a")) == 1


def _refer(engine: sa.Engine, table: str, service: str) -> None:
    with engine.connect().execution_options(panel_write=True) as connection, connection.begin():
        connection.execute(
            sa.text(f"INSERT INTO {table} (id, service) VALUES (1, :uuid)"), {"uuid": service}
        )


def test_every_id_of_the_models_has_64_bits() -> None:
    for table in Model.metadata.tables.values():
        for column in table.columns:
            is_id = column.name == "id" or column.name.endswith("_id")
            if is_id and isinstance(column.type, sa.Integer):
                assert isinstance(column.type, sa.BigInteger), f"{column}"


@only_mariadb
def test_texts_are_compared_exactly_in_mariadb(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    with engine.connect() as connection:
        collations = connection.execute(
            sa.text(
                "SELECT DISTINCT collation_name FROM information_schema.columns"
                " WHERE table_schema = DATABASE() AND collation_name IS NOT NULL"
            )
        ).scalars()
        assert list(collations) == [migrate.COLLATION]
    users = next(table for table in tables(engine) if table.name == "users")
    fill(engine, 1)
    with engine.begin() as connection:
        row = dict(connection.execute(users.select()).mappings().one())
        for number, email in enumerate(("a@x", "A@x", "é@x", "e@x"), row["id"] + 1):
            row |= {"id": number, "uuid": f"{number}", "email": email}
            connection.execute(users.insert().values(row))
    engine.dispose()
