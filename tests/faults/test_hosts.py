"""Two hosts with one PostgreSQL and one Redis: a rolling upgrade, and a host that dies under load.

Each host has an instance directory of its own, with the same keys, and runs web, workers and
scheduler. Nothing is lost, nothing happens twice, and people stay signed in.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import migrate
from puqpanel.infra.db import engine_for, release, session
from puqpanel.infra.queue_server import find_binary
from puqpanel.infra.settings import ROOT, Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Service, Task
from puqpanel.operations.accounts import staff
from puqpanel.operations.provisioning import requests
from puqpanel.operations.system import keys
from tests import servers
from tests.conftest import REQUIRED, STAFF
from tests.faults.test_kills import OBSERVES
from tests.sample import PASSWORD, activate, make_client, make_service, write_module

pytestmark = [pytest.mark.faults, pytest.mark.postgresql]
PATIENCE = 240
MIGRATION = '''"""A table that only the next version uses."""
import sqlalchemy as sa
from alembic import op

revision = "next_version"
down_revision = "{head}"
branch_labels = depends_on = None


def upgrade():
    op.create_table("of_the_next_version", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("of_the_next_version")
'''


class Host:
    """One host.

    Args:
        instance: its instance directory.
        settings: the database and Redis.
        release: folder of the code that it runs.
    """

    def __init__(self, instance: Path, settings: Settings, release: Path = ROOT) -> None:
        self.instance, self.settings, self.port = instance, settings, servers.free_port()
        self.log = instance.with_suffix(".log").open("ab")
        self.running: list[subprocess.Popen[bytes]] = []
        self.start(release)

    def start(self, release: Path) -> None:
        self.release = release
        self.running = [
            self.spawn("web", "--port", str(self.port), "--processes", "1"),
            self.spawn("worker", "--processes", "2", "--scheduler"),
        ]

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        own = {k: v for k, v in os.environ.items() if not k.startswith("PUQPANEL_")}
        return subprocess.Popen(
            [sys.executable, "-m", "puqpanel", *arguments],
            env={
                **own,
                "PYTHONPATH": str(self.release),
                "PYTHONWARNINGS": "ignore",
                "PUQPANEL_INSTANCE": str(self.instance),
                "PUQPANEL_DATABASE_URL": self.settings.database_url,
                "PUQPANEL_REDIS_URL": self.settings.redis_url,
                "PUQPANEL_MODULES_DIR": str(self.settings.modules_dir),
            },
            cwd=self.release,
            stdout=self.log,
            stderr=self.log,
            process_group=0,
        )

    def ask(self, path: str, **options: Any) -> tuple[int, str, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(options.pop("method", "GET"), path, **options)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())
        finally:
            connection.close()

    def is_healthy(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("/health?only=database,migrations,keys,queue")[0] == 200
        return False

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            assert process.wait(60) == 0

    def die(self) -> None:
        """End at once, as without power."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Person(threading.Thread):
    """Staff who sign in at one host and then open pages at whichever runs, without a pause."""

    def __init__(self, hosts: list[Host]) -> None:
        super().__init__(daemon=True)
        self.hosts, self.problems, self.opened, self.stopping = hosts, [], 0, False
        status, page, headers = hosts[0].ask("/admin/signin")
        token = re.search(r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"', page)
        assert status == 200 and token
        cookie = headers["Set-Cookie"].split(";")[0]
        form = urlencode({"csrf_token": token[1], "email": "o@panel.test", "password": PASSWORD})
        status, page, headers = hosts[0].ask(
            "/admin/signin",
            method="POST",
            body=form,
            headers={"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"},
        )
        assert status == 302, page
        self.cookie = headers["Set-Cookie"].split(";")[0]

    def run(self) -> None:
        while not self.stopping:
            for host in list(self.hosts):
                try:
                    status, page, _ = host.ask("/admin/services/", headers={"Cookie": self.cookie})
                except (OSError, http.client.HTTPException):
                    continue  # the load balancer asks another host
                self.opened += 1
                if status != 200 or "Services" not in page:
                    self.problems.append((host.port, status))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[tuple[Live, list[Host]]]:
    """Two running hosts, and a panel through which the test asks and looks."""
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(servers.postgresql())
        except servers.Missing as missing:
            if "postgresql" in REQUIRED:
                raise
            pytest.skip(f"no {missing} on this machine")
        port = servers.free_port()
        redis = subprocess.Popen(
            [find_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        stack.callback(redis.wait)
        stack.callback(redis.kill)
        write_module(tmp_path / "modules", OBSERVES, name="Seeing")
        settings = replace(
            Settings.load({"PUQPANEL_INSTANCE": str(tmp_path / "a")}),
            database_url=database.render_as_string(hide_password=False),
            redis_url=f"redis://127.0.0.1:{port}/0",
            modules_dir=tmp_path / "modules",
        )
        keys.open_keys(settings.keys_dir, settings.database_url)
        migrate.upgrade(engine_for(settings.database_url))
        keys.plant_canary(settings.database_url)
        (tmp_path / "b").mkdir()
        shutil.copytree(settings.keys_dir, tmp_path / "b" / "keys")
        live = Live(settings)
        with live.ensure().app_context():
            activate(live.ensure(), STAFF, "Seeing")
            staff.create_staff(
                actor=AUTOMATION, email="o@panel.test", name="Olga", password=PASSWORD
            )
        running: list[Host] = []
        try:
            running += [Host(tmp_path / name, settings) for name in ("a", "b")]
            for host in running:
                wait_for(host.is_healthy)
            with live.ensure().app_context():
                yield live, running
        finally:
            for host in running:
                host.die()
                host.log.close()
            if live.app is not None:
                dismantle(live.app)
            engine_for(settings.database_url).dispose()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def ask_for(number: int, sleep: float) -> list[str]:
    """Request the creation of services, whose jobs take a while."""
    client, _ = make_client(STAFF, email=f"c{number}-{sleep}@panel.test")
    uuids = [
        make_service(STAFF, "Product/Seeing", config={"sleep": sleep}, client=client).uuid
        for _ in range(number)
    ]
    for uuid in uuids:
        assert requests.request(actor=STAFF, service_uuid=uuid, verb="create").ok
    return uuids


def completed(uuids: list[str]) -> int:
    release()
    number = sa.select(sa.func.count()).where(
        Service.uuid.in_(uuids), Service.provision_status == "completed"
    )
    return session().scalar(number) or 0


def check_each_exists_once(live: Live, uuids: list[str]) -> None:
    wait_for(lambda: completed(uuids) == len(uuids))
    accounts = live.settings.modules_dir / "Product" / "Seeing" / "accounts"
    made = {uuid: (accounts / uuid).read_text().splitlines() for uuid in uuids}
    assert all(lines == ["made"] for lines in made.values()), made
    release()
    states = session().scalars(
        sa.select(Task.status).where(Task.job == "ModuleJob", Task.subject_uuid.in_(uuids))
    )
    assert set(states) == {"completed"}


def test_a_host_that_dies_under_load(hosts: tuple[Live, list[Host]]) -> None:
    live, (first, second) = hosts
    person = Person([first, second])
    person.start()
    uuids = ask_for(16, 0.4)
    wait_for(lambda: completed(uuids) >= 4)
    assert completed(uuids) < len(uuids)
    first.die()
    before = person.opened
    check_each_exists_once(live, uuids)
    wait_for(lambda: person.opened > before + 5)
    person.stopping = True
    person.join(60)
    assert person.problems == []
    assert second.is_healthy()


def test_a_rolling_upgrade(hosts: tuple[Live, list[Host]], tmp_path: Path) -> None:
    live, (first, second) = hosts
    newer = tmp_path / "newer"
    for name in ("puqpanel", "migrations", "docs"):
        shutil.copytree(ROOT / name, newer / name, ignore=shutil.ignore_patterns("__pycache__"))
    versions = next((newer / "migrations").rglob("0001*.py")).parent
    (versions / "9999_next.py").write_text(MIGRATION.format(head=migrate.head()))
    person = Person([first, second])
    person.start()
    uuids = ask_for(8, 0.2)

    first.stop()  # the second one goes on
    first.release = newer
    upgrade = first.spawn("db", "upgrade")
    assert upgrade.wait(120) == 0
    with engine_for(live.settings.database_url).connect() as connection:
        assert migrate.current(connection.engine) == "next_version"
        assert sa.inspect(connection).has_table("of_the_next_version")
    uuids += ask_for(6, 0.3)
    first.start(newer)
    wait_for(first.is_healthy)
    wait_for(second.is_healthy)  # with the older code, until its turn comes
    status, answer, _ = second.ask("/health?only=migrations")
    assert (status, json.loads(answer)["checks"]["migrations"]) == (200, "warn")

    refused = second.spawn("worker")  # the older code does not start any more
    assert refused.wait(120) == 1
    second.stop()
    second.start(newer)
    wait_for(second.is_healthy)
    check_each_exists_once(live, uuids)
    person.stopping = True
    person.join(60)
    assert person.problems == []
    assert person.opened > 10
