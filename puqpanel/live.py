"""The WSGI application, which replaces the Flask app when the set of active modules changes.

Flask fixes its routes at the first request, so a serving app is never changed. Before each request,
the generation is compared; after a change, a new app is built and the old one is dismantled once it
has no running requests. Errors during the cleanup never affect a request. With `PUQPANEL_DEV`, each
process also detects edited module files at its next request or task.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog

from puqpanel.app import Panel, create_app
from puqpanel.host import edits, registry
from puqpanel.infra import queue
from puqpanel.infra.db import db, engine_for
from puqpanel.models import Generation
from puqpanel.operations.modules.generation import HINT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from puqpanel.infra.settings import Settings

log = structlog.get_logger(__name__)


class Live:
    """The WSGI application.

    Args:
        settings: The settings. The app is built at the first request or `ensure()`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.app: Panel | None = None
        self.swaps = 0
        self.files: edits.Signature = frozenset()
        self._lock = threading.RLock()
        self._busy: dict[int, int] = {}
        self._retired: list[Panel] = []

    def ensure(self) -> Panel:
        """Return the app with the currently active modules."""
        number = self.generation()
        app = self.app
        if app is not None and app.generation == number and not self.edited():
            return app
        with self._lock:
            if (
                self.app is None
                or self.app.generation != self.generation(exact=True)
                or self.edited()
            ):
                self._swap()
            assert self.app is not None
            return self.app

    def edited(self) -> bool:
        """Return whether files of active modules changed since the app was built.

        Always False without `PUQPANEL_DEV`.
        """
        return (
            self.settings.dev
            and self.app is not None
            and edits.signature(self._folders(self.app)) != self.files
        )

    def _folders(self, app: Panel) -> list[Path]:
        return [
            self.settings.modules_dir / key
            for key in (*app.registry.modules, *app.registry.refused)
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
        with self._lock:
            app = self.ensure()
            self._busy[id(app)] = self._busy.get(id(app), 0) + 1
        try:
            yield app
        finally:
            with self._lock:
                self._busy[id(app)] -= 1
                self._clean()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request."""
        try:
            with self.held() as app:
                return app(environ, start_response)
        except SystemExit as error:
            # A module that calls exit() must not end the process.
            log.error(
                "a request tried to exit the process",
                code=str(error.code),
                path=environ.get("PATH_INFO"),
            )
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")]
            )
            return [b"This page ended unexpectedly. Staff can find details in the log."]

    def _swap(self) -> None:
        old = self.app
        # Taken before the files are read, so that an edit in between is detected later.
        files = edits.signature([self.settings.modules_dir]) if self.settings.dev else frozenset()
        self.app = create_app(self.settings)
        self.files = edits.within(files, self._folders(self.app))
        self.swaps += 1
        if old is not None:
            self._retired.append(old)
            self._clean()
            log.info("modules swapped", generation=self.app.generation)

    def _clean(self) -> None:
        """Dismantle old apps without running requests."""
        busy = [app for app in self._retired if self._busy.get(id(app))]
        idle = [app for app in self._retired if not self._busy.get(id(app))]
        self._retired = busy
        for app in idle:
            self._busy.pop(id(app), None)
            with contextlib.suppress(Exception):
                dismantle(app)
        if idle:
            idle.clear()
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
