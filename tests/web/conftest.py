"""Browsers signed in through the real form, with CSRF tokens of their sessions."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import engine_for, session, transaction
from puqpanel.models import Role
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.catalog import prices, products
from puqpanel.operations.provisioning import services
from puqpanel.web.sessions import CSRF

PASSWORD = "a long enough one"


class Browser:
    """One browser.

    Args:
        app: the panel it talks to.
    """

    def __init__(self, app: Panel) -> None:
        self.http = app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        """Request a page and read it to the end, so that sent files are closed."""
        answer = self.http.get(path, **options)
        answer.get_data()
        answer.close()
        return answer

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Submit a form with the CSRF token of this area."""
        area = "/client" if path.startswith("/client") else "/admin"
        return self.http.post(
            path, data={"csrf_token": self.token(area), **(data or {})}, **options
        )

    def token(self, area: str) -> str:
        """Return the CSRF token that pages of this area show; test_guard.py compares them."""
        with self.http.session_transaction(area) as cookie:
            secret = cookie.setdefault(CSRF, secrets.token_hex(20))
        return URLSafeTimedSerializer(self.http.application.secret_key, "wtf-csrf-token").dumps(
            secret
        )

    def sign_in(self, email: str, area: str = "/admin", password: str = PASSWORD) -> Browser:
        """Sign in through the form."""
        answer = self.post(area + "/signin", {"email": email, "password": password})
        assert answer.status_code == 302, answer.text
        return self


@pytest.fixture
def visitor(app: Panel) -> Browser:
    """A browser that is not signed in."""
    return Browser(app)


@pytest.fixture
def owner(app: Panel) -> Browser:
    """A signed-in owner."""
    with app.app_context():
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
        )
    return Browser(app).sign_in("owner@panel.test")


@pytest.fixture
def clerk(app: Panel) -> Browser:
    """Signed-in staff with the permission to view services only."""
    with app.app_context():
        with transaction() as current:
            current.add(Role(name="Clerk", permissions=["services.view"]))
        role = session().scalar(sa.select(Role).where(Role.name == "Clerk"))
        assert role is not None
        staff.create_staff(
            actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
        )
        staff.create_staff(
            actor=AUTOMATION,
            email="clerk@panel.test",
            name="Carl Clerk",
            password=PASSWORD,
            role_uuids=[role.uuid],
        )
    return Browser(app).sign_in("clerk@panel.test")


@pytest.fixture
def shop(app: Panel) -> dict[str, str]:
    """The UUIDs of a client with a user, a product without a module, and a service."""
    with app.app_context():
        client = clients.create_client(
            actor=AUTOMATION, name="Anna Berg", email="anna@example.test", user_password=PASSWORD
        )
        clients.create_client(
            actor=AUTOMATION, name="Tom Other", email="tom@example.test", user_password=PASSWORD
        )
        product = products.save_product(actor=AUTOMATION, uuid=None, name="Web S", price="4.90")
        service = services.create_service(
            actor=AUTOMATION,
            client_uuid=client.uuid,
            product_uuid=product.uuid,
            name="berg.example",
        )
        return {
            "client": client.uuid,
            "product": product.uuid,
            "offer": f"{product.uuid}/{prices.prices_of(product)[0].uuid}",
            "service": service.uuid,
        }


@pytest.fixture
def counted(settings: Any) -> Iterator[Callable[[], list[str]]]:
    """A function that returns the database statements since its last call."""
    engine = engine_for(settings.database_url)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.upper().startswith(("BEGIN", "COMMIT", "ROLLBACK", "PRAGMA")):
            statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)

    def take() -> list[str]:
        taken = list(statements)
        statements.clear()
        return taken

    yield take
    sa.event.remove(engine, "before_cursor_execute", note)
