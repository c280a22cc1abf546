"""Parse the scheduled jobs that a module's `scheduler()` declares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.names import python_keys, python_name
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.sanitize import sentence

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EVERY = re.compile(r"(\d+)\s*([smhd])")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
MAX_SECONDS = 366 * 86400
TIMEOUT = 600


@dataclass(frozen=True)
class Work:
    """One entry of `scheduler()`.

    Args:
        name: unique in its module.
        method: the module's method that the task calls.
        cron: five fields, in UTC; empty if `every` is set.
        every: seconds between two runs; 0 if `cron` is set.
        timeout: seconds after which a run is stopped.
    """

    name: str
    method: str
    cron: str = ""
    every: int = 0
    timeout: int = TIMEOUT

    @property
    def shape(self) -> str:
        """The rule as text; it changes when the rule does."""
        return self.cron or f"every {self.every} s"

    def after(self, moment: datetime) -> datetime:
        """Return the first time after a moment at which it is due.

        After a downtime, the missed runs are replaced by one run.

        Args:
            moment: with a time zone.
        """
        if self.cron:
            from croniter import croniter

            due: datetime = croniter(self.cron, moment).get_next(datetime)
            return due
        return moment + timedelta(seconds=self.every)


def read(instance: ModuleBase, entries: list[Mapping[str, Any]]) -> tuple[Work, ...]:
    """Return the entries that a module declares.

    Args:
        instance: of the module.
        entries: what its `scheduler()` returned.

    Raises:
        Refused: says what to fix.
    """
    by_name: dict[str, Work] = {}
    for entry in entries:
        work = _work(instance, python_keys(entry))
        if work.name in by_name:
            raise Refused(f"scheduler() declares “{work.name}” twice; names must differ.")
        by_name[work.name] = work
    return tuple(by_name.values())


def _work(instance: ModuleBase, entry: Mapping[str, Any]) -> Work:
    name, method = entry.get("name"), entry.get("method")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(
            "An entry of scheduler() has no “name” of letters, digits, dots, dashes, underscores"
            " and spaces."
        )
    where = f"The entry “{sentence(name, 60)}” of scheduler()"
    if not isinstance(method, str) or not callable(
        getattr(instance, python_name(method), None) or getattr(instance, method, None)
    ):
        raise Refused(
            f"{where} calls {sentence(str(method), 60)}(), but the class"
            f" {type(instance).__name__} has no such method."
        )
    cron, every, timeout = entry.get("cron"), entry.get("every"), entry.get("timeout", TIMEOUT)
    if (cron is None) == (every is None):
        raise Refused(f"{where} needs either “cron” or “every”.")
    if isinstance(timeout, bool) or not isinstance(timeout, int) or not 1 <= timeout <= 86400:
        raise Refused(
            f"{where} has the timeout {sentence(str(timeout), 40)}; enter 1 to 86400 seconds."
        )
    if every is not None:
        return Work(name, method, every=_seconds(every, where), timeout=timeout)
    from croniter import CroniterBadDateError, croniter

    if (
        not isinstance(cron, str)
        or len(cron.split()) != 5
        or len(cron) > 100
        or not croniter.is_valid(cron)
    ):
        raise Refused(
            f"{where} has the cron expression “{sentence(str(cron), 100)}”; use five fields such as"
            " */5 * * * * (minute, hour, day, month, weekday)."
        )
    work = Work(name, method, cron=" ".join(cron.split()), timeout=timeout)
    try:
        work.after(datetime(2026, 1, 1, tzinfo=UTC))
    except CroniterBadDateError:
        raise Refused(f"{where} has the cron expression “{cron}”, which is never due.") from None
    return work


def _seconds(every: Any, where: str) -> int:
    seconds = every
    if isinstance(every, str):
        match = _EVERY.fullmatch(every.strip().lower())
        seconds = int(match[1]) * UNITS[match[2]] if match else None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= MAX_SECONDS:
        raise Refused(
            f"{where} has every = {sentence(repr(every), 40)}; use seconds, or an interval such as"
            " 30s, 5m, 2h or 1d."
        )
    return seconds
