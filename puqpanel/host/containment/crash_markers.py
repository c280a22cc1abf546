"""Crash markers: what a process is running, kept where it outlives the process.

A marker is a memory-mapped file, so that writing it costs no system call and the kernel keeps it
when the process is killed. A process that exits normally, or because it was told to, clears it.
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from puqpanel.infra.processes import alive

SIZE = 256
_pages: dict[int, mmap.mmap] = {}
_folders: dict[int, Path] = {}
_collected: list[str] = []


def open_marker(folder: Path) -> None:
    """Open this process's marker; a forked child has none until it opens its own.

    Nothing happens if the folder cannot be written.

    Args:
        folder: shared by processes that can see each other; created if missing.
    """
    if os.getpid() in _pages:
        return
    path = folder / str(os.getpid())
    with contextlib.suppress(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():  # of an earlier process with the same id
            _collect(path)
        with path.open("w+b") as file:
            file.truncate(SIZE)
            _pages[os.getpid()] = mmap.mmap(file.fileno(), SIZE)
            _folders[os.getpid()] = folder
            _clear_at_exit()


def clear() -> None:
    """Clear this process's marker."""
    page = _pages.get(os.getpid())
    if page is not None:
        page[:] = bytes(SIZE)


@contextlib.contextmanager
def marked(text: str) -> Iterator[None]:
    """Mark what runs inside.

    Args:
        text: short and not secret; cut to the size of the marker.
    """
    page = _pages.get(os.getpid())
    if page is None:
        yield
        return
    before = page[:]
    line = f"{time.monotonic():.1f} {text}".encode("utf-8", "replace")
    page[:] = line[:SIZE].ljust(SIZE, b"\0")
    try:
        yield
    finally:
        page[:] = before


def count_others(prefix: str, seconds: float) -> int:
    """Return how many other processes of this host have been running something for a while.

    Args:
        prefix: of their marker's text.
        seconds: for at least how long.
    """
    folder, own = _folders.get(os.getpid()), str(os.getpid())
    if folder is None:
        return 0
    now, count = time.monotonic(), 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name == own or not path.name.isdecimal():
                continue
            with contextlib.suppress(OSError, ValueError):
                since, _, text = _read(path).partition(" ")
                slow = text.startswith(prefix) and now - float(since) >= seconds
                count += slow and alive(int(path.name))
    return count


def collect(folder: Path) -> list[str]:
    """Return what ended processes were running, each once, and remove their markers."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isdecimal() and not alive(int(path.name)):
                _collect(path)
    texts = _collected[:]
    _collected.clear()
    return texts


def _read(path: Path) -> str:
    return path.read_bytes().rstrip(b"\0").decode("utf-8", "replace")


def _collect(path: Path) -> None:
    with contextlib.suppress(OSError):
        # of several processes that look, one succeeds
        renamed = path.rename(path.with_suffix(f".{os.getpid()}"))
        text = _read(renamed)
        renamed.unlink()
        if text:
            _collected.append(text.partition(" ")[2])


def _clear_at_exit() -> None:
    atexit.register(clear)
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        # a process that handles the signal exits normally
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, _: object) -> None:
    clear()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
