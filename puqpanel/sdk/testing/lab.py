"""A small panel for the tests of one module."""

import contextlib
import functools
import importlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, cast

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from puqpanel.domain.task_states import NOT_STARTED
from puqpanel.host import calls, importer, registry
from puqpanel.host.calls import Called
from puqpanel.host.context import Context, entered
from puqpanel.host.contract.result import Result
from puqpanel.host.loader import load_module, unload
from puqpanel.infra import crypto, migrate
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, engine_for, release, session, transaction
from puqpanel.models.accounts.clients import Client
from puqpanel.models.catalog.products import Product as ProductRow
from puqpanel.models.modules.module_log import ModuleLog
from puqpanel.models.provisioning.services import Service as ServiceRow
from puqpanel.models.system.tasks import Task as TaskRow
from puqpanel.sdk.service import Service
from puqpanel.tasks import outbox
from puqpanel.tasks import run as engine
from puqpanel.tasks.outcome import Handlers

SERVICE = "test-uuid"
# by name: the SDK's layer must not import the task handlers
HANDLERS = "puqpanel.jobs.entry"


class Lab:
    """One module with a panel around it, on SQLite in a temporary folder; a context manager.

    It has one client, one product and one service of the module. Tasks run as soon as they are
    enqueued, in the same process.

        with Lab("modules/Product/MyCloud", product={"plan": "basic"}) as lab:
            lab.activate()
            assert lab.module(SERVICE).create()["status"] == "success"
            assert lab.service.provision_status == "completed"

    Attributes:
        loaded: the loaded module.
        base: the temporary folder.
        url: the database's address.
        hold: set it to True to leave enqueued tasks in the queue.
        held: ids of the tasks enqueued while `hold` was True.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        product: Mapping[str, Any] | None = None,
        service: Mapping[str, Any] | None = None,
        service_uuid: str = SERVICE,
    ) -> None:
        """Prepare the lab; `with` opens it.

        Args:
            folder: `modules/{Type}/{Name}`.
            product: the saved product data.
            service: the saved service data.
            service_uuid: the uuid of the service.
        """
        self.folder = Path(folder).resolve()
        self.product_data, self.service_data = dict(product or {}), dict(service or {})
        self.service_uuid = service_uuid
        self.hold = False
        self.held: list[int] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.base = base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            before_keys = crypto.keys_in_use()
            if before_keys is not None and crypto.key_file(before_keys).exists():
                # they belong to the surrounding tests
                stack.callback(crypto.use_keys, before_keys)
            crypto.make_keys(base / "keys")
            crypto.use_keys(base / "keys")
            self.url = f"sqlite:///{base / 'puqpanel.db'}"
            shutil.copy(Path(_template().name) / "template.db", base / "puqpanel.db")
            stack.callback(engine_for(self.url).dispose)
            app = Flask("puqpanel-lab")
            app.config["SQLALCHEMY_DATABASE_URI"] = self.url
            db.init_app(app)
            stack.enter_context(app.test_request_context())
            self.loaded = load_module(self.folder, self.folder.parent.name, self.folder.name)
            stack.callback(unload, self.loaded.package)
            stack.callback(registry.install, registry.current())
            self.serve()
            outbox.deliver_to(self._run)
            stack.callback(outbox.deliver_to, None)
            self._supply()
            stack.enter_context(
                entered(
                    Context(
                        self.loaded.type, self.loaded.name, self.loaded.package, self.service_uuid
                    )
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _supply(self) -> None:
        with transaction() as current:
            client = Client(name="A client", email="client@example.test")
            product = ProductRow(
                name="A product",
                module=self.loaded.key,
                config=self.product_data,
                configured=True,
            )
            current.add_all([client, product])
            current.flush()
            current.add(
                ServiceRow(
                    uuid=self.service_uuid,
                    client_id=client.id,
                    product_id=product.id,
                    name="A service",
                    service_data=self.service_data,
                )
            )

    def serve(self) -> None:
        """Make this module the only active one in this process."""
        registry.install(registry.Registry(0, {self.loaded.key: self.loaded}))

    def activate(self) -> Self:
        """Call the module's `activate()`.

        Raises:
            AssertionError: it did not return success.
        """
        called = self.call("activate")
        result = called.result if called.error else Result.of_lifecycle(called.value, "activate")
        assert result.ok, result.message
        return self

    def module(self, service_uuid: str = "") -> Any:
        """Return a new instance of the module, with a service loaded if its uuid is given."""
        instance: Any = self.loaded.cls()
        if service_uuid:
            instance.set_service_uuid(service_uuid)
        return instance

    def part(self, name: str) -> Any:
        """Return a file of the module as loaded in this lab: `models.servers`."""
        return importer.load(self.loaded.package, name)

    def call(self, method: str, *args: Any, **options: Any) -> Called:
        """Call a method as the panel does, for the lab's service.

        Args:
            method: the method's name.
            args: its arguments.
            options: of `host.calls.invoke`; `stored` replaces saved data, such as `{"module_data":
                {...}}`.

        Returns:
            A `Called` with the returned `value`, the `result` and the `error`.
        """
        scope = {"service_uuid": self.service_uuid} if self.loaded.type == "Product" else {}
        return calls.invoke(calls.Call(self.loaded, method, args, **cast(Any, scope | options)))

    def change(
        self, *, product: Mapping[str, Any] | None = None, service: Mapping[str, Any] | None = None
    ) -> None:
        """Save other product or service data."""
        with transaction() as current:
            row = service_row(current, self.service_uuid)
            if product is not None:
                row.product.config = dict(product)
            if service is not None:
                row.service_data = dict(service)

    @property
    def service(self) -> Service:
        """The service, read again."""
        release()
        return Service.find(self.service_uuid)

    @property
    def provision_data(self) -> dict[str, Any]:
        """The saved provision data."""
        return dict(service_row(session(), self.service_uuid).provision_data)

    def tasks(self) -> list[tuple[str, str, str]]:
        """Return the method, status and note of every task, in the order of enqueuing."""
        rows = session().scalars(
            sa.select(TaskRow).order_by(TaskRow.id).execution_options(populate_existing=True)
        )
        return [(str(row.data.get("method")), str(row.status), str(row.note)) for row in rows]

    def work_off(self, rounds: int = 20) -> None:
        """Run queued tasks, ignoring their backoff, until none is left.

        Args:
            rounds: how many times to look for queued tasks.
        """
        for _ in range(rounds):
            release()
            query = (
                sa.select(TaskRow.id).where(TaskRow.status.in_(NOT_STARTED)).order_by(TaskRow.id)
            )
            waiting = session().scalars(query).all()
            if not waiting:
                return
            for task_id in waiting:
                with transaction() as current:
                    current.execute(
                        sa.update(TaskRow)
                        .where(TaskRow.id == task_id)
                        .values(run_at=now() - timedelta(seconds=1))
                        .execution_options(synchronize_session=False)
                    )
                engine.run(task_id, handlers())

    def log(self) -> list[tuple[str, str]]:
        """Return the level and action of every row of the module log."""
        return [
            (row.level, row.action)
            for row in session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id))
        ]

    def logged(self) -> Iterator[str]:
        """Yield every text of the module log: actions, requests and responses."""
        for row in session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id)):
            yield from (row.action, row.request, row.response)

    def last_failure(self) -> str:
        """Return the last error that the module raised, with its place; empty if there is none."""
        query = sa.select(ModuleLog).where(
            ModuleLog.level == "error", ModuleLog.action.like("% failed")
        )
        row = session().scalar(query.order_by(ModuleLog.id.desc()).limit(1))
        if row is None:
            return ""
        place = re.search(r'"place": "([^"]+)"', row.request)
        return row.response + (f" ({place[1]})" if place else "")

    def _run(self, task_id: int) -> None:
        if self.hold:
            self.held.append(task_id)
        else:
            engine.run(task_id, handlers())


def service_row(current: Session, uuid: str) -> ServiceRow:
    """Return a service's row as it is in the database."""
    query = sa.select(ServiceRow).where(ServiceRow.uuid == uuid)
    return current.scalars(query.execution_options(populate_existing=True)).one()


def handlers() -> Handlers:
    """Return the task handlers of the panel's worker."""
    return cast(Handlers, importlib.import_module(HANDLERS).HANDLERS)


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    """Return a folder with a migrated database to copy; created once per process."""
    folder = tempfile.TemporaryDirectory(prefix="puqpanel-lab-")
    engine = engine_for(f"sqlite:///{folder.name}/template.db")
    migrate.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder
