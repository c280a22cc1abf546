"""The panel's pages around the module of a lab, as browsers see them: signed in through the
real form, with tokens of real pages.
"""

import contextlib
import importlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from puqpanel.domain.actors import SYSTEM
from puqpanel.infra import queue
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Client, Module
from puqpanel.models import Service as ServiceRow
from puqpanel.operations.accounts import clients, staff
from puqpanel.sdk.testing.lab import Lab

# The panel's assembly point stands above the SDK; it is named here and nowhere else, and only tests
# come this way.
ASSEMBLY = "puqpanel.app"
PASSWORD = "a long enough one"  # noqa: S105 - of a panel that lives for one test
_TOKEN = re.compile(r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"')


class Browser:
    """One browser. Args: app is the panel it talks to."""

    def __init__(self, app: Flask) -> None:
        self.http = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        """One page, read to its end."""
        answer = self.http.get(path, **options)
        answer.get_data()
        answer.close()
        return answer

    def post(
        self, path: str, data: Mapping[str, Any] | None = None, **options: Any
    ) -> TestResponse:
        """Sends a form with the token of its area."""
        area = "/client" if path.startswith("/client") else "/admin"
        return self.http.post(
            path, data={"csrf_token": self.token(area), **(data or {})}, **options
        )

    def token(self, area: str) -> str:
        """The token that a page of the area carries."""
        found = _TOKEN.search(self.get(area + "/signin", follow_redirects=True).text)
        assert found, "no token on the page"
        return found[1]

    def sign_in(self, email: str, area: str) -> "Browser":
        """Signs in through the form."""
        answer = self.post(area + "/signin", {"email": email, "password": PASSWORD})
        assert answer.status_code == 302, answer.text
        return self


class Pages:
    """The whole panel with the lab's module switched on.

    Attributes: anybody, somebody who is not signed in.
    """

    def __init__(self, app: Flask, service_uuid: str) -> None:
        self.app, self.service_uuid = app, service_uuid
        self.anybody = Browser(app)

    def staff(self) -> Browser:
        """Staff who may do everything."""
        with self.app.app_context():
            staff.create_staff(
                actor=SYSTEM, email="owner@panel.test", name="Olga Owner", password=PASSWORD
            )
        return Browser(self.app).sign_in("owner@panel.test", "/admin")

    def customer(self) -> Browser:
        """The customer whose service the lab's is."""
        with self.app.app_context():
            made = clients.create_client(
                actor=SYSTEM, name="Anna Berg", email="anna@example.test", user_password=PASSWORD
            )
            with transaction() as current:
                owner = current.scalars(sa.select(Client.id).where(Client.uuid == made.uuid)).one()
                current.execute(
                    sa.update(ServiceRow)
                    .where(ServiceRow.uuid == self.service_uuid)
                    .values(client_id=owner)
                )
        return Browser(self.app).sign_in("anna@example.test", "/client")


@contextlib.contextmanager
def pages(lab: Lab) -> Iterator[Pages]:
    """The panel's pages around a lab whose module was activated. Args: lab, entered."""
    release()
    with transaction() as current:
        if (
            current.scalar(
                sa.select(Module.id).where(
                    Module.type == lab.loaded.type, Module.name == lab.loaded.name
                )
            )
            is None
        ):
            current.add(
                Module(
                    type=lab.loaded.type,
                    name=lab.loaded.name,
                    status="active",
                    version=lab.loaded.version,
                )
            )
    session().close()
    settings = Settings(
        instance=lab.base,
        modules_dir=lab.folder.parent.parent,
        database_url=lab.url,
        base_url="http://panel.test",
    )
    queue_before = queue.server_url()
    app: Any = importlib.import_module(ASSEMBLY).create_app(settings)
    for limiter in app.extensions.get("limiter", ()):
        limiter.enabled = False  # it counts in the queue server, and there is none here
    try:
        yield Pages(app, lab.service_uuid)
    finally:
        importlib.import_module("puqpanel.host.registry").dispose(app.registry)
        lab.serve()
        queue.use_server(queue_before)
