"""The log as processes configure it: an outage of the database is a line a minute."""

from __future__ import annotations

import io
import logging
import sqlite3
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import structlog

from puqpanel.infra import log


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the configured log writes."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    log._last_logged.clear()
    log.configure()
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)


def _locked() -> sa.exc.OperationalError:
    cause = sqlite3.OperationalError("database is locked")
    cause.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return sa.exc.OperationalError("SELECT 1", {}, cause)


@pytest.mark.parametrize("library", ["structlog", "logging"])
def test_an_outage_is_one_line(written: io.StringIO, library: str) -> None:
    logger = structlog.get_logger("a") if library == "structlog" else logging.getLogger("a")
    for _ in range(3):
        try:
            raise _locked()
        except sa.exc.OperationalError:
            logger.exception("tick failed")
    (line,) = written.getvalue().splitlines()
    assert "tick failed" in line and "busy" in line and "database is locked" in line


@pytest.mark.parametrize("library", ["structlog", "logging"])
def test_another_error_has_its_traceback(written: io.StringIO, library: str) -> None:
    logger = structlog.get_logger("a") if library == "structlog" else logging.getLogger("a")
    try:
        raise KeyError("missing")
    except KeyError:
        logger.exception("tick failed")
    text = written.getvalue()
    assert text.count("Traceback") == 1 and "KeyError: 'missing'" in text
    assert "Logging error" not in text
