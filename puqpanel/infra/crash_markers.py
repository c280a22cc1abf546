"""What a process is doing, written where it outlives the process: who ended it can be told from
what it left behind.

The mark is a page of memory kept in a file: writing it costs no system call, and the kernel keeps
it when the process is killed.
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
    """Begins to keep this process's mark; a child that it forks keeps none.

    Nothing happens where the folder cannot be written.

    Args:
        folder: for processes that see each other; made when missing.
    """
    if os.getpid() in _kept:
        return
    path = folder / str(os.getpid())
    with contextlib.suppress(OSError, ValueError):
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            # an earlier process of the same number
            _take(path)
        with path.open("w+b") as file:
            file.truncate(SIZE)
            _kept[os.getpid()] = mmap.mmap(file.fileno(), SIZE)
            _folders[os.getpid()] = folder
            _end_well()


def _end_well() -> None:
    """A process that ends by itself, or because it was told to, leaves nothing behind: nobody
    is to blame for it.
    """
    atexit.register(clear)
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):
        # who handles the signal already ends by itself
        signal.signal(signal.SIGTERM, _told_to_end)


def _told_to_end(number: int, _: object) -> None:
    clear()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def clear() -> None:
    """Takes this process's mark away, whatever it was doing."""
    page = _kept.get(os.getpid())
    if page is not None:
        page[:] = bytes(SIZE)


@contextlib.contextmanager
def during(text: str) -> Iterator[None]:
    """Marks what runs inside.

    Args: text is short and no secret; what is longer than the page is cut.
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
    """How many other processes of this host have been doing something for a while.

    Args:
        beginning: how the text of their mark begins.
        seconds: for how long at least.
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
    """What processes were doing when they ended, each told once; those that did nothing are not
    told of.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isdecimal() and not alive(int(path.name)):
                _take(path)
    found = _left[:]
    _left.clear()
    return found


def _take(path: Path) -> None:
    with contextlib.suppress(OSError):
        # of several that look only one gets it
        taken = path.rename(path.with_suffix(f".{os.getpid()}"))
        text = taken.read_bytes().rstrip(b"\0").decode("utf-8", "replace")
        taken.unlink()
        if text:
            _left.append(text.partition(" ")[2])
