"""Figures of a panel with many services, kept for some seconds instead of counted for each page.

Each process has its own cache. Below MANY services, figures are counted for each page.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.models import Service

Value = TypeVar("Value")
P = ParamSpec("P")
R = TypeVar("R")
MANY = 20_000
"""Number of services from which figures are kept."""
AGE = timedelta(seconds=20)
MOST = 200
"""Maximum number of cached values per database, as callers can choose any range of days."""


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """A value and when it was counted."""

    value: Value
    at: datetime


@dataclass(slots=True)
class _Slot:
    """A value of one database; the lock is held by the thread that counts it."""

    lock: threading.Lock
    kept: Kept[Any] | None = None


_slots: WeakKeyDictionary[Any, dict[Hashable, _Slot]] = WeakKeyDictionary()


def kept(
    key: Hashable, count: Callable[[], Value], is_many: Callable[[Value], bool]
) -> Kept[Value]:
    """Return a value that was counted recently; count it if there is none.

    While one thread counts, other threads get the previous value.

    Args:
        key: of the value.
        count: counts it.
        is_many: whether so many rows were counted that the value is to be kept.
    """
    slots = _slots.setdefault(session().get_bind(), {})
    if len(slots) >= MOST:
        slots.clear()
    slot = slots.setdefault(key, _Slot(threading.Lock()))
    moment, found = now(), slot.kept
    if found is not None and timedelta() <= moment - found.at < AGE:
        return found
    counts = slot.lock.acquire(blocking=False)
    if not counts and found is not None and abs(moment - found.at) < 3 * AGE:
        return found
    try:
        result = Kept(count(), moment)
        slot.kept = result if is_many(result.value) else None
        return result
    finally:
        if counts:
            slot.lock.release()


def keep_if_many(count: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that its results are cached for AGE if there are many services."""

    @wraps(count)
    def call(*args: P.args, **options: P.kwargs) -> R:
        key = (count.__name__, args, *sorted(options.items()))
        found = kept(key, lambda: count(*args, **options), lambda _: _are_many())
        return deepcopy(found.value)  # the caller may change it

    return call


def _are_many() -> bool:
    return (session().scalar(sa.select(sa.func.max(Service.id))) or 0) >= MANY
