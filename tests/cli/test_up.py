"""`puqpanel up`: start, health, recovery of killed processes, errors at start, and stop."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.infra.queue_server import find_binary
from tests import servers
from tests.cli.running import Up, processes, puqpanel, wait_for

ONE_EACH = {"PUQPANEL_WEB_PROCESSES": "1", "PUQPANEL_WORKERS": "1"}


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def up(instance: Path) -> Iterator[Up]:
    running = Up(instance, **ONE_EACH)
    yield running
    running.destroy()


def healthy(up: Up) -> bool:
    try:
        with urllib.request.urlopen(up.address + "/health", timeout=5) as response:
            return json.load(response)["status"] == "ok"
    except (urllib.error.URLError, OSError):
        return False


def test_up_starts_serves_and_leaves_no_process_after_stop(up: Up, instance: Path) -> None:
    up.ready()
    assert re.search(
        r"Staff +http://127\.0\.0\.1:\d+/admin +admin@example\.test +(\w{4}-){3}\w{4}\n", up.output
    )
    assert "shown only once" in up.output
    assert healthy(up)
    doctor = puqpanel(instance, "doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout
    assert {check["state"] for check in json.loads(doctor.stdout)["checks"]} == {"ok"}
    assert up.stop() == 0
    assert processes(instance) == {}
    assert not (instance / "queue.sock").exists()
    assert "Traceback" not in up.output


def test_the_second_start_creates_no_staff_account(up: Up, instance: Path) -> None:
    up.ready()
    up.stop(signal.SIGINT)
    again = Up(instance, **ONE_EACH)
    try:
        assert "shown only once" not in again.ready().output
        assert "Staff sign in at /admin" in again.output
    finally:
        again.destroy()


@pytest.mark.parametrize("word", [" web ", " worker", "valkey-server"])
def test_a_killed_process_is_restarted(up: Up, word: str) -> None:
    killed = up.ready().child(word)
    os.killpg(killed, signal.SIGKILL)
    wait_for(lambda: up.children(word) not in ([], [killed]), 60, "restart")
    wait_for(lambda: healthy(up), 90, "health")
    assert up.child(word) != killed


def test_children_exit_when_up_is_killed(up: Up, instance: Path) -> None:
    up.ready()
    assert len(processes(instance)) >= 6
    up.process.kill()
    up.process.wait()
    wait_for(lambda: processes(instance) == {}, 60, "exit of all children")
    again = Up(instance, **ONE_EACH)
    try:
        assert healthy(again.ready())
    finally:
        again.destroy()


def test_a_second_up_on_the_same_instance_is_refused(up: Up, instance: Path) -> None:
    up.ready()
    second = puqpanel(instance, "up", "--port", "0")
    assert second.returncode == 1
    assert (
        second.stderr
        == f"puqpanel: This instance is already running (process {up.process.pid}): {instance}."
        " Choose another with --instance DIR.\n"
    )
    assert healthy(up)


def test_a_port_in_use_is_reported(instance: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        process = puqpanel(instance, "up", "--port", str(port))
    assert process.returncode == 1
    assert (
        process.stderr
        == f"puqpanel: Port {port} on 127.0.0.1 is already in use. Choose another with --port N;"
        " 0 picks a free one.\n"
    )


def test_a_foreign_address_is_reported(instance: Path) -> None:
    process = puqpanel(instance, "up", "--host", "192.0.2.1")
    assert process.returncode == 1
    assert (
        process.stderr
        == "puqpanel: 192.0.2.1 is not an address of this machine. Choose another with --host"
        " ADDRESS.\n"
    )


def test_other_users_cannot_enter_the_instance_directory(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o755)
    for directory in (folder, tmp_path / "new"):
        assert puqpanel(directory, "db", "upgrade").returncode == 0
        assert directory.stat().st_mode & 0o007 == 0


def test_an_unwritable_instance_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    process = puqpanel(tmp_path / "file" / "instance", "up", "--port", "0")
    assert process.returncode == 1
    assert process.stderr.startswith(f"puqpanel: Cannot write to {tmp_path}/file/instance: ")
    assert process.stderr.count("\n") == 1


def test_missing_keys_prevent_the_start_and_name_the_file(up: Up, instance: Path) -> None:
    up.ready().stop()
    key = instance / "keys" / "secrets.key"
    content = key.read_text()
    key.unlink()
    process = puqpanel(instance, "up", "--port", "0")
    assert process.returncode == 1
    assert str(key) in process.stderr
    assert process.stderr.count("\n") == 1
    assert processes(instance) == {}
    key.write_text(content)
    again = Up(instance, **ONE_EACH)
    try:
        again.ready()
    finally:
        again.destroy()


def test_ctrl_c_during_the_start_ends_it(instance: Path) -> None:
    running = Up(instance, **ONE_EACH)
    try:
        wait_for(
            lambda: any("prepare" in command for command in processes(instance).values()),
            20,
            "prepare",
        )
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0
        assert processes(instance) == {}
        assert "Traceback" not in running.output
    finally:
        running.destroy()


SEEDED = ["completed"] * 4 + ["failed"] + ["pending"] * 2 + ["suspended"]


def provisioned(url: str) -> list[str]:
    """Return the provision statuses of services with a module, which workers create."""
    query = (
        "select provision_status from services where product_id in"
        " (select id from products where module != '')"
    )
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return sorted(connection.execute(sa.text(query)).scalars())


def test_starting_the_demo_twice_keeps_its_data(instance: Path) -> None:
    accounts = []
    for _ in range(2):
        running = Up(instance, "--demo", **ONE_EACH)
        try:
            accounts.append(re.findall(r"(\S+@\S+) +((?:\w{4}-){3}\w{4})", running.ready().output))
            assert any("demo cloud" in command for command in processes(instance).values())
            wait_for(
                lambda: provisioned(f"sqlite:///{instance}/puqpanel.db") == SEEDED,
                what="creating the services",
            )
            running.stop()
            assert processes(instance) == {}
            assert "Traceback" not in running.output
        finally:
            running.destroy()
    assert accounts[0] == accounts[1]
    assert {"admin@example.test", "anna@example.test"} <= {email for email, _ in accounts[0]}


@pytest.mark.postgresql
def test_the_demo_on_postgresql_and_a_redis_server(instance: Path) -> None:
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(servers.postgresql())
        except servers.Missing as missing:
            if "postgresql" in os.environ.get("PUQPANEL_TEST_REQUIRE", ""):
                raise
            pytest.skip(f"no {missing} on this machine")
        program = shutil.which("redis-server") or find_binary()
        port = servers.free_port()
        redis = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        stack.callback(redis.wait)
        stack.callback(redis.kill)
        url = database.render_as_string(hide_password=False)
        running = Up(
            instance,
            "--demo",
            **ONE_EACH,
            PUQPANEL_DATABASE_URL=url,
            PUQPANEL_REDIS_URL=f"redis://127.0.0.1:{port}/0",
        )
        try:
            assert healthy(running.ready())
            wait_for(lambda: provisioned(url) == SEEDED, what="creating the services")
            assert not (instance / "queue.sock").exists()
            assert running.stop() == 0
            assert processes(instance) == {}
            assert "Traceback" not in running.output
        finally:
            running.destroy()
