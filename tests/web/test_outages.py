"""An unavailable database: 503 with Retry-After, and recovery without a restart."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import structlog
from werkzeug.test import Client as HttpClient
from werkzeug.test import TestResponse

from puqpanel.app import Panel, create_app
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import db as database
from puqpanel.infra import log, migrate
from puqpanel.infra.db import db, engine_for, transaction
from puqpanel.infra.outages import Outage, outage
from puqpanel.infra.settings import Settings
from puqpanel.jobs import schedule
from puqpanel.live import Live, dismantle
from puqpanel.models import ConfiguredModule
from puqpanel.operations.accounts import staff
from puqpanel.operations.system import keys
from tests import servers
from tests.conftest import BACKEND, plain_logs
from tests.sample import activate, write_module
from tests.web.conftest import PASSWORD, Browser

sqlite_only = pytest.mark.skipif(BACKEND != "sqlite", reason="breaks an SQLite file")
PAGES = ("/admin/", "/admin/services/", "/admin/health/", "/admin/modules/")


@pytest.fixture(autouse=True)
def plain_log() -> Iterator[None]:
    """Shorten outages in the log, as servers do."""
    structlog.configure(
        processors=[log._shorten_outages, structlog.processors.format_exc_info, _rendered]
    )
    log._last_logged.clear()
    yield
    plain_logs()


_rendered = structlog.processors.KeyValueRenderer()


def unavailable(response: TestResponse) -> bool:
    """Return whether a response is a complete page of an outage."""
    return (
        response.status_code == 503
        and int(response.headers["Retry-After"]) > 0
        and "Content-Security-Policy" in response.headers
        and ("saved" in response.text)
    )


def _postmaster(port: int) -> tuple[list[str], str, dict[str, Any]]:
    """Return the command line, directory and user of the server on a port."""
    folder = Path(f"/proc/{_pid(port)}")
    command = (folder / "cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
    status = folder.stat()
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": status.st_uid, "group": status.st_gid, "extra_groups": []}
    return command, os.readlink(folder / "cwd"), user


def _pid(port: int) -> int:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"-cport={port}" in (folder / "cmdline").read_bytes().decode().split("\0"):
                return int(folder.name)
    raise AssertionError("no server on this port")


def _stop(port: int) -> None:
    pid = _pid(port)
    os.kill(pid, signal.SIGINT)
    os.waitpid(pid, 0)


def create_owner(app: Panel) -> Browser:
    with app.app_context():
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
        )
    return Browser(app).sign_in("owner@panel.test")


@pytest.fixture
def broken(settings: Settings) -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Return a context manager that takes the SQLite file away."""
    path = Path(str(engine_for(settings.database_url).url.database))

    @contextlib.contextmanager
    def away() -> Iterator[None]:
        engine_for(settings.database_url).dispose()
        moved = path.rename(path.with_suffix(".away"))
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            moved.rename(path)

    return away


@sqlite_only
def test_pages_answer_503_and_recover(app: Panel, broken: Any) -> None:
    browser = create_owner(app)
    token = browser.token("/admin")
    with broken():
        for page in PAGES:
            assert unavailable(browser.get(page)), page
        form = {"csrf_token": token, "email": "a@b.test", "password": "x"}
        assert unavailable(browser.http.post("/admin/signin", data=form))
        answer = browser.get("/admin/services/", headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json["code"], answer.mimetype) == (
            503,
            503,
            "application/json",
        )
        webhook = browser.http.post("/webhooks/Payment/Any", data=b"{}")
        assert (webhook.status_code, webhook.json["code"]) == (503, 503)
        health = browser.get("/health")
        assert (health.status_code, health.json["checks"]["database"]) == (503, "fail")
        asset = browser.get("/favicon.ico")
        assert asset.status_code == 200
    assert browser.get("/admin/services/").status_code == 200
    assert browser.get("/health?only=database").status_code == 200


HOOKED = """
    from puqpanel.sdk import Payment

    class Echo(Payment):
        def api_webhook_post(self, request):
            return {"status": "success"}
"""


@sqlite_only
def test_a_webhook_is_repeated_later(settings: Settings, tmp_path: Path, broken: Any) -> None:
    write_module(tmp_path, HOOKED, type="Payment")
    live = Live(replace(settings, modules_dir=tmp_path))
    with live.ensure().app_context():
        activate(live.app, AUTOMATION, type="Payment")
        with transaction() as current:
            current.add(ConfiguredModule(type="Payment", name="Echo", title="Echo", active=True))
    live.ensure()
    http = HttpClient(live, TestResponse)
    assert http.post("/webhooks/Payment/Echo", data=b"{}").status_code == 200
    with broken():
        answer = http.post("/webhooks/Payment/Echo", data=b"{}")
        assert (answer.status_code, answer.mimetype) == (503, "application/json")
        assert answer.headers["Retry-After"]
    assert http.post("/webhooks/Payment/Echo", data=b"{}").status_code == 200
    assert live.app is not None
    dismantle(live.app)


@sqlite_only
def test_a_process_that_starts_without_a_database_waits_for_it(
    settings: Settings, broken: Any
) -> None:
    live = Live(settings)
    http = HttpClient(live, TestResponse)
    with broken():
        answer = http.get("/admin/signin")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        answer = http.get("/health")
        assert (answer.status_code, json.loads(answer.text)["code"]) == (503, 503)
    assert http.get("/admin/signin").status_code == 200
    assert live.app is not None
    dismantle(live.app)


