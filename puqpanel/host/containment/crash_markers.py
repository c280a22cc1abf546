"""Crash markers: what a process is running, kept where it outlives the process.

A marker is a memory-mapped file, so that writing it costs no system call and the kernel keeps it
when the process is killed. It has a slot for each thread that runs a module. A process that exits
normally, or because it was told to, clears it.
"""

from __future__ import annotations

import atexit
import contextlib
import mmap
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from puqpanel.infra.processes import alive

SLOT, SLOTS = 256, 64
"""Bytes of a slot, and their number; threads beyond it are not marked."""
_pages: dict[int, mmap.mmap] = {}
_free: list[int] = []
_own = threading.local()
_collected: list[list[str]] = []


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
            file.truncate(SLOT * SLOTS)
            _pages[os.getpid()] = mmap.mmap(file.fileno(), SLOT * SLOTS)
            _free[:] = range(SLOTS)
            _clear_at_exit()


def clear() -> None:
    """Clear this process's marker."""
    page = _pages.get(os.getpid())
    if page is not None:
        page[:] = bytes(SLOT * SLOTS)


def forget(text: str) -> None:
    """Clear the slots of threads that were abandoned in what `marked(text)` marked."""
    page = _pages.get(os.getpid())
    content = _slot_content(text)
    if page is not None:
        for start in range(0, len(page), SLOT):
            if page[start : start + SLOT] == content:
                page[start : start + SLOT] = bytes(SLOT)


@contextlib.contextmanager
def marked(text: str) -> Iterator[None]:
    """Mark what runs inside.

    Args:
        text: short and not secret; cut to the size of a slot.
    """
    page = _pages.get(os.getpid())
    outer: int | None = getattr(_own, "slot", None)
    try:
        slot = _free.pop() if outer is None else outer
    except IndexError:
        page = None
    if page is None:
        yield
        return
    place = slice(slot * SLOT, (slot + 1) * SLOT)
    before = page[place]
    page[place] = _slot_content(text)
    _own.slot = slot
    try:
        yield
    finally:
        page[place] = before
        if outer is None:
            del _own.slot
            _free.append(slot)


def collect(folder: Path) -> list[list[str]]:
    """Return what each ended process was running, once, and remove their markers."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name.isdecimal() and not alive(int(path.name)):
                _collect(path)
    texts = _collected[:]
    _collected.clear()
    return texts


def _slot_content(text: str) -> bytes:
    return text.encode("utf-8", "replace")[:SLOT].ljust(SLOT, b"\0")


def _collect(path: Path) -> None:
    with contextlib.suppress(OSError):
        # of several processes that look, one succeeds
        renamed = path.rename(path.with_suffix(f".{os.getpid()}"))
        content = renamed.read_bytes()
        renamed.unlink()
        slots = [content[start : start + SLOT] for start in range(0, len(content), SLOT)]
        texts = [slot.rstrip(b"\0").decode("utf-8", "replace") for slot in slots]
        if any(texts):
            _collected.append([text for text in texts if text])


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
