"""What the panel's processes owe each other: to die with their parent, and to be the only one
of their kind.
"""

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
from types import TracebackType
from typing import Self

PR_SET_PDEATHSIG = 1

# Loaded once, before any fork: a child between fork and exec must not import or open libraries.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def die_with_parent(parent: int, sig: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent ends.

    The parent may have ended before the request was made, so it is looked at once more afterwards.
    Where the kernel has no such request (macOS) only that second look happens.

    Args:
        parent: process id of the parent as it was before the fork.
        sig: the signal to receive.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def environment(changes: Mapping[str, str], without: str = "") -> dict[str, str]:
    """This process's environment with some variables set anew: what a child process is given.

    Args:
        changes: name → value.
        without: variables whose names begin like this are left out first.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (without and name.startswith(without))
    }
    return {**kept, **changes}


def alive(pid: int) -> bool:
    """Tell whether a process with this id exists (a zombie counts until its parent has
    collected it).
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def neighbourhood() -> str:
    """A name for the processes that know each other by their numbers: of one host, since it
    started, in one container. Of others `alive` knows nothing.
    """
    found = [os.uname().nodename]
    with contextlib.suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]


MOST_GROWTH = 768 * 1024 * 1024
"""Bytes that a process that serves may grow by before another takes its place."""
MOST_THREADS = 200


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


def overgrown(first: int) -> str:
    """What this process holds too much of, in words; empty while all is well.

    Args:
        first: bytes that it held when it began to serve.
    """
    if resident() - first > MOST_GROWTH:
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
        pid: its process id, or 0 where that is not known.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(f"held by process {pid}" if pid else "held by another process")
        self.pid = pid


class FileLock:
    """A lock held by an open file: the kernel drops it when the process ends, however it ends.

    Args:
        path: the file; made when missing, and left behind (removing it would race with the next one
            to lock it).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise at once.

        Raises:
            Busy: another process has it.
            OSError: the file cannot be made.
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
        """Give the lock back; nothing happens when it is not held."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