@sqlite_only
def test_a_read_only_database_serves_pages_and_refuses_changes(settings: Settings) -> None:
    app = create_app(settings)
    browser = create_owner(app)
    dismantle(app)
    path = engine_for(settings.database_url).url.database
    engine_for(settings.database_url).dispose()
    with contextlib.closing(sqlite3.connect(str(path))) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    frozen = engine_for(settings.database_url.replace(":///", ":///file:") + "?mode=ro&uri=true")
    app = create_app(settings)
    with app.app_context():
        usual = db.engine
        db.engines[None] = frozen  # type: ignore[index]
    try:
        cookie = browser.http.get_cookie("panel_staff", path="/admin")
        assert cookie is not None
        other = Browser(app)
        other.http.set_cookie("panel_staff", cookie.value, path="/admin")
        assert other.get("/admin/services/").status_code == 200
        form = {"name": "N", "email": "n@client.test", "currency": "EUR"}
        assert unavailable(other.post("/admin/clients/new", form))
    finally:
        with app.app_context():
            db.engines[None] = usual  # type: ignore[index]
        frozen.dispose()
        dismantle(app)


@sqlite_only
def test_a_full_disk_refuses_changes_and_recovers(owner: Browser, settings: Settings) -> None:
    engine = engine_for(settings.database_url)

    def limit(pages: int) -> None:
        engine.dispose()

        @sa.event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages}")

    limit(1)  # SQLite raises it to the present size
    statuses = set()
    for number in range(40):
        form = {
            "name": f"N{number}",
            "email": f"n{number}@client.test",
            "currency": "EUR",
            "notes": "x" * 8000,
        }
        response = owner.post("/admin/clients/new", form)
        statuses.add(response.status_code)
        if response.status_code == 503:
            assert unavailable(response)
    assert 503 in statuses
    assert 500 not in statuses
    assert owner.get("/admin/clients/").status_code == 200
    limit(1_000_000)
    form = {"name": "Late", "email": "late@client.test", "currency": "EUR"}
    assert owner.post("/admin/clients/new", form).status_code == 302


def test_an_exhausted_pool_is_503(owner: Browser, settings: Settings) -> None:
    key = settings.database_url, os.getpid()
    usual = database._engines[key]
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.2}
    database._engines[key] = small = sa.create_engine(settings.database_url, **options)
    with owner.http.application.app_context():  # type: ignore[attr-defined]
        db.engines[None] = small  # type: ignore[index]
    try:
        with small.connect():
            assert unavailable(owner.get("/admin/services/"))
        assert owner.get("/admin/services/").status_code == 200
    finally:
        with owner.http.application.app_context():  # type: ignore[attr-defined]
            db.engines[None] = usual  # type: ignore[index]
        database._engines[key] = usual
        small.dispose()


def test_one_line_a_minute_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logger = structlog.get_logger("outage")
    for _ in range(5):
        try:
            raise sa.exc.OperationalError("SELECT", {}, sqlite3.OperationalError("gone"))
        except Exception as error:
            error.orig.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN  # type: ignore[attr-defined]
            logger.exception("scheduler tick failed")
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 1
    assert "unavailable" in lines[0]
    assert "Traceback" not in lines[0]


@sqlite_only
def test_a_postgresql_server_that_stops_and_starts(settings: Settings) -> None:
    try:
        server = servers.postgresql()
        base = server.__enter__()
    except servers.Missing as missing:
        pytest.skip(f"no {missing} on this machine")
    with contextlib.ExitStack() as stack:
        stack.push(server.__exit__)
        url = base.render_as_string(hide_password=False)
        migrate.upgrade(engine_for(url))
        keys.plant_canary(url)
        settings = replace(settings, database_url=url)
        app = create_app(settings)
        stack.callback(dismantle, app)
        stack.callback(engine_for(url).dispose)
        browser = create_owner(app)
        assert browser.get("/admin/services/").status_code == 200
        command, folder, user = _postmaster(int(base.port or 0))
        for _ in range(2):
            _stop(int(base.port or 0))
            for page in PAGES:
                assert unavailable(browser.get(page)), page
            assert browser.get("/health").status_code == 503
            with app.app_context():
                schedule.tick(schedule.entries())  # logs, and goes on
            process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL, **user)
            stack.callback(process.wait)
            stack.callback(process.kill)
            servers._wait(base, process)
            assert browser.get("/admin/services/").status_code == 200


def test_errors_of_each_driver() -> None:
    def of(original: BaseException) -> Outage | None:
        return outage(sa.exc.DBAPIError("SELECT", {}, original))

    mariadb = type("OperationalError", (Exception,), {})
    assert of(mariadb(2003, "can't connect")) == of(mariadb(2013, "lost")) == Outage.AWAY
    assert (of(mariadb(1213, "")), of(mariadb(1290, "")), of(mariadb(1114, ""))) == (
        Outage.BUSY,
        Outage.READ_ONLY,
        Outage.FULL,
    )
    assert of(mariadb(1054, "unknown column")) is None
    assert of(psycopg.errors.ReadOnlySqlTransaction()) == Outage.READ_ONLY
    assert of(psycopg.errors.DiskFull()) == Outage.FULL
    assert of(psycopg.errors.CannotConnectNow()) == of(psycopg.errors.AdminShutdown())
    assert of(psycopg.OperationalError("connection refused")) == Outage.AWAY
    assert of(psycopg.errors.UndefinedTable()) is of(psycopg.errors.UniqueViolation()) is None
    assert outage(OSError(28, "no space")) == Outage.FULL
    assert outage(sa.exc.TimeoutError()) == Outage.BUSY
    assert outage(ValueError()) is None
