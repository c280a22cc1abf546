"""Shared fixtures: a migrated database per test, a queue server, an app and a worker.

`PUQPANEL_TEST_DATABASE` selects the database: sqlite (default), postgresql or mariadb.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import itertools
import logging
import os
import secrets
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from argon2 import PasswordHasher

from puqpanel import live as live_module
from puqpanel.app import Panel
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host import probe
from puqpanel.host.containment import load_timeout
from puqpanel.infra import catalogs, crypto, migrate, queue
from puqpanel.infra.db import db, engine_for
from puqpanel.infra.queue_server import QueueServer, connection_url
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.live import Live, dismantle
from puqpanel.operations.accounts import passwords
from puqpanel.operations.oversight import kept
from puqpanel.operations.system import audit, keys
from puqpanel.operations.system import settings as panel_settings
from tests import servers
from tests.kept_app import app_for

BACKEND = os.environ.get("PUQPANEL_TEST_DATABASE", "sqlite")
REQUIRED = os.environ.get("PUQPANEL_TEST_REQUIRE", "").replace(",", " ").split()
audit.refuse_unknown = True
STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what another database cannot change."""
    deselected = set(database_independent(items, BACKEND))
    if deselected:
        config.hook.pytest_deselected(items=list(deselected))
        items[:] = [item for item in items if item not in deselected]


def database_independent(items: Iterable[pytest.Item], backend: str) -> list[pytest.Item]:
    """Return the panel's tests for which SQLite is enough: of no database, or marked `sqlite`."""
    if backend == "sqlite":
        return []
    folder = Path(__file__).parent
    return [
        item
        for item in items
        if item.path.is_relative_to(folder)
        and item.get_closest_marker(backend) is None
        and (
            item.get_closest_marker("sqlite") is not None
            or "new_database" not in getattr(item, "fixturenames", ())
        )
    ]


def pytest_collection_finish() -> None:
    """Keep Python's garbage collector off what has been imported, and let it run less often.

    Its default visits all objects of the panel and of pytest every few tests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)


def plain_logs() -> None:
    """Log exceptions as text; structlog's own format evaluates and colors every local variable."""
    structlog.reset_defaults()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ]
    )


