"""The WSGI application, which replaces the Flask app when the set of active modules changes.

Flask fixes its routes at the first request, so a serving app is never changed. Before each request,
the generation is compared; after a change, a new app is built beside the serving one, and the old
one is dismantled once it has no running requests. Requests for a module's routes wait for the new
app. All others wait only briefly, so that pages respond while a panel with many modules is rebuilt.
Errors during the cleanup never affect a request. With `PUQPANEL_DEV`, each process also detects
edited module files at its next request or task.
"""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog

from puqpanel.app import Panel, create_app
from puqpanel.host import edits, registry
from puqpanel.infra import queue
from puqpanel.infra.db import db, engine_for
from puqpanel.infra.outages import outage
from puqpanel.models import Generation
from puqpanel.operations.modules.generation import HINT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from puqpanel.infra.settings import Settings

log = structlog.get_logger(__name__)
WAIT_SECONDS, MODULE_WAIT_SECONDS = 2.0, 20.0
"""Time from the start of a build that requests wait for the new app; the second for modules."""
MODULE_PATHS = ("/admin/modules/", "/admin/api/modules/", "/client/services/", "/webhooks/")
"""Start of paths that reach a module."""
JSON_PATHS = ("/admin/api/", "/webhooks/", "/health")


class Live:
    """The WSGI application; safe to call from several threads.

    Args:
        settings: The settings. The app is built at the first request or `ensure()`.
        pages: Whether the app gets routes and templates.
    """

    def __init__(self, settings: Settings, *, pages: bool = True) -> None:
        self.settings, self.pages = settings, pages
        self.app: Panel | None = None
        self.swaps = 0
        self.files: edits.Signature = frozenset()
        self._lock = threading.Lock()  # of the fields below, never held for long
        self._busy: Counter[int] = Counter()
        self._retired: list[Panel] = []
        self._build: _Build | None = None
        self._swapping = threading.RLock()

    def ensure(self) -> Panel:
        """Return the app with the currently active modules, and build it if necessary."""
        if app := self._current():
            return app
        with self._swapping:
            if app := self._current(exact=True):
                return app
            return self._swap()

    def after_fork(self) -> None:
        """Forget the parent's threads: a lock that one held would never be released."""
        self._lock, self._swapping, self._build = threading.Lock(), threading.RLock(), None
        self._busy.clear()

    def _current(self, *, exact: bool = False) -> Panel | None:
        """Return the app if its modules are the currently active ones."""
        app = self.app
        try:
            number = self.generation(exact=exact)
        except Exception as error:
            if app is None or not outage(error):
                raise
            return app  # it answers what needs no database, and the rest with 503
        current = app is not None and app.generation == number and not self.edited()
        return app if current else None

    def edited(self) -> bool:
        """Return whether files of active modules changed since the app was built.

        Always False without `PUQPANEL_DEV`.
        """
        if not self.settings.dev or self.app is None:
            return False
        loaded, refused = self._folders(self.app)
        files = edits.signature(loaded, templates=False) | edits.signature(refused)
        return files != self.files

    def _folders(self, app: Panel) -> tuple[list[Path], list[Path]]:
        """Return the folders of the loaded and of the refused modules."""
        base = self.settings.modules_dir
        return [base / key for key in app.registry.modules], [
            base / key for key in app.registry.refused
        ]

    def generation(self, *, exact: bool = False) -> int:
        """Return the current generation.

        It is stored in the database; a hint in the queue server saves the query.

        Args:
            exact: Read it from the database.
        """
        engine = engine_for(self.settings.database_url)
        if not exact and engine.dialect.name != "sqlite" and self.app is not None:
            hint = queue.get_hint(HINT)
            if hint is not None and hint.isdecimal():
                return int(hint)
        with engine.connect() as connection:
            return connection.scalar(sa.select(Generation.number)) or 0

    @contextlib.contextmanager
    def held(self) -> Iterator[Panel]:
        """Yield the app with the currently active modules; it is not dismantled in the block."""
        self.ensure()
        with self._hold() as app:
            yield app

    @contextlib.contextmanager
    def _hold(self) -> Iterator[Panel]:
        with self._lock:
            app = self.app
            assert app is not None
            self._busy[id(app)] += 1
        try:
            yield app
        finally:
            with self._lock:
                self._busy[id(app)] -= 1
            self._clean()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request."""
        path = environ.get("PATH_INFO", "")
        try:
            if not self._prepared(path):
                return _answer(
                    start_response,
                    "503 Service Unavailable",
                    b"The modules are being loaded. Try again in a moment.",
                )
            with self._hold() as app:
                return app(environ, start_response)
        except Exception as error:
            if self.app is not None or not outage(error):
                raise
            log.error("the panel waits for the database", path=path, exc_info=error)
            return _answer(
                start_response,
                "503 Service Unavailable",
                b"The database is unavailable. Try again in a moment.",
                json=path.startswith(JSON_PATHS)
                or "application/json" in environ.get("HTTP_ACCEPT", ""),
            )
        except BaseException as error:
            # A module that calls exit() must not end the process.
            log.error("a request tried to exit the process", error=repr(error), path=path)
            return _answer(
                start_response,
                "500 Internal Server Error",
                b"This page ended unexpectedly. Staff can find details in the log.",
            )

    def _prepared(self, path: str) -> bool:
        """Wait for the current app, or for a while; return whether a request can be handled.

        Raises:
            Exception: The app cannot be built, and the request cannot do without it.
        """
        if self._current():
            return True
        with self._lock:
            build = self._build
            if build is None or not build.thread.is_alive():
                build = self._build = _Build(self.ensure)
        required = self.app is None or path.startswith(MODULE_PATHS)
        build.wait(MODULE_WAIT_SECONDS if required else WAIT_SECONDS)
        if required and build.error is not None:
            raise build.error
        return not required or not build.thread.is_alive()

    def _swap(self) -> Panel:
        # Taken before the files are read, so that an edit in between is detected later.
        dev, base = self.settings.dev, [self.settings.modules_dir]
        code = edits.signature(base, templates=False) if dev else frozenset()
        files = edits.signature(base) if dev else frozenset()
        app = create_app(self.settings, pages=self.pages)
        loaded, refused = self._folders(app)
        with self._lock:
            old, self.app = self.app, app
            self.files = edits.within(code, loaded) | edits.within(files, refused)
            self.swaps += 1
            if old is not None:
                self._retired.append(old)
        if old is not None:
            self._clean()
            log.info("modules swapped", generation=app.generation)
        return app

    def _clean(self) -> None:
        """Dismantle old apps without running requests."""
        if not self._retired:
            return
        with self._lock:
            idle = [app for app in self._retired if not self._busy[id(app)]]
            self._retired = [app for app in self._retired if self._busy[id(app)]]
            for app in idle:
                del self._busy[id(app)]
        if not idle:
            return
        for app in idle:
            with contextlib.suppress(Exception):
                dismantle(app)
        del app
        idle.clear()
        collect()


class _Build:
    """A build of the next app in a thread of its own."""

    def __init__(self, build: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._started_at = time.monotonic()

        def run() -> None:
            try:
                build()
            except Exception as error:
                log.exception("app could not be built")
                self.error = error

        self.thread = threading.Thread(target=run, name="build", daemon=True)
        self.thread.start()

    def wait(self, seconds: float) -> None:
        """Wait until the build ends, or until some seconds after it began."""
        self.thread.join(max(0.0, self._started_at + seconds - time.monotonic()))


def _answer(
    start_response: StartResponse, status: str, text: bytes, *, json: bool = False
) -> Iterable[bytes]:
    if json:
        text = b'{"status": "error", "message": "%s", "code": %s}' % (text, status[:3].encode())
    start_response(
        status,
        [
            ("Content-Type", "application/json" if json else "text/plain; charset=utf-8"),
            ("Content-Length", str(len(text))),
            ("Retry-After", "5"),
        ],
    )
    return [text]


def collect() -> None:
    """Release the memory of dismantled apps, also of one that was frozen before a fork."""
    frozen = gc.get_freeze_count() > 0
    if frozen:
        gc.unfreeze()
    gc.collect()
    if frozen:
        gc.freeze()


def dismantle(app: Panel) -> None:
    """Release everything that an app holds, including its modules' code.

    Its engine belongs to the process and stays.
    """
    with app.app_context():
        db.session.remove()
    registry.dispose(app.registry)
    extensions: dict[str, Any] = app.extensions
    extensions.clear()
    app.view_functions.clear()
    app.blueprints.clear()
