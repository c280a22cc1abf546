"""Temporary database servers for the tests; installed ones are never used."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

# Two servers at once would exceed the kernel's limit for asynchronous I/O.
NO_AIO = ("--innodb-use-native-aio=0",)
MEMORY_BYTES = 4 * 1024**3
"""Free space that a folder in memory must have; containers often limit it to 64 MB."""


class Missing(Exception):
    """A required program is not installed."""


def memory_folder() -> str:
    """Return a folder in memory for data that is written often; without enough memory, /tmp."""
    folder = "/dev/shm"
    try:
        enough = shutil.disk_usage(folder).free >= MEMORY_BYTES
    except OSError:
        return "/tmp"
    return folder if enough and os.access(folder, os.W_OK | os.X_OK) else "/tmp"


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _find(program: str, *folders: str) -> str:
    for folder in folders:
        for path in sorted(Path("/").glob(f"{folder.lstrip('/')}/{program}"), reverse=True):
            if os.access(path, os.X_OK):
                return str(path)
    executable = shutil.which(program)
    if executable is None:
        raise Missing(program)
    return executable


def _unprivileged(*names: str) -> tuple[int, int] | None:
    """Return a user to run a server as, because servers refuse to run as root; None if not root."""
    if os.geteuid() != 0:
        return None
    for name in (*names, "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise Missing(f"a user to run the server as, such as {names[0]}")


def _as_user(user: tuple[int, int] | None) -> dict[str, object]:
    if user is None:
        return {}
    return {
        "user": user[0],
        "group": user[1],
        "extra_groups": [],
        "env": {**os.environ, "HOME": "/tmp"},
    }


def _run(command: list[str], base: Path, user: tuple[int, int] | None) -> None:
    completed = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=base, **_as_user(user)
    )  # type: ignore[call-overload]
    if completed.returncode:
        raise RuntimeError(
            f"{Path(command[0]).name} failed: {completed.stdout[-2000:]}{completed.stderr[-2000:]}"
        )


@contextlib.contextmanager
def _folder(name: str, user: tuple[int, int] | None) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=f"puqpanel-{name}-", dir=memory_folder()))
    path.chmod(0o711)
    if user is not None:
        os.chown(path, *user)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _wait(url: sa.URL, process: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    for _ in range(300):
        with contextlib.suppress(sa.exc.OperationalError), engine.connect():
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{url.drivername} did not start")


@contextlib.contextmanager
def postgresql() -> Iterator[sa.URL]:
    """Run a PostgreSQL server and yield the URL of its maintenance database."""
    folders = (
        "/usr/lib/postgresql/*/bin",
        "/usr/local/pgsql/bin",
        "/opt/homebrew/opt/postgresql*/bin",
    )
    initdb, server = _find("initdb", *folders), _find("postgres", *folders)
    user = _unprivileged("postgres")
    with _folder("pg", user) as base:
        _run(
            [
                initdb,
                "-D",
                str(base / "data"),
                "-U",
                "panel",
                "-A",
                "trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
            ],
            base,
            user,
        )
        port = free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": base,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "max_wal_size": "128MB",
            "max_connections": 100,
        }
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    server,
                    "-D",
                    str(base / "data"),
                    *(f"-c{key}={value}" for key, value in options.items()),
                ],
                stdout=log,
                stderr=log,
                cwd=base,
                **_as_user(user),
            )  # type: ignore[call-overload]
        try:
            url = sa.URL.create(
                "postgresql+psycopg", "panel", host="127.0.0.1", port=port, database="postgres"
            )
            _wait(url, process)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


@contextlib.contextmanager
def mariadb(charset: str = "utf8mb4") -> Iterator[sa.URL]:
    """Run a MariaDB server and yield the URL of its maintenance database.

    Args:
        charset: The default character set of new databases.
    """
    server, install = (
        _find("mariadbd", "/usr/sbin", "/usr/libexec"),
        _find("mariadb-install-db", "/usr/bin"),
    )
    user = _unprivileged("mysql")
    with _folder("my", user) as base:
        _run(
            [
                install,
                "--no-defaults",
                f"--datadir={base / 'data'}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                # a server that starts deletes the temporary tables of others in a common folder
                f"--tmpdir={base}",
                *NO_AIO,
            ],
            base,
            user,
        )
        port = free_port()
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    server,
                    "--no-defaults",
                    f"--datadir={base / 'data'}",
                    f"--socket={base / 's'}",
                    f"--tmpdir={base}",
                    f"--port={port}",
                    "--bind-address=127.0.0.1",
                    "--innodb-flush-log-at-trx-commit=0",
                    "--skip-name-resolve",
                    f"--character-set-server={charset}",
                    *NO_AIO,
                ],
                stdout=log,
                stderr=log,
                cwd=base,
                **_as_user(user),
            )  # type: ignore[call-overload]
        try:
            url = sa.URL.create(
                "mysql+pymysql",
                "root",
                host="127.0.0.1",
                port=port,
                database="mysql",
                query={"charset": "utf8mb4"},
            )
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()
            process.wait()
