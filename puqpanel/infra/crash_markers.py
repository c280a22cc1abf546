"""Crash markers: records of what a process is doing that survive the process.

After a crash, the marker tells which module was running. It is a memory-mapped file: writing to it
takes no system call, and the kernel keeps it when the process is killed.
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
_kept: dict[int, mmap.mmap] = {}
_folders: dict[int, Path] = {}
_left: list[str] = []


def keep(folder: Path) -> None:
    """Create the marker of this process; children that it forks have none.

    Does nothing if the directory is not writable.

    Args:
        folder: Directory shared by the processes of this host; created if missing.
    """
    if os.getpid() in _kept:
        return
    path = folder / str(os.getpid())
    with contextlib.suppress(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            # from an earlier process with the same id
            _take(path)
        with path.open("w+b") as file:
            file.truncate(SIZE)
            _kept[os.getpid()] = mmap.mmap(file.fileno(), SIZE)
            _folders[os.getpid()] = folder
            _clear_on_exit()


def _clear_on_exit() -> None:
    """Clear the marker at a normal exit or SIGTERM, because these are not crashes."""
    atexit.register(clear)
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        # A process with its own handler exits normally.
        signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, _: object) -> None:
    clear()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def clear() -> None:
    """Clear the marker of this process."""
    page = _kept.get(os.getpid())
    if page is not None:
        page[:] = bytes(SIZE)


@contextlib.contextmanager
def during(text: str) -> Iterator[None]:
    """Mark what runs inside the context.

    Args:
        text: A short description without secrets; truncated to the size of the marker.
    """
    page = _kept.get(os.getpid())
    if page is None:
        yield
        return
    before = page[:]
    stamp = f"{time.monotonic():.1f} ".encode()
    page[:] = (stamp + text.encode("utf-8", "replace"))[:SIZE].ljust(SIZE, b"\0")
    try:
        yield
    finally:
        page[:] = before


def others(beginning: str, seconds: float) -> int:
    """Count the other processes of this host that have been doing something for a while.

    Args:
        beginning: Prefix of the text of their markers.
        seconds: Minimum duration.
    """
    folder, me, count = _folders.get(os.getpid()), str(os.getpid()), 0
    if folder is None:
        return 0
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name == me or not path.name.isdecimal():
                continue
            with contextlib.suppress(OSError, ValueError):
                stamp, _, text = (
                    path.read_bytes().rstrip(b"\0").decode("utf-8", "replace").partition(" ")
                )
                if (
                    text.startswith(beginning)
                    and time.monotonic() - float(stamp) >= seconds
                    and alive(int(path.name))
                ):
                    count += 1
    return count


def left_behind(folder: Path) -> list[str]:
    """Return the marker texts of crashed processes, each once."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isdecimal() and not alive(int(path.name)):
                _take(path)
    texts = _left[:]
    _left.clear()
    return texts


def _take(path: Path) -> None:
    with contextlib.suppress(OSError):
        # Only one of several concurrent readers succeeds.
        taken = path.rename(path.with_suffix(f".{os.getpid()}"))
        text = taken.read_bytes().rstrip(b"\0").decode("utf-8", "replace")
        taken.unlink()
        if text:
            _left.append(text.partition(" ")[2])
