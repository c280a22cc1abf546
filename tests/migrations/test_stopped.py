"""A migration that stopped half way is completed by the next run, also in MariaDB."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.ddl.impl import DefaultImpl

from puqpanel.infra import migrate
from puqpanel.infra.db import Model, engine_for
from puqpanel.infra.migrate import PANEL, MigrationError, Tree
from puqpanel.infra.settings import ROOT
from tests.conftest import BACKEND
from tests.migrations.filled import compare, fill, snapshot
from tests.migrations.test_keys import create_module_table
from tests.migrations.test_migrations import module_tree

pytestmark = pytest.mark.mariadb
only_mariadb = pytest.mark.skipif(
    BACKEND != "mariadb", reason="other databases roll a migration back"
)


class Stop(Exception):
    """Stands for the end of the process."""


def _interrupted(
    monkeypatch: pytest.MonkeyPatch, engine: sa.Engine, run: Callable[[], None]
) -> int:
    """Run a migration, stopping it after each statement once; return how often."""
    execute, seen = DefaultImpl._exec, set()

    def stop(self: Any, construct: Any, *args: Any, **options: Any) -> Any:
        result = execute(self, construct, *args, **options)
        text = construct if isinstance(construct, str) else str(construct.compile(engine))
        key = (migrate.current(engine), text)
        if key not in seen:
            seen.add(key)
            raise Stop
        return result

    with monkeypatch.context() as patch:
        patch.setattr(DefaultImpl, "_exec", stop)
        for _ in range(1000):
            try:
                run()
            except Stop:
                continue
            return len(seen)
    raise AssertionError("the migration does not end")


@only_mariadb
def test_each_statement_of_the_panel_may_be_the_last(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, whole = engine_for(new_database()), engine_for(new_database())
    for one in (engine, whole):
        migrate.downgrade(one, PANEL, "0002")
        with one.begin() as connection:
            connection.exec_driver_sql("DELETE FROM settings")  # has a random value
        fill(one, 3)
        create_module_table(one)
    migrate.upgrade(whole)
    assert _interrupted(monkeypatch, engine, lambda: migrate.upgrade(engine)) > 50
    assert migrate.differences(engine, Model.metadata) == []
    assert _tables(engine) == _tables(whole)
    compare(snapshot(whole), snapshot(engine))
    assert _interrupted(monkeypatch, engine, lambda: migrate.downgrade(engine, PANEL, "0002")) > 20
    migrate.downgrade(whole, PANEL, "0002")
    assert _tables(engine) == _tables(whole)
    compare(snapshot(whole), snapshot(engine))
    for one in (engine, whole):
        one.dispose()


def _tables(engine: sa.Engine) -> dict[str, list[str]]:
    """Return the sorted lines of the definition of each table."""
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        texts = {
            name: connection.exec_driver_sql(f"SHOW CREATE TABLE {name}").one()[1] for name in names
        }
    return {
        name: sorted(line.rstrip(",") for line in text.splitlines()) for name, text in texts.items()
    }


@only_mariadb
def test_a_killed_upgrade_is_continued(new_database: Callable[[], str]) -> None:
    url = new_database()
    engine = engine_for(url)
    migrate.downgrade(engine, PANEL, "0008")
    fill(engine, 3)
    program = (
        "import os, signal, sys\n"
        "from alembic.ddl.impl import DefaultImpl\n"
        "from puqpanel.infra import migrate\n"
        "from puqpanel.infra.db import engine_for\n"
        "execute = DefaultImpl._exec\n"
        "def kill(self, construct, *args, **options):\n"
        "    execute(self, construct, *args, **options)\n"
        "    if 'service_uuid' in str(construct) and 'DROP' in str(construct).upper():\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "DefaultImpl._exec = kill\n"
        "migrate.upgrade(engine_for(sys.argv[1]))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, url],
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert ended.returncode == -signal.SIGKILL
    assert migrate.current(engine) == "0008"
    migrate.upgrade(engine)
    assert migrate.differences(engine, Model.metadata) == []
    with engine.connect() as connection:
        kinds = connection.scalars(sa.text("SELECT DISTINCT subject_type FROM tasks")).all()
    assert kinds == ["service"]
    engine.dispose()


@only_mariadb
def test_a_stopped_upgrade_can_be_undone(new_database: Callable[[], str], tmp_path: Path) -> None:
    engine = engine_for(new_database())
    tree = module_tree(tmp_path / "migrations", _creating("mod_test_a"), "op.execute('NONSENSE')")
    _replace(tree, 1, "pass", "op.drop_table('mod_test_a')")
    _replace(tree, 2, "op.execute", "op.execute('CREATE TABLE mod_test_b (a INT)'); op.execute")
    _replace(tree, 2, "pass", "op.drop_table('mod_test_b')")
    with pytest.raises(MigrationError, match="NONSENSE"):
        migrate.upgrade(engine, tree)
    assert migrate.current(engine, tree) == "1"
    with pytest.raises(MigrationError, match="NONSENSE"):
        migrate.downgrade(engine, tree)
    _replace(tree, 2, "NONSENSE", "SELECT 1")  # the statement that failed may be corrected
    migrate.downgrade(engine, tree)
    assert not {"mod_test_a", "mod_test_b", "alembic_steps"} & set(
        sa.inspect(engine).get_table_names()
    )
    migrate.upgrade(engine, tree)
    assert sa.inspect(engine).has_table("mod_test_b")
    _replace(
        tree, 1, "drop_table('mod_test_a')", "drop_table('mod_test_a'); op.execute('NONSENSE')"
    )
    with pytest.raises(MigrationError, match="NONSENSE"):
        migrate.downgrade(engine, tree)
    _replace(tree, 1, "NONSENSE", "SELECT 1")
    migrate.upgrade(engine, tree)
    assert sa.inspect(engine).has_table("mod_test_a")
    engine.dispose()


@only_mariadb
def test_a_migration_that_was_changed_is_not_continued(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    engine = engine_for(new_database())
    tree = module_tree(
        tmp_path / "migrations",
        f"{_creating('mod_test_a')}; {_creating('mod_test_b')}; op.execute('NONSENSE')",
    )
    with pytest.raises(MigrationError, match="NONSENSE"):
        migrate.upgrade(engine, tree)
    _replace(tree, 1, '"mod_test_a", sa.Column("id"', '"mod_test_a", sa.Column("other"')
    with pytest.raises(MigrationError, match="its file was changed"):
        migrate.upgrade(engine, tree)
    _replace(tree, 1, '"mod_test_a", sa.Column("other"', '"mod_test_a", sa.Column("id"')
    _replace(tree, 1, '"mod_test_b", sa.Column("id"', '"mod_test_b", sa.Column("other"')
    for _ in range(2):
        with pytest.raises(MigrationError, match="already exists"):
            migrate.upgrade(engine, tree)
    _replace(tree, 1, '"mod_test_b", sa.Column("other"', '"mod_test_b", sa.Column("id"')
    _replace(tree, 1, "NONSENSE", "SELECT 1")
    migrate.upgrade(engine, tree)
    assert migrate.current(engine, tree) == "1"
    engine.dispose()


@only_mariadb
def test_an_existing_table_is_not_taken_over(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    engine = engine_for(new_database())
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mod_test_a (foreign_column INT)")
    tree = module_tree(tmp_path / "migrations", _creating("mod_test_a"))
    for _ in range(3):
        with pytest.raises(MigrationError, match="already exists"):
            migrate.upgrade(engine, tree)
    engine.dispose()


def _creating(table: str) -> str:
    return f'op.create_table("{table}", sa.Column("id", sa.Integer, primary_key=True))'


def _replace(tree: Tree, number: int, old: str, new: str) -> None:
    path = tree.folder / "versions" / f"{number}.py"
    text = path.read_text()
    assert old in text
    modified = path.stat().st_mtime
    path.write_text(text.replace(old, new))
    os.utime(path, (modified + 2, modified + 2))  # else its bytecode may pass for the new text's
