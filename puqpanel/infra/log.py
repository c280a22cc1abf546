"""Structured logging to standard error, with secrets masked."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

from puqpanel.infra.redact import redact

OUTAGE_SECONDS = 60.0
"""Interval between equal entries about an unavailable database."""
_last_logged: dict[tuple[str, str], float] = {}


def _outage(error: object, event: str) -> tuple[str, bool]:
    """Return the outage of the database that an exception reports, and whether to log it now.

    Loops and requests would otherwise log a traceback each second until the database is back.
    """
    from puqpanel.infra.outages import outage  # SQLAlchemy is slow to import

    reason = outage(error) if isinstance(error, BaseException) else None
    if reason is None:
        return "", True
    key, moment = (event, str(reason)), time.monotonic()
    if moment - _last_logged.get(key, -OUTAGE_SECONDS) < OUTAGE_SECONDS:
        return reason, False
    _last_logged[key] = moment
    return reason, True


def _shorten_outages(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the traceback of an unavailable database by its reason, once a minute."""
    info = entry.get("exc_info")
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    reason, due = _outage(error, str(entry.get("event")))
    if not due:
        raise structlog.DropEvent
    if reason:
        del entry["exc_info"]
        entry["database"], entry["error"] = str(reason), _first_line(error)
    return entry


def _first_line(error: object) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


class _OutageFilter(logging.Filter):
    """The same for entries of the standard library's loggers."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, dict):  # an entry of structlog, shortened already
            return True
        error = record.exc_info[1] if record.exc_info else None
        reason, due = _outage(error, str(record.msg))
        if reason:
            record.msg = f"{record.getMessage()} (database {reason}: {_first_line(error)})"
            record.args, record.exc_info, record.exc_text = (), None, None
        return due


def _mask(
    _logger: object, _method: str, entry: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    masked = redact(dict(entry))
    assert isinstance(masked, dict)
    return masked


def configure(*, json: bool = False, level: int = logging.INFO) -> None:
    """Configure logging for this process, including the standard library's loggers.

    Args:
        json: Write one JSON object per line.
        level: Minimum level.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _shorten_outages,
        structlog.processors.format_exc_info,
        _mask,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_OutageFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("rq.worker", "urllib3", "alembic", "rq.job"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # a queue of requests is normal while all threads are busy
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
