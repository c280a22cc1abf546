"""Every product module loads without warnings, and its migrations match its models."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from puqpanel.app import Panel
from puqpanel.host import migrations
from puqpanel.infra import migrate
from tests.modules.conftest import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_loads_without_warnings(served: Panel, name: str) -> None:
    module = served.registry.modules[f"Product/{name}"]
    assert module.warnings == ()
    assert module.config("description")


@pytest.mark.parametrize("name", NAMES)
def test_migrations_match_models(served: Panel, name: str) -> None:
    from puqpanel.infra.db import db

    module = served.registry.modules[f"Product/{name}"]
    bases: dict[int, Any] = {}
    for part, loaded in list(sys.modules.items()):
        if (
            part.startswith(f"{module.package}.models")
            and (base := getattr(loaded, "Base", None)) is not None
        ):
            bases[id(base.metadata)] = base.metadata
    ((_, metadata),) = bases.items()
    tree = migrations.tree(module.folder, module.prefix)
    assert tree is not None
    assert migrate.differences(db.engine, metadata, tree) == []


@pytest.mark.parametrize("name", NAMES)
def test_migrations_downgrade_and_upgrade(served: Panel, name: str) -> None:
    import sqlalchemy as sa

    from puqpanel.infra.db import db

    module = served.registry.modules[f"Product/{name}"]

    def tables() -> set[str]:
        return {
            table
            for table in sa.inspect(db.engine).get_table_names()
            if table.startswith(module.prefix)
        }

    assert tables()
    migrations.downgrade(module.folder, module.prefix)
    assert tables() <= {f"{module.prefix}version"}
    migrations.upgrade(module.folder, module.prefix)
    assert len(tables()) > 2