@pytest.fixture(autouse=True)
def forget_earlier_tests() -> None:
    """Forget what this process keeps of earlier tests' panels.

    Logs stay as a test configures them; files of catalogs are looked for once a second; figures
    belong to a database whose URL is used again; modules that hung shorten the deadline of all
    others; texts outside an app context are in the language of the settings that were read or
    overridden last.
    """
    plain_logs()
    kept._slots.clear()
    catalogs._catalogs.checked = -catalogs.CHECK_SECONDS
    load_timeout._hung.clear()
    panel_settings._cached = panel_settings.Snapshot()
    panel_settings.override({})
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session", autouse=True)
def cheap_processes() -> Iterator[None]:
    """Save what costs much and proves nothing here.

    Modules are probed in forks, although there are threads (test_probe.py tests new processes too).
    Passwords are hashed with the smallest parameters (test_passwords.py tests the real ones), and
    a change of modules leaves the old app to Python's collector: a full collection walks through
    everything that pytest has loaded (test_live.py tests that nothing keeps an old app). Whether a
    password can be guessed is found once.

    A module may take longer to load than in a panel, because a busy machine can stop the test for
    seconds; tests of modules that hang set their own deadline.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        )
        patch.setattr(passwords, "why_guessable", functools.cache(passwords.why_guessable))
        patch.setattr(live_module, "collect", lambda: None)
        patch.setattr(load_timeout, "LOAD_SECONDS", 60.0)
        patch.setattr(probe, "_may_fork", lambda: True)
        yield


@pytest.fixture(scope="session")
def short_folder() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="pq-", dir=servers.memory_folder()))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def keys_dir(short_folder: Path) -> Path:
    """The encryption keys of this run."""
    crypto.make_keys(short_folder / "keys")
    crypto.use_keys(short_folder / "keys")
    return short_folder / "keys"


@pytest.fixture(scope="session")
def queue_url(short_folder: Path) -> Iterator[str]:
    """URL of a real queue server."""
    with QueueServer(short_folder):
        yield connection_url(short_folder)


@pytest.fixture(scope="session")
def new_database(short_folder: Path, keys_dir: Path) -> Iterator[Callable[..., str]]:
    """Return a function that creates a migrated database and returns its URL.

    With a name, it replaces the database of that name. Its engine stays, and with it the statements
    that are compiled already.
    """
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:
        if BACKEND == "sqlite":
            template = short_folder / "template.db"
            _migrate(f"sqlite:///{template}")
            with engine_for(f"sqlite:///{template}").connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

            def make(name: str = "") -> str:
                path = short_folder / f"{name or next(numbers)}.db"
                url = f"sqlite:///{path}"
                if name:
                    engine_for(url).dispose()
                    for suffix in ("", "-wal", "-shm"):
                        path.with_name(path.name + suffix).unlink(missing_ok=True)
                shutil.copy(template, path)
                return url

        else:
            try:
                base = stack.enter_context(
                    {"postgresql": servers.postgresql, "mariadb": servers.mariadb}[BACKEND]()
                )
            except servers.Missing as missing:
                if BACKEND in REQUIRED:
                    raise
                pytest.skip(f"no {missing} on this machine")
            admin = sa.create_engine(base, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
            stack.callback(lambda: [engine.dispose() for engine in _engines()])

            def create(name: str, template: str = "") -> str:
                url = base.set(database=name).render_as_string(hide_password=False)
                engine_for(url).dispose()
                with admin.connect() as connection:
                    force = " WITH (FORCE)" if BACKEND == "postgresql" else ""
                    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}{force}")
                    tail = f" TEMPLATE {template}" if template else ""
                    if template and (connection.dialect.server_version_info or ()) >= (15,):
                        tail += " STRATEGY FILE_COPY"  # several times faster than through the log
                    connection.exec_driver_sql(f"CREATE DATABASE {name}{tail}")
                return url

            if BACKEND == "postgresql":
                _migrate(create("template_panel"))
                engine_for(
                    base.set(database="template_panel").render_as_string(hide_password=False)
                ).dispose()

            def make(name: str = "") -> str:
                name = f"panel_{name or next(numbers)}"
                if BACKEND == "postgresql":
                    return create(name, "template_panel")
                url = create(name)
                _migrate(url)
                return url

        yield make


def _engines() -> list[sa.Engine]:
    from puqpanel.infra.db import _engines as engines

    return list(engines.values())


def _migrate(url: str) -> None:
    migrate.upgrade(engine_for(url))
    keys.plant_canary(url)


@pytest.fixture
def settings(
    new_database: Callable[..., str],
    queue_url: str,
    keys_dir: Path,
    tmp_path: Path,
    short_folder: Path,
) -> Iterator[Settings]:
    """Settings of a panel with its own instance and the project's modules."""
    instance = short_folder / "instance"
    if instance.exists():
        instance.rename(short_folder / secrets.token_hex(6))  # something may still write into it
    instance.mkdir()
    (instance / "keys").symlink_to(keys_dir)
    url = new_database("settings")
    queue.use_server(queue_url)
    queue.connection().flushall()
    yield Settings(
        instance=instance,
        modules_dir=ROOT / "modules",
        database_url=url,
        redis_url=queue_url,
        overrides={"site.base_url": "http://panel.test"},
        log_json=False,
    )
    engine_for(url).dispose()


@pytest.fixture
def app(settings: Settings) -> Iterator[Panel]:
    """The assembled panel."""
    logging.getLogger("puqpanel").setLevel(logging.ERROR)
    with app_for(settings) as panel:
        yield panel


@pytest.fixture
def panel(app: Panel) -> Iterator[Panel]:
    """The panel, with its context pushed."""
    with app.app_context():
        yield app


@pytest.fixture
def live(settings: Settings) -> Iterator[Live]:
    """The WSGI application that swaps the app."""
    panel = Live(settings)
    yield panel
    if panel.app is not None:
        dismantle(panel.app)


@pytest.fixture
def drain(settings: Settings) -> Callable[..., None]:
    """Return a function that runs a real worker until the queues are empty, several times."""
    from rq.serializers import JSONSerializer

    from puqpanel.domain.task_states import QUEUES
    from puqpanel.tasks import fence, sweep
    from puqpanel.tasks.worker import PanelWorker

    panel = Live(settings)

    def run(rounds: int = 3) -> None:
        with contextlib.suppress(RuntimeError):
            db.session.remove()
        server = queue.connect(queue.server_url())
        queues = [queue.queue(name, server) for name in QUEUES]
        for number in range(rounds):
            app = panel.ensure()
            with app.app_context():
                sweep.send_due()
            if number and not any(len(waiting) for waiting in queues):
                break
            worker = PanelWorker(
                queues,
                name=uuid.uuid4().hex,
                connection=server,
                serializer=JSONSerializer,
                ensure_app=panel.ensure,
                handlers=HANDLERS,
                job_monitoring_interval=fence.RENEW_SECONDS,
                log_job_description=False,
            )
            worker.work(burst=True, logging_level="WARNING")
        fence.set_owner("inline")

    return run


@pytest.fixture
def staff(panel: Any) -> Principal:
    """A staff actor with all permissions."""
    return STAFF
