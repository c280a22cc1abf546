"""The module log: what modules asked and were answered, masked and cut before it is stored."""

import json
import logging
import traceback
from collections.abc import Mapping
from typing import Any

from puqpanel.host import context
from puqpanel.infra.db import session, transaction
from puqpanel.infra.redact import redact, redact_text
from puqpanel.models.module_log import ModuleLog

LIMIT = 64 * 1024
_ITEMS = 1000
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
    """Stores one row, with the task, actor and service of the running call. Never raises: a log must not break what it logs.

    Args: type and name of the module; level is info, error or debug; request and response are text or structures.
    """
    try:
        asked, answered = as_text(request), as_text(response)
        call = context.current()
        # Outside any call (a unit test of a module, an import) there may be no database to write to.
        if not _has_database():
            log.log(logging.ERROR if level == "error" else logging.INFO, "%s/%s %s %s %s", type, name, action, asked, answered)
            return
        with transaction() as current:
            current.add(
                ModuleLog(
                    type=str(type)[:40],
                    name=str(name)[:80],
                    level=level if level in ("info", "error", "debug") else "info",
                    action=redact_text(str(action))[:200],
                    request=asked,
                    response=answered,
                    duration_ms=duration_ms,
                    service_uuid=str(service_uuid or (call.service_uuid if call else "") or "")[:36],
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
    """Text or JSON text of anything, secrets masked, at most 64 KB; empty for nothing."""
    if value is None or (isinstance(value, (str, list, dict, tuple)) and not value):
        return ""
    if isinstance(value, BaseException):
        value = "".join(traceback.format_exception_only(value)).strip()
    if isinstance(value, str):
        # Cut before masking: patterns over 50 MB would hold the process.
        text = redact_text(value[: LIMIT * 2])
    else:
        text = json.dumps(redact(_small(value)), ensure_ascii=False, indent=1, default=str)
    return _cut(text)


def _cut(text: str) -> str:
    text = text.replace("\x00", "�")
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= LIMIT else raw[: LIMIT - len(_MARK.encode())].decode("utf-8", "ignore") + _MARK


def _small(value: Any, depth: int = 0, seen: frozenset[int] = frozenset()) -> Any:
    """A copy of a structure that is small enough to mask and write: long texts and lists cut, circles broken."""
    if isinstance(value, str):
        return value[: LIMIT * 2]
    if value is None or isinstance(value, (bool, int, float, bytes)):
        return value
    if depth > 12 or id(value) in seen:
        return "…"
    seen = seen | {id(value)}
    if isinstance(value, Mapping):
        return {str(k)[:500]: _small(v, depth + 1, seen) for k, v in list(value.items())[:_ITEMS]}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_small(item, depth + 1, seen) for item in list(value)[:_ITEMS]]
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"[:2000]
    return str(value)[: LIMIT * 2]
