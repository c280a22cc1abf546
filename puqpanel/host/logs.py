"""The module log: what modules asked and were answered, masked and cut before it is stored."""

import json
import logging
import traceback
from collections.abc import Mapping
from typing import Any

from puqpanel.host import context
from puqpanel.host.sanitize import plain
from puqpanel.infra.db import session, transaction
from puqpanel.infra.redact import DEPTH, redact, redact_text
from puqpanel.models.modules.module_log import ModuleLog

LIMIT = 64 * 1024 - 1
"""Bytes of a text: the most that a TEXT of MariaDB holds."""
# What JSON writes around a value: a comma, a line, an indentation.
_AROUND = 4
_MARK = "\n… cut, it was longer than 64 KB"
log = logging.getLogger(__name__)


def write(
    *,
    type: str,
    name: str,
    level: str,
    action: str,
    request: Any = None,
    response: Any = None,
    duration_ms: int | None = None,
    service_uuid: str | None = None,
) -> None:
    """Store one row, with the task, actor and service of the running call.

    Never raises: a log must not break what it logs.

    Args: type and name of the module; level is info, error or debug; request and response are text
    or structures.
    """
    try:
        asked, answered = as_text(request), as_text(response)
        call = context.current()
        # Outside any call (a unit test of a module, an import) there may be no database to write
        # to.
        if not _has_database():
            log.log(
                logging.ERROR if level == "error" else logging.INFO,
                "%s/%s %s %s %s",
                type,
                name,
                action,
                asked,
                answered,
            )
            return
        with transaction() as current:
            current.add(
                ModuleLog(
                    type=str(type)[:40],
                    name=str(name)[:80],
                    level=level if level in ("info", "error", "debug") else "info",
                    action=plain(redact_text(str(action)[:2000]), 200),
                    request=asked,
                    response=answered,
                    duration_ms=duration_ms,
                    service_uuid=str(service_uuid or (call.service_uuid if call else "") or "")[
                        :36
                    ],
                    task_id=call.task_id if call else None,
                    attempt=call.attempt if call else None,
                    actor_kind=call.actor.kind if call and call.actor else "",
                    actor_name=call.actor.name if call and call.actor else "",
                    request_id=call.request_id[:40] if call else "",
                )
            )
    except Exception:
        log.exception("a module-log row was not stored")


def _has_database() -> bool:
    try:
        session()
    except RuntimeError:
        return False
    return True


def as_text(value: Any) -> str:
    """Return text or JSON text of anything, secrets masked, at most 64 KB; empty for nothing."""
    if value is None or (isinstance(value, (str, list, dict, tuple)) and not value):
        return ""
    if isinstance(value, BaseException):
        value = _told(value)
    if isinstance(value, str):
        # Cut before masking: patterns over 50 MB would hold the process.
        text = redact_text(value[: LIMIT * 2])
    else:
        text = json.dumps(redact(_Smaller().copy(value)), ensure_ascii=False, indent=1, default=str)
    return _cut(text)


def _told(error: BaseException) -> str:
    """Return an error as text."""
    try:
        said = str(error)
    except Exception:
        said = ""
    if len(said) > LIMIT:
        return f"{type(error).__name__}: {said[: LIMIT * 2]}"
    return "".join(traceback.format_exception_only(error)).strip()


def _cut(text: str) -> str:
    text = plain(text, len(text))
    raw = text.encode("utf-8", "replace")
    return (
        text
        if len(raw) <= LIMIT
        else raw[: LIMIT - len(_MARK.encode())].decode("utf-8", "ignore") + _MARK
    )


class _Smaller:
    """Copies a structure up to a size that can be masked and written quickly.

    What comes later is cut, circles are broken.
    """

    def __init__(self) -> None:
        self.left = LIMIT * 2

    def _text(self, text: str) -> str:
        kept = text[: max(0, self.left)]
        self.left -= len(kept) + _AROUND
        return kept if len(kept) == len(text) else f"{kept}…"

    def copy(self, value: Any, depth: int = 0, seen: frozenset[int] = frozenset()) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, (bool, int, float, bytes)):
            self.left -= _AROUND
            return value
        if depth > DEPTH or id(value) in seen:
            return "…"
        seen = seen | {id(value)}
        self.left -= _AROUND
        if isinstance(value, Mapping):
            copied: dict[str, Any] = {}
            for key, item in value.items():
                if self.left <= 0:
                    break
                copied[self._text(str(key))] = self.copy(item, depth + 1, seen)
            return copied
        if isinstance(value, (list, tuple, set, frozenset)):
            items: list[Any] = []
            for item in value:
                if self.left <= 0:
                    items.append("…")
                    break
                items.append(self.copy(item, depth + 1, seen))
            return items
        return self._text(
            f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)
        )
