"""The app that the tests of a process share: assembling one takes longer than most tests.

A test gets a new app unless its settings are those of the kept one, which the test before left as
it was assembled. Its database, instance directory and queue are new for each test.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from puqpanel.app import Panel, connect, create_app
from puqpanel.host import registry
from puqpanel.infra import queue
from puqpanel.infra.db import db, release
from puqpanel.infra.settings import Settings
from puqpanel.live import dismantle
from puqpanel.operations.system import currencies
from puqpanel.web.limits import limiter


class Kept:
    """An app and its parts when it was assembled.

    Args:
        settings: its settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.app = create_app(settings)
        self._parts = self._current_parts()
        self._extensions = dict(self.app.extensions)
        self._limiter = limiter._storage, limiter._limiter
        self._pool = queue.connection().connection_pool

    def _current_parts(self) -> list[Any]:
        app = self.app
        hooks = (
            app.before_request_funcs,
            app.after_request_funcs,
            app.teardown_request_funcs,
            app.template_context_processors,
        )
        return [
            dict(app.config),
            dict(app.view_functions),
            dict(app.blueprints),
            [{name: list(called) for name, called in each.items()} for each in hooks],
            dict(app.jinja_env.globals),
            app.wsgi_app,
            dict(app.registry.modules),
        ]

    def fits(self, settings: Settings) -> bool:
        """Return whether a new app with these settings would be equal."""
        pool = queue.connection().connection_pool
        return settings == self.app.settings and pool is self._pool

    def is_unchanged(self) -> bool:
        """Return whether the app has the parts that it was assembled with."""
        return self._current_parts() == self._parts

    def renew(self) -> None:
        """Do what assembling does to the process, and forget what the app noted in a test."""
        connect(self.app.settings)
        self.app.registry = registry.load(self.app.settings.modules_dir, ())
        registry.install(self.app.registry)
        limiter._storage, limiter._limiter = self._limiter
        self.app._got_first_request = False  # a test may add routes; the app is not kept then
        self.app.extensions.clear()
        self.app.extensions.update(self._extensions)
        with self.app.app_context():
            currencies.pin_stored_exponents()
            release()


_kept: Kept | None = None


@contextlib.contextmanager
def app_for(settings: Settings) -> Iterator[Panel]:
    """Yield the kept app, or a new one."""
    global _kept
    taken, _kept = _kept, None
    if taken is not None and taken.fits(settings):
        taken.renew()
    else:
        if taken is not None:
            dismantle(taken.app)
        taken = Kept(settings)
    yield taken.app
    if taken.is_unchanged():
        with taken.app.app_context():
            db.session.remove()
        _kept = taken
    else:
        dismantle(taken.app)
