"""Process utilities: exit with the parent, environment, resource limits and file locks."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import os
import resource
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

PR_SET_PDEATHSIG = 1

# Loaded once, before any fork: a child between fork and exec must not import or open libraries.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def die_with_parent(parent: int, sig: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent exits.

    Exits if the parent has exited already. On systems other than Linux, only that check happens.

    Args:
        parent: Process id of the parent, determined before the fork.
        sig: The signal to receive.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def environment(changes: Mapping[str, str], without: str = "") -> dict[str, str]:
    """Return this process's environment with changes, for a child process.

    Args:
        changes: Name → value.
        without: Prefix of variables to leave out before applying the changes.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not (without and name.startswith(without))
    }
    return {**inherited, **changes}


def alive(pid: int) -> bool:
    """Return whether a process with this id exists, including zombies."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def neighbourhood() -> str:
    """Return an identifier of this host's current boot and PID namespace.

    `alive` is meaningful only for processes with the same identifier.
    """
    parts = [os.uname().nodename]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


MOST_GROWTH = 768 * 1024 * 1024
"""Bytes of memory growth after which a server process is replaced."""
MOST_THREADS = 200


def resident() -> int:
    """Return the resident memory of this process in bytes, or 0 if unknown."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def overgrown(first: int, most_growth: int = MOST_GROWTH) -> str:
    """Return the resource that this process uses too much of, or an empty string.

    Args:
        first: Bytes of memory when it started to serve.
        most_growth: Bytes that it may have grown by since.
    """
    if resident() - first > most_growth:
        return f"{resident() // 2**20} MB of memory"
    if threading.active_count() > MOST_THREADS:
        return f"{threading.active_count()} threads"
    try:
        files = len(os.listdir("/proc/self/fd"))
    except OSError:
        return ""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return f"{files} open files of {limit}" if limit > 0 and files > 0.6 * limit else ""


class Busy(Exception):
    """Another process holds the lock.

    Attributes:
        pid: Its process id, or 0 if unknown.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(f"held by process {pid}" if pid else "held by another process")
        self.pid = pid


class FileLock:
    """A lock on a file, which the kernel releases when the process exits.

    Args:
        path: The file; created if missing. It is not removed, because that would race with the next
            process that locks it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Acquire the lock without waiting.

        Raises:
            Busy: Another process holds it.
            OSError: The file cannot be created.
        """
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).strip()
            os.close(fd)
            raise Busy(int(holder) if holder.isdigit() else 0) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        self._fd = fd

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = None
