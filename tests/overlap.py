"""Two transactions at the same time."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable

from puqpanel.app import Panel
from puqpanel.infra.db import transaction

WAIT = 1.0
"""Seconds that the first transaction stays open if the second one waits for it."""


def run_beside(app: Panel, work: Callable[[], object]) -> None:
    """Run something to its end in another session."""
    thread = threading.Thread(target=contextvars.Context().run, args=(_inside, app, work))
    thread.start()
    thread.join()


def overlap(
    app: Panel, first: Callable[[], object], second: Callable[[], object]
) -> tuple[Exception | None, Exception | None]:
    """Run `second` while the transaction of `first` is open, and return what each raised."""
    begun, ended = threading.Event(), threading.Event()
    errors: list[Exception | None] = [None, None]

    def open_first() -> None:
        try:
            with transaction():
                first()
                begun.set()
                ended.wait(WAIT)
        except Exception as error:
            errors[0] = error
        finally:
            begun.set()

    def run_second() -> None:
        begun.wait()
        try:
            second()
        except Exception as error:
            errors[1] = error
        finally:
            ended.set()

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(_inside, app, each))
        for each in (open_first, run_second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors[0], errors[1]


def _inside(app: Panel, work: Callable[[], object]) -> None:
    with app.app_context():
        work()
