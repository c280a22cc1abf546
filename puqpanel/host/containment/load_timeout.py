"""A deadline for code that runs while a module is loaded."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from puqpanel.host.edits import Signature, signature

LOAD_SECONDS = 10.0
CLOSE_SECONDS = 1.0
T = TypeVar("T")
_hung: dict[Path, tuple[Signature, str]] = {}
_shared = threading.local()


class LoadTimeout(Exception):
    """The code did not finish within its deadline; the text is a sentence for the module's author.

    Args:
        step: what was running, `config.py`.
        seconds: the deadline.
    """

    def __init__(self, step: str, seconds: float) -> None:
        super().__init__(
            f"{step} did not finish within {seconds:.2g} seconds; look for an infinite loop or a"
            " blocking call."
        )


class _Thread:
    """A thread that runs functions, which do not raise, until it is closed."""

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work

    def run(self, name: str, work: Callable[[], None], seconds: float) -> bool:
        """Run a function and return whether it finished in time."""
        finished = threading.Lock()
        finished.acquire()

        def target() -> None:
            try:
                work()
            finally:
                finished.release()

        self._thread.name = name
        self._work.put(target)
        return finished.acquire(timeout=seconds)

    def close(self, *, wait: bool = True) -> None:
        """End the thread when what it runs has finished.

        Args:
            wait: wait for its end, but not for long: the caller may be interrupted.
        """
        self._work.put(None)
        if wait:
            self._thread.join(CLOSE_SECONDS)


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Load all modules in one thread inside the block; a thread for each takes longer."""
    _shared.thread = _Thread()
    try:
        yield
    finally:
        _shared.thread.close()
        _shared.thread = None


def run(folder: Path, step: str, work: Callable[[], T]) -> T:
    """Run `work` in a thread and wait for it until the deadline.

    Each module that hung halves the deadline of the next, so that several together do not take
    longer than a web process may take to start. A thread that misses its deadline is abandoned.

    Args:
        folder: the module's folder. After a timeout its code is not run again by this process
            until one of its files changes.
        step: what `work` does, for the message.
        work: the code.

    Returns:
        What `work` returns.

    Raises:
        LoadTimeout: it did not finish in time.
    """
    hung_files, hung_step = _hung.get(folder, (None, ""))
    if hung_files is not None and hung_files == signature([folder]):
        raise LoadTimeout(hung_step, LOAD_SECONDS)
    seconds = LOAD_SECONDS / (1 + len(_hung))
    outcome: dict[str, Any] = {}

    def target() -> None:
        try:
            outcome["value"] = work()
        except BaseException as error:
            outcome["error"] = error

    shared: _Thread | None = getattr(_shared, "thread", None)
    thread = shared or _Thread()
    # the caller's context: its app, its session, and the module call in progress
    context = copy_context()
    if not thread.run(f"load {folder.name}", partial(context.run, target), seconds):
        thread.close(wait=False)
        if shared is not None:
            _shared.thread = _Thread()
        _hung[folder] = signature([folder]), step
        raise LoadTimeout(step, seconds)
    if shared is None:
        thread.close()
    _hung.pop(folder, None)
    if "error" in outcome:
        raise outcome["error"]
    value: T = outcome["value"]
    return value
