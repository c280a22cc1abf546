"""Run the project's plugins in a test panel and open their staff pages."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.host import calls, migrations
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra import migrate
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Role, Task
from puqpanel.operations.accounts import staff
from tests.modules.harness import STAFF
from tests.modules.test_pages import IsolatedBrowser
from tests.sample import PASSWORD, activate
from tests.web.conftest import Browser


class PluginHarness:
    """An active plugin of the project, or another module with staff pages."""

    def __init__(self, panel: Panel, name: str, type: str = "Plugin") -> None:
        self.panel = panel
        self.name = name
        self.module: LoadedModule = panel.registry.modules[f"{type}/{name}"]
        self.at = f"/admin/modules/{type}/{name}"

    def part(self, name: str) -> Any:
        """Return a loaded file of the module, such as `models.notes`."""
        return sys.modules[f"{self.module.package}.{name}"]

    def job(self, method: str, *args: Any) -> calls.Called:
        """Call a method as a worker does; an exception fails the test."""
        db.session.expire_all()
        release()
        called = calls.invoke(
            calls.Call(self.module, method, args, task=Task(id=1, attempt=1, data={}))
        )
        assert not called.raised, called.error
        return called

    def all(self, model: Any, *where: Any) -> list[Any]:
        """Return the stored rows of a model, by primary key."""
        db.session.expire_all()
        release()
        return list(
            session().scalars(
                sa.select(model).where(*where).order_by(*sa.inspect(model).primary_key)
            )
        )

    def owner(self) -> Browser:
        """Sign in as staff with all permissions."""
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
        )
        return IsolatedBrowser(self.panel).sign_in("owner@panel.test", password=PASSWORD)

    def clerk(self, *keys: str) -> Browser:
        """Sign in as staff with these permissions of the plugin only."""
        with transaction() as current:
            current.add(
                Role(
                    name="Clerk",
                    permissions=[f"{self.module.type}-{self.name}-{key}" for key in keys],
                )
            )
        role = session().scalar(sa.select(Role).where(Role.name == "Clerk"))
        assert role is not None
        staff.create_staff(
            actor=AUTOMATION, email="boss@panel.test", name="Bo Boss", password=PASSWORD
        )
        staff.create_staff(
            actor=AUTOMATION,
            email="clerk@panel.test",
            name="Carl",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
        return IsolatedBrowser(self.panel).sign_in("clerk@panel.test", password=PASSWORD)

    def differences(self) -> list[Any]:
        """Return the differences between migrations and models."""
        bases = {
            id(base.metadata): base.metadata
            for part, loaded in list(sys.modules.items())
            if part.startswith(f"{self.module.package}.models")
            and (base := getattr(loaded, "Base", None)) is not None
        }
        ((_, metadata),) = bases.items()
        tree = migrations.tree(self.module.folder, self.module.prefix)
        assert tree is not None
        return migrate.differences(db.engine, metadata, tree)

    def tables(self) -> set[str]:
        """Return the names of the module's tables in the database."""
        return {
            table
            for table in sa.inspect(db.engine).get_table_names()
            if table.startswith(self.module.prefix)
        }


@contextlib.contextmanager
def active_plugin(settings: Settings, app: Panel, name: str) -> Iterator[PluginHarness]:
    """Run the test in a panel with an active plugin."""
    with app.app_context():
        activate(app, STAFF, name, "Plugin")
    panel = Live(settings).ensure()
    assert f"Plugin/{name}" in panel.registry.modules, panel.registry.refused
    try:
        with panel.app_context():
            yield PluginHarness(panel, name)
    finally:
        dismantle(panel)
