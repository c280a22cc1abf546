"""A deadline for code that runs while a module is loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

from puqpanel.host.edits import Signature, signature

LOAD_SECONDS = 10.0
T = TypeVar("T")
_hung: dict[Path, tuple[Signature, str]] = {}


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

    # the caller's context: its app, its session, and the module call in progress
    context = copy_context()
    thread = threading.Thread(
        target=context.run, args=(target,), name=f"load {folder.name}", daemon=True
    )
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        _hung[folder] = signature([folder]), step
        raise LoadTimeout(step, seconds)
    _hung.pop(folder, None)
    if "error" in outcome:
        raise outcome["error"]
    value: T = outcome["value"]
    return value
