"""The module log: requests and responses of modules, masked and shortened."""

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

MAX_BYTES = 64 * 1024 - 1
"""Size of one stored text: the most that a TEXT column of MariaDB holds."""
# What JSON adds to a value: a comma, a line end and indentation.
_JSON_OVERHEAD = 4
_CUT_NOTICE = "\n… truncated at 64 KB"
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
    """Store one row, with the task, actor and service of the current call.

    Never raises: a log must not break what it logs.

    Args:
        type: of the module.
        name: of the module.
        level: `info`, `error` or `debug`.
        action: what was done, on one line.
        request: text, or anything that `as_text` accepts.
        response: likewise.
        duration_ms: milliseconds that the action took.
        service_uuid: the service concerned; by default that of the current call.
    """
    try:
        request_text, response_text = as_text(request), as_text(response)
        call = context.current()
        actor = (call.actor or call.asked_by) if call else None
        # a unit test of a module may have no database
        if not _has_database():
            log.log(
                logging.ERROR if level == "error" else logging.INFO,
                "%s/%s %s %s %s",
                type,
                name,
                action,
                request_text,
                response_text,
            )
            return
        with transaction() as current:
            current.add(
                ModuleLog(
                    type=str(type)[:40],
                    name=str(name)[:80],
                    level=level if level in ("info", "error", "debug") else "info",
                    action=plain(redact_text(str(action)[:2000]), 200),
                    request=request_text,
                    response=response_text,
                    duration_ms=duration_ms,
                    service_uuid=str(service_uuid or (call.service_uuid if call else "") or "")[
                        :36
                    ],
                    task_id=call.task_id if call else None,
                    attempt=call.attempt if call else None,
                    actor_kind=actor.kind if actor else "",
                    actor_name=actor.name if actor else "",
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
    """Return anything as text or indented JSON, with secrets masked and at most 64 KB long."""
    if value is None or (isinstance(value, (str, list, dict, tuple)) and not value):
        return ""
    if isinstance(value, BaseException):
        value = _error_text(value)
    if isinstance(value, str):
        # shorten before masking: matching patterns against 50 MB would block the process
        text = redact_text(value[: MAX_BYTES * 2])
    else:
        text = json.dumps(
            redact(_Shortener().copy(value)), ensure_ascii=False, indent=1, default=str
        )
    return _cut(text)


def _error_text(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    if len(text) > MAX_BYTES:
        return f"{type(error).__name__}: {text[: MAX_BYTES * 2]}"
    return "".join(traceback.format_exception_only(error)).strip()


def _cut(text: str) -> str:
    text = plain(text, len(text))
    raw = text.encode("utf-8", "replace")
    return (
        text
        if len(raw) <= MAX_BYTES
        else raw[: MAX_BYTES - len(_CUT_NOTICE.encode())].decode("utf-8", "ignore") + _CUT_NOTICE
    )


class _Shortener:
    """Copies a structure up to a size that can be masked and stored quickly.

    The rest is left out, and cycles are replaced by “…”.
    """

    def __init__(self) -> None:
        self.remaining = MAX_BYTES * 2

    def _text(self, text: str) -> str:
        kept = text[: max(0, self.remaining)]
        self.remaining -= len(kept) + _JSON_OVERHEAD
        return kept if len(kept) == len(text) else f"{kept}…"

    def copy(self, value: Any, depth: int = 0, seen: frozenset[int] = frozenset()) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, (bool, int, float, bytes)):
            self.remaining -= _JSON_OVERHEAD
            return value
        if depth > DEPTH or id(value) in seen:
            return "…"
        seen = seen | {id(value)}
        self.remaining -= _JSON_OVERHEAD
        if isinstance(value, Mapping):
            copied: dict[str, Any] = {}
            for key, item in value.items():
                if self.remaining <= 0:
                    break
                copied[self._text(str(key))] = self.copy(item, depth + 1, seen)
            return copied
        if isinstance(value, (list, tuple, set, frozenset)):
            items: list[Any] = []
            for item in value:
                if self.remaining <= 0:
                    items.append("…")
                    break
                items.append(self.copy(item, depth + 1, seen))
            return items
        return self._text(
            f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else str(value)
        )
