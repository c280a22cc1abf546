"""The WSGI object: compares the generation before each request and swaps the whole app when it has
changed.

Flask fixes its routes at the first request, so an app is never patched while it serves: the new one
is built first, then the old one is dropped once nothing runs in it. An error in cleaning up never
reaches a request. While somebody develops (`PUQPANEL_DEV`), an edit of a module's files is a change
like any other: each process sees it at its next request or task.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
import structlog

from puqpanel.app import Panel, create_app
from puqpanel.host import edits, registry
from puqpanel.infra import queue
from puqpanel.infra.db import db, engine_for
from puqpanel.models import Generation
from puqpanel.operations.modules.modules import HINT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from puqpanel.infra.settings import Settings

log = structlog.get_logger(__name__)


class Live:
    """The panel as a server sees it.

    Args:
        settings: where everything is; the app is built at the first request or `ensure()`.
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
        """The app with the modules that are switched on now."""
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
        """Whether files of the modules that are switched on changed since the app was built;
        always False where nobody develops.
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
        """The number of the current set of modules: a hint in the queue server saves the query, the
        database has the truth.

        Args:
            exact: ask the database.
        """
        engine = engine_for(self.settings.database_url)
        if not exact and engine.dialect.name != "sqlite" and self.app is not None:
            hint = queue.get_hint(HINT)
            if hint is not None and hint.isdecimal():
                return int(hint)
        with engine.connect() as connection:
            return connection.scalar(sa.select(Generation.number)) or 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """One request."""
        with self._lock:
            app = self.ensure()
            self._busy[id(app)] = self._busy.get(id(app), 0) + 1
        try:
            return app(environ, start_response)
        except SystemExit as leaving:
            # a module that exits costs its own request, not the process
            log.error(
                "a request tried to exit the process",
                code=str(leaving.code),
                path=environ.get("PATH_INFO"),
            )
            start_response(
                "500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")]
            )
            return [b"Something in this page ended unexpectedly. Staff find it in the log."]
        finally:
            with self._lock:
                self._busy[id(app)] -= 1
                self._clean()

    def _swap(self) -> None:
        old = self.app
        # Looked at before they are read: an edit in between is seen at the next request, not
        # missed.
        found = edits.signature([self.settings.modules_dir]) if self.settings.dev else frozenset()
        self.app = create_app(self.settings)
        self.files = edits.within(found, self._folders(self.app))
        self.swaps += 1
        if old is not None:
            self._retired.append(old)
            self._clean()
            log.info("modules swapped", generation=self.app.generation)

    def _clean(self) -> None:
        """Drops the old apps in which nothing runs any more."""
        waiting = [app for app in self._retired if self._busy.get(id(app))]
        leaving = [app for app in self._retired if not self._busy.get(id(app))]
        self._retired = waiting
        for app in leaving:
            self._busy.pop(id(app), None)
            with contextlib.suppress(Exception):
                dismantle(app)
        if leaving:
            del leaving[:]
            frozen = gc.get_freeze_count() > 0
            if frozen:
                gc.unfreeze()
            gc.collect()
            if frozen:
                gc.freeze()


def dismantle(app: Panel) -> None:
    """Lets go of everything that an app holds, its modules' code included; its engine stays, it
    belongs to the process.
    """
    with app.app_context():
        db.session.remove()
    registry.dispose(app.registry)
    extensions: dict[str, Any] = app.extensions
    extensions.clear()
    app.view_functions.clear()
    app.blueprints.clear()
