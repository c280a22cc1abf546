"""Puts back the state of the whole process that a module's code changed: the environment, handlers,
the time zone, functions of libraries.

All calls that overlap in time share what was noted before the first of them: a call that begins
while another one has something changed would otherwise take that for right and put it back at its
end.
"""

import builtins
import contextlib
import decimal
import gc
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

MODULES = (
    "builtins",
    "datetime",
    "decimal",
    "hashlib",
    "hmac",
    "io",
    "json",
    "json.decoder",
    "json.encoder",
    "logging",
    "os",
    "posixpath",
    "random",
    "re",
    "requests",
    "requests.api",
    "requests.sessions",
    "secrets",
    "shutil",
    "signal",
    "socket",
    "sqlalchemy",
    "sqlalchemy.orm",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "flask",
    "flask.json",
    "jinja2",
    "puqpanel.sdk",
)
"""Modules whose functions and classes everybody uses; looked at only where they are loaded."""
CLASSES = (
    ("requests.sessions", "Session"),
    ("requests.adapters", "HTTPAdapter"),
    ("sqlalchemy.orm.session", "Session"),
    ("sqlalchemy.engine.base", "Engine"),
    ("sqlalchemy.engine.base", "Connection"),
    ("flask.app", "Flask"),
    ("flask.wrappers", "Response"),
    ("flask.wrappers", "Request"),
    ("jinja2.environment", "Template"),
    ("jinja2.environment", "Environment"),
    ("json.decoder", "JSONDecoder"),
    ("json.encoder", "JSONEncoder"),
    ("logging", "Logger"),
    ("threading", "Thread"),
)
"""Classes whose methods everybody uses, as module and name."""
SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGALRM,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
    signal.SIGQUIT,
)
HOOKS = (
    (threading, "excepthook"),
    (sys, "excepthook"),
    (sys, "unraisablehook"),
    (sys, "displayhook"),
)
_ABSENT = object()


@dataclass
class _Noted:
    """What the process was like."""

    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    signals: list[Any] = field(default_factory=lambda: [signal.getsignal(one) for one in SIGNALS])
    hooks: list[Any] = field(
        default_factory=lambda: [getattr(owner, name) for owner, name in HOOKS]
    )
    handlers: list[logging.Handler] = field(default_factory=lambda: list(logging.root.handlers))
    levels: tuple[int, int] = field(
        default_factory=lambda: (logging.root.level, logging.root.manager.disable)
    )
    filters: list[Any] = field(default_factory=lambda: list(warnings.filters))
    collects: tuple[bool, tuple[int, int, int]] = field(
        default_factory=lambda: (gc.isenabled(), gc.get_threshold())
    )
    locale: str = field(default_factory=lambda: locale.setlocale(locale.LC_ALL))
    zone: tuple[Any, ...] = field(default_factory=lambda: (time.tzname, time.timezone))
    names: list[tuple[Any, dict[str, Any]]] = field(
        default_factory=lambda: [(owner, dict(vars(owner))) for owner in _owners()]
    )

    def put_back(self) -> None:
        """Makes the process like that again; what was not changed is not touched."""
        for owner, names in self.names:
            _put_back(owner, names)
        if dict(os.environ) != self.environment:
            _same(os.environ, self.environment)
        if (time.tzname, time.timezone) != self.zone:
            time.tzset()
        for one, handler in zip(SIGNALS, self.signals, strict=True):
            if signal.getsignal(one) is not handler and signal.getsignal(one) != handler:
                with contextlib.suppress(ValueError, TypeError):  # only the main thread may
                    signal.signal(one, handler)
        for (owner, name), hook in zip(HOOKS, self.hooks, strict=True):
            if getattr(owner, name, None) is not hook:
                setattr(owner, name, hook)
        if logging.root.handlers != self.handlers:
            logging.root.handlers[:] = self.handlers
        if (logging.root.level, logging.root.manager.disable) != self.levels:
            logging.root.setLevel(self.levels[0])
            logging.disable(self.levels[1])
        if warnings.filters != self.filters:
            with contextlib.suppress(AttributeError):
                warnings.filters[:] = self.filters  # type: ignore[index]
        if (gc.isenabled(), gc.get_threshold()) != self.collects:
            (gc.enable if self.collects[0] else gc.disable)()
            gc.set_threshold(*self.collects[1])
        if locale.setlocale(locale.LC_ALL) != self.locale:
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, self.locale)


@dataclass
class _Calls:
    """How many calls are under way in this process, and what was noted before the first."""

    lock: Any = field(default_factory=threading.Lock)
    pid: int = 0
    open: int = 0
    noted: _Noted | None = None


_calls = _Calls()
_umask = os.umask(0o077)
os.umask(_umask)


@contextlib.contextmanager
def unchanged() -> Iterator[None]:
    """Keeps what counts for the whole process, and the way this thread calculates with
    decimals, as it was.
    """
    with _calls.lock:
        if _calls.noted is None:
            _calls.pid, _calls.open, _calls.noted = os.getpid(), 0, _Noted()
        _calls.open += 1
        noted = _calls.noted
    counting = decimal.getcontext().copy()
    try:
        yield
    finally:
        if _calls.pid == os.getpid():
            _end(noted, counting)


def _end(noted: _Noted, counting: decimal.Context) -> None:
    with _calls.lock:
        try:
            noted.put_back()
            os.umask(_umask)
            # whoever seeds it would make the passwords and names of others foreseeable
            random.seed()
            decimal.setcontext(counting)
        finally:
            _calls.open -= 1
            if _calls.open <= 0:
                _calls.noted = None


def _begin_anew() -> None:
    """In a copy of this process nobody holds the lock, and no call of the other threads goes on."""
    global _calls
    _calls = _Calls()


os.register_at_fork(after_in_child=_begin_anew)


def _owners() -> list[Any]:
    found: list[Any] = [sys.modules[name] for name in MODULES if name in sys.modules]
    return found + [
        vars(sys.modules[module])[name]
        for module, name in CLASSES
        if module in sys.modules and name in vars(sys.modules[module])
    ]


def _put_back(owner: Any, names: dict[str, Any]) -> None:
    """Functions and classes that were replaced or taken away; other values change for good
    reasons, and new names disturb nobody.
    """
    held = vars(owner)
    for name, value in names.items():
        if held.get(name, _ABSENT) is not value and (
            builtins.callable(value) or isinstance(value, (property, classmethod, staticmethod))
        ):
            with contextlib.suppress(AttributeError, TypeError):
                setattr(owner, name, value)


def _same(mapping: MutableMapping[str, str], as_was: dict[str, str]) -> None:
    for name in set(mapping) - set(as_was):
        del mapping[name]
    for name, value in as_was.items():
        if mapping.get(name) != value:
            mapping[name] = value
