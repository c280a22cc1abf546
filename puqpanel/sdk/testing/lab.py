"""A small panel for the tests of a module: a database, a client, a product and a service, and tasks
that run where they stand.

with Lab("modules/Product/MyCloudService", product={"plan": "basic"}) as lab:
    module = lab.module("test-uuid")
    assert module.create()["status"] == "success"
    assert lab.service.provision_status == "completed"
"""

import contextlib
import functools
import importlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self, cast

import sqlalchemy as sa
from flask import Flask

from puqpanel.domain.errors import NotFoundError
from puqpanel.domain.task_states import WAITING
from puqpanel.host import calls, importer, registry
from puqpanel.host.calls import Called
from puqpanel.host.context import Context, entered
from puqpanel.host.loaded import LoadedModule
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
# The panel's own handlers, by name: they stand beside the SDK and not below it, as the entry that
# the queue calls does.
HANDLERS = "puqpanel.jobs.entry"


class Lab:
    """One module with a panel of its own around it, on SQLite in a temporary folder.

    A context manager.

    Attributes: loaded, the module; base, the temporary folder; url of its database; held, ids of
    tasks that wait while `hold` is True.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        product: Mapping[str, Any] | None = None,
        service: Mapping[str, Any] | None = None,
        service_uuid: str = SERVICE,
    ) -> None:
        """Args: folder is `modules/{Type}/{Name}`; product and service are the stored data of
        the product and the service.
        """
        self.folder = Path(folder).resolve()
        self.product_data, self.service_data, self.service_uuid = (
            dict(product or {}),
            dict(service or {}),
            service_uuid,
        )
        self._stack = contextlib.ExitStack()
        self.loaded: LoadedModule
        self.base: Path
        self.url = ""
        self.hold = False
        self.held: list[int] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.base = base = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            before_keys = crypto.keys_in_use()
            if before_keys is not None and crypto.key_file(before_keys).exists():
                # they belong to the tests around this one
                stack.callback(crypto.use_keys, before_keys)
            crypto.make_keys(base / "keys")
            crypto.use_keys(base / "keys")
            self.url = url = f"sqlite:///{base / 'puqpanel.db'}"
            shutil.copy(_migrated(), base / "puqpanel.db")
            stack.callback(engine_for(url).dispose)
            app = Flask("puqpanel-lab")
            app.config["SQLALCHEMY_DATABASE_URI"] = url
            db.init_app(app)
            stack.enter_context(app.test_request_context())
            self.loaded = load_module(self.folder, self.folder.parent.name, self.folder.name)
            stack.callback(unload, self.loaded.package)
            before = registry.current()
            self.serve()
            stack.callback(registry.install, before)
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
            product = ProductRow(name="A product", module=self.loaded.key, config=self.product_data)
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
        """Makes the module the one that this process serves."""
        registry.install(registry.Registry(0, {self.loaded.key: self.loaded}))

    def activate(self) -> Self:
        """Runs the module's `activate()`. Raises AssertionError when it does not answer success."""
        called = self.call("activate")
        assert called.value == "success", called.error or called.value
        return self

    def module(self, service_uuid: str = "") -> Any:
        """A new instance, about a service where its uuid is given."""
        made: Any = self.loaded.cls()
        if service_uuid:
            made.set_service_uuid(service_uuid)
        return made

    def part(self, name: str) -> Any:
        """A file of the module, as it is loaded here: `models.servers`."""
        return importer.load(self.loaded.package, name)

    def call(self, method: str, *args: Any, **options: Any) -> Called:
        """One call as the panel makes it, about the lab's service."""
        about = {"service_uuid": self.service_uuid} if self.loaded.type == "Product" else {}
        return calls.invoke(calls.Call(self.loaded, method, args, **cast(Any, about | options)))

    def change(
        self, *, product: Mapping[str, Any] | None = None, service: Mapping[str, Any] | None = None
    ) -> None:
        """Stores other data of the product or the service."""
        with transaction() as current:
            row = current.scalars(
                sa.select(ServiceRow).where(ServiceRow.uuid == self.service_uuid)
            ).one()
            if product is not None:
                row.product.config = dict(product)
            if service is not None:
                row.service_data = dict(service)

    @property
    def service(self) -> Service:
        """The service as it is now."""
        release()
        return Service.find(self.service_uuid)

    @property
    def provision_data(self) -> dict[str, Any]:
        """What jobs found out and the panel keeps."""
        row = session().scalar(
            sa.select(ServiceRow)
            .where(ServiceRow.uuid == self.service_uuid)
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise NotFoundError("The lab's service is gone.")
        return dict(row.provision_data)

    def tasks(self) -> list[tuple[str, str, str]]:
        """Method, status and note of every task, in the order they were added."""
        rows = session().scalars(
            sa.select(TaskRow).order_by(TaskRow.id).execution_options(populate_existing=True)
        )
        return [(str(row.data.get("method")), str(row.status), row.note) for row in rows]

    def work_off(self, rounds: int = 20) -> None:
        """Runs what waits, without its backoff, until nothing does."""
        for _ in range(rounds):
            release()
            waiting = list(
                session().scalars(
                    sa.select(TaskRow.id).where(TaskRow.status.in_(WAITING)).order_by(TaskRow.id)
                )
            )
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
        """Level and action of every row of the module log."""
        return [
            (row.level, row.action)
            for row in session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id))
        ]

    def logged(self) -> Iterator[str]:
        """All texts of the module log: what was asked and what was answered."""
        for row in session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id)):
            yield from (row.action, row.request, row.response)

    def _run(self, task_id: int) -> None:
        if self.hold:
            self.held.append(task_id)
        else:
            engine.run(task_id, handlers())


def handlers() -> Handlers:
    """What the panel's worker runs tasks with."""
    found: Handlers = importlib.import_module(HANDLERS).HANDLERS
    return found


@functools.cache
def _template() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="puqpanel-lab-")
    engine = engine_for(f"sqlite:///{folder.name}/template.db")
    migrate.upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return folder


def _migrated() -> Path:
    """A migrated database to copy; made once in a process."""
    return Path(_template().name) / "template.db"
