"""The panel's migrations: one head, upgrade and downgrade, and no difference from the models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.infra import migrate, schema_revision
from puqpanel.infra.db import Model, engine_for
from puqpanel.infra.migrate import PANEL, MigrationError, Tree
from puqpanel.models import Generation
from tests.conftest import BACKEND


def test_models_match_the_migrations(new_database: Callable[[], str]) -> None:
    engine = engine_for(new_database())
    assert migrate.differences(engine, Model.metadata) == []
    assert not migrate.pending(engine) and migrate.current(engine) == migrate.head()
    with engine.connect() as connection:
        assert connection.scalar(sa.select(Generation.number)) == 1
    engine.dispose()


def test_downgrade_removes_everything_and_upgrade_restores_it(
    new_database: Callable[[], str],
) -> None:
    engine = engine_for(new_database())
    migrate.downgrade(engine, PANEL)
    assert set(sa.inspect(engine).get_table_names()) <= {PANEL.version_table}
    migrate.upgrade(engine)
    migrate.upgrade(engine)
    assert migrate.differences(engine, Model.metadata) == []
    engine.dispose()


def module_tree(folder: Path, *bodies: str) -> Tree:
    (folder / "versions").mkdir(parents=True)
    for number, body in enumerate(bodies, 1):
        before = f'"{number - 1}"' if number > 1 else "None"
        (folder / "versions" / f"{number}.py").write_text(
            f'import sqlalchemy as sa\nfrom alembic import op\nrevision = "{number}"\ndown_revision'
            f" = {before}\n\ndef upgrade():\n    {body}\n\ndef downgrade():\n    pass\n"
        )
    return Tree(folder, "mod_test_version", lambda table: table.startswith("mod_test_"))


def test_a_failed_migration_is_rolled_back(new_database: Callable[[], str], tmp_path: Path) -> None:
    engine = engine_for(new_database())
    tree = module_tree(
        tmp_path / "migrations",
        'op.create_table("mod_test_a", sa.Column("id", sa.Integer, primary_key=True));'
        ' op.execute("NONSENSE")',
    )
    with pytest.raises(MigrationError):
        migrate.upgrade(engine, tree)
    assert migrate.current(engine, tree) is None
    if BACKEND != "mariadb":  # MariaDB commits each DDL statement
        assert not sa.inspect(engine).has_table("mod_test_a")
    engine.dispose()


def test_two_heads_are_refused(tmp_path: Path) -> None:
    tree = module_tree(tmp_path / "migrations", "pass", "pass")
    twin = tree.folder / "versions" / "3.py"
    twin.write_text(
        (tree.folder / "versions" / "2.py").read_text().replace('revision = "2"', 'revision = "3"')
    )
    with pytest.raises(MigrationError, match="cannot be read"):
        migrate.head(tree)


def test_a_tree_touches_only_its_own_tables(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    engine = engine_for(new_database())
    tree = module_tree(
        tmp_path / "migrations",
        'op.create_table("mod_test_a", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("service", sa.String(36), sa.ForeignKey("services.uuid")))',
    )
    migrate.upgrade(engine, tree)
    assert migrate.differences(engine, Model.metadata) == [], (
        "the panel's tree ignores the module's tables"
    )
    assert migrate.current(engine) == migrate.head()
    engine.dispose()


def test_the_latest_revision_is_found_without_alembic(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    engine = engine_for(new_database())
    assert schema_revision.latest() == migrate.head()
    assert schema_revision.is_latest(engine)
    migrate.downgrade(engine, PANEL, "-1")
    assert not schema_revision.is_latest(engine)
    migrate.downgrade(engine, PANEL)
    assert not schema_revision.is_latest(engine)
    engine.dispose()
    missing = tmp_path / "missing.db"
    assert not schema_revision.is_latest(engine_for(f"sqlite:///{missing}"))
    assert not missing.exists()
