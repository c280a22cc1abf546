"""Runs a module's code at load with a limit: a loop at import costs that module, not the
process that loads it.
"""

import contextlib
import ctypes
import hashlib
import threading
from collections.abc import Callable
from contextvars import copy_context
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

LOAD_SECONDS = 10.0
_FILES = 2000
T = TypeVar("T")
Signature = tuple[tuple[str, int, int], ...]
_hung: dict[Path, Signature] = {}


class TooLong(Exception):
    """The code did not come to an end in time. `seconds` is how long it was waited for."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class _Stop(BaseException):
    """Ends a loop in the thread that was given up."""


def within(folder: Path, work: Callable[[], T]) -> T:
    """Answers or raises what `work` does, in a thread of its own that is given up after
    `LOAD_SECONDS`.

    Each module that hung shortens the wait for the next: all of them together must not take as long
    as a web process may take to start.

    Args: folder of the module whose code runs; after it hung once in this process it is not tried
    again until a file in it changes.

    Raises: TooLong.
    """
    if folder in _hung and _hung[folder] == _signature(folder):
        raise TooLong(LOAD_SECONDS)
    limit = LOAD_SECONDS / (1 + len(_hung))
    done: dict[str, Any] = {}

    def run() -> None:
        try:
            done["value"] = work()
        except BaseException as error:
            done["error"] = error

    # The caller's context: its app, its session and the call that is entered belong to what runs
    # inside.
    thread = threading.Thread(
        target=copy_context().run, args=(run,), name=f"load {folder.name}", daemon=True
    )
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        _hung[folder] = _signature(folder)
        # A loop ends by this; what waits for the system goes on waiting, in a thread that nobody
        # waits for.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_Stop)
        )
        thread.join(0.5)
        raise TooLong(limit)
    _hung.pop(folder, None)
    if "error" in done:
        raise done["error"]
    value: T = done["value"]
    return value


def fingerprint(folder: Path) -> str:
    """The state of a module's Python files as 64 characters: another one after any edit."""
    return hashlib.sha256(repr(_signature(folder)).encode("utf-8", "replace")).hexdigest()


def _signature(folder: Path) -> Signature:
    found = []
    with contextlib.suppress(OSError):
        for path in islice(folder.rglob("*.py"), _FILES):
            with contextlib.suppress(OSError):
                state = path.stat()
                found.append((str(path), state.st_mtime_ns, state.st_size))
    return tuple(sorted(found))
