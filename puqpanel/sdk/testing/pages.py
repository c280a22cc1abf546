"""The panel's pages around a lab, as browsers see them: real sign-in and CSRF tokens."""

import contextlib
import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from puqpanel.domain.principals import AUTOMATION
from puqpanel.host import registry
from puqpanel.infra import queue
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Module
from puqpanel.operations.accounts import clients, staff
from puqpanel.sdk.testing.lab import Lab, service_row

# by name: the SDK's layer must not import the application factory
ASSEMBLY = "puqpanel.app"
PASSWORD = "a long enough one"  # noqa: S105 - of a panel for one test
_TOKEN = re.compile(r'name="csrf[-_]token"[^>]{0,200}?(?:value|content)="([^"]+)"')


class Browser:
    """A browser with cookies of its own.

    Args:
        app: the panel.
    """

    def __init__(self, app: Flask) -> None:
        self.http = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        """Request a page and return the complete response."""
        response = self.http.get(path, **options)
        response.get_data()
        response.close()
        return response

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, **options: Any
    ) -> TestResponse:
        """Submit a form with the CSRF token of its area."""
        area = "/client" if path.startswith("/client") else "/admin"
        return self.http.post(
            path, data={"csrf_token": self.token(area), **(data or {})}, **options
        )

    def token(self, area: str) -> str:
        """Return the CSRF token on a page of the area, `/admin` or `/client`."""
        match = _TOKEN.search(self.get(area + "/signin", follow_redirects=True).text)
        assert match, "no CSRF token on the page"
        return match[1]

    def sign_in(self, email: str, area: str) -> "Browser":
        """Sign in through the sign-in page and return the browser."""
        response = self.post(area + "/signin", {"email": email, "password": PASSWORD})
        assert response.status_code == 302, response.text
        return self


class Pages:
    """The panel with the lab's module active.

    Attributes:
        app: the Flask application.
        anybody: a browser that is not signed in.
    """

    def __init__(self, app: Flask, service_uuid: str) -> None:
        self.app, self.service_uuid = app, service_uuid
        self.anybody = Browser(app)

    def staff(self) -> Browser:
        """Return a browser signed in as staff with every permission."""
        with self.app.app_context():
            staff.create_staff(
                actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
            )
        return Browser(self.app).sign_in("owner@panel.test", "/admin")

    def customer(self) -> Browser:
        """Return a browser signed in as the client that owns the lab's service."""
        with self.app.app_context():
            client = clients.create_client(
                actor=AUTOMATION,
                name="Anna Berg",
                email="anna@example.test",
                user_password=PASSWORD,
            )
            with transaction() as current:
                service_row(current, self.service_uuid).client_id = client.id
        return Browser(self.app).sign_in("anna@example.test", "/client")


@contextlib.contextmanager
def pages(lab: Lab) -> Iterator[Pages]:
    """Open the panel's pages around a lab.

    Args:
        lab: an open lab whose module was activated.
    """
    release()
    with transaction() as current:
        loaded = lab.loaded
        known = sa.select(Module.id).where(Module.type == loaded.type, Module.name == loaded.name)
        if current.scalar(known) is None:
            current.add(
                Module(type=loaded.type, name=loaded.name, status="active", version=loaded.version)
            )
    session().close()
    settings = Settings(
        instance=lab.base,
        modules_dir=lab.folder.parent.parent,
        database_url=lab.url,
        overrides={"site.base_url": "http://panel.test"},
    )
    queue_before = queue.server_url()
    app: Any = importlib.import_module(ASSEMBLY).create_app(settings)
    limiters = app.extensions.get("limiter", ())
    for limiter in limiters:
        limiter.enabled = False  # it needs the queue server
    try:
        yield Pages(app, lab.service_uuid)
    finally:
        for limiter in limiters:
            limiter.enabled = True  # there is one for all apps of the process
        registry.dispose(app.registry)
        lab.serve()
        queue.use_server(queue_before)
