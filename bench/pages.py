"""CPU of signed-in pages: a list beside a bare one, the dashboard, and growth with the rows.

CPU rather than time, because other load changes times twofold: that of this process, and on
PostgreSQL of the server's process of the connection too if it runs on this machine.
"""

from __future__ import annotations

import dataclasses
import math
import re
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import sqlalchemy as sa
from flask import Flask, render_template_string, url_for
from flask_login import LoginManager, UserMixin, login_required, login_user
from sqlalchemy.orm import Session

from bench.measure import (
    ROUNDS,
    backend,
    figure,
    interleaved,
    server_seconds,
    temporary_panel,
)
from puqpanel.app import Panel, create_app
from puqpanel.cli.demo.rows import add_rows
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import engine_for, release, session
from puqpanel.infra.settings import Settings
from puqpanel.models import Client, Product, Service, Staff, Task
from puqpanel.operations.accounts import staff
from puqpanel.operations.oversight import dashboard
from puqpanel.operations.oversight import statistics as figures_of
from puqpanel.web import list_cursor
from puqpanel.web.admin.provisioning.services import SERVICES

FEW, MANY = 1_000, 100_000
REQUESTS = 12
"""Requests of a page in a measurement."""
EMAIL = "bench@example.test"
BARE = """<!doctype html><title>Services</title><table>
{% for row in rows %}<tr><td><a href="{{ url_for('show', uuid=row.uuid) }}">{{ row.name }}</a></td>
<td><a href="{{ url_for('show', uuid=row.client_uuid) }}">{{ row.client }}</a></td>
<td>{{ row.product }}</td><td>{{ row.status }}</td><td>{{ row.provision_status }}</td>
<td>{{ row.price_minor }} {{ row.currency }}</td><td>{{ row.created_at }}</td></tr>
{% endfor %}</table>"""
Get = Callable[[str], None]


def figures(n: int | None, database: str | None) -> Iterator[dict[str, object]]:
    """Measure a list and the dashboard beside bare ones, and the growth of pages with the rows.

    Args:
        n: Number of services; 100,000 by default.
        database: URL of an empty database; by default, SQLite.
    """
    with temporary_panel(database) as settings:
        name = backend(settings.database_url)
        add_rows(settings, FEW)
        few = page_costs(settings)
        add_rows(settings, (n or MANY) - FEW)
        many = page_costs(settings)
        yield from ratios(settings)
        for page, cost in many.items():
            exponent = math.log(cost / few[page]) / math.log((n or MANY) / FEW)
            growth = f"growth of {page} to {n or MANY:,}"
            yield figure(growth, name, exponent, None, "exponent", 0.05, absolute=True)


def ratios(settings: Settings) -> Iterator[dict[str, object]]:
    """Compare a list with a bare one, and the dashboard with itself with constant figures."""
    name, app = backend(settings.database_url), create_app(settings)
    get, bare = signed_in(app), bare_list(settings.database_url)
    ours, theirs = interleaved(
        lambda: cpu_ms(settings, lambda: get("/admin/services/?size=50")),
        lambda: cpu_ms(settings, lambda: bare("/")),
    )
    yield figure("list of 50 rows", name, ours, theirs, "ms", 1 / 0.6)
    with app.app_context():
        overview, failed = dashboard.overview(), list(dashboard.failed_services())

    def constant() -> float:
        with (
            mock.patch.object(dashboard, "overview", return_value=overview),
            mock.patch.object(dashboard, "failed_services", return_value=failed),
        ):
            return cpu_ms(settings, lambda: get("/admin/"))

    ours, theirs = interleaved(lambda: cpu_ms(settings, lambda: get("/admin/")), constant)
    yield figure("dashboard", name, ours, theirs, "ms", 1 / 0.6)


def page_costs(settings: Settings) -> dict[str, float]:
    """Return the CPU milliseconds of each page."""
    app = create_app(settings)
    get = signed_in(app)
    with app.app_context():
        middle = session().scalars(sa.select(Service).order_by(Service.id.desc()).limit(1)).first()
        client = (
            session().scalars(sa.select(Client.uuid).order_by(Client.id.desc()).limit(1)).first()
        )
        task = session().scalars(sa.select(Task.uuid).order_by(Task.id.desc()).limit(1)).first()
        assert middle is not None
        number, uuid = middle.id // 2, middle.uuid
        query = SERVICES.read("", {})
        row: Any = dataclasses.make_dataclass("Row", ["_sort", "_key"])(number, number)
        at = list_cursor.pack(query, row, True, number)
        release()
    pages = {
        "list, first": "/admin/services/?size=50",
        "list, deep": f"/admin/services/?size=50&at={at}",
        "list, filtered": "/admin/services/?size=50&status=suspended",
        "list, searched": f"/admin/services/?size=50&q=www{number}",
        "list, searched, common": "/admin/services/?size=50&q=example",
        "list, sorted by name": "/admin/services/?size=50&sort=name",
        "tasks": "/admin/tasks/?size=50",
        "tasks, scheduled": "/admin/tasks/?size=50&tab=scheduled",
        "clients": "/admin/clients/?size=50",
        "clients, searched": f"/admin/clients/?size=50&q=client{number // 8}",
        "activity": "/admin/activity/?size=50",
        "search, rare": f"/admin/search/?q=www{number}",
        "search, common": "/admin/search/?q=example",
        "dashboard": "/admin/",
        "detail": f"/admin/services/{uuid}",
        "detail of a client": f"/admin/clients/{client}",
        "detail of a task": f"/admin/tasks/{task}",
    }

    def reports() -> None:
        with app.app_context():
            read_statistics()

    costs = {"statistics": statistics.median(cpu_ms(settings, reports) for _ in range(ROUNDS))}
    return costs | {
        page: statistics.median(
            cpu_ms(settings, lambda url=url: get(url))  # type: ignore[misc]
            for _ in range(ROUNDS)
        )
        for page, url in pages.items()
    }


def read_statistics() -> None:
    """Read the statistics that reports show, of the last thirty days and twelve months."""
    last = figures_of.today()
    first = last - timedelta(days=29)
    figures_of.services_by_status()
    figures_of.services_by_product()
    figures_of.income_by_product()
    figures_of.recurring_income()
    figures_of.new_and_lost(first, last)
    figures_of.churn(last - timedelta(days=365), last)
    figures_of.provisioning(first, last)
    figures_of.module_health(first, last)


def signed_in(app: Panel) -> Get:
    """Return a function that requests a page as a member of staff with all permissions."""
    password, http = secrets.token_urlsafe(16), app.test_client()
    email = f"{secrets.token_hex(4)}-{EMAIL}"
    with app.app_context():
        staff.create_staff(actor=CLI, email=email, name="Bench", password=password)
    token = re.search(
        r'name="csrf[-_]token"[^>]*?(?:value|content)="([^"]+)"', http.get("/admin/signin").text
    )
    assert token is not None
    form = {"csrf_token": token[1], "email": email, "password": password}
    assert http.post("/admin/signin", data=form).status_code == 302

    def get(url: str) -> None:
        answer = http.get(url)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        answer.close()

    return get


def bare_list(url: str) -> Get:
    """Return a function that requests the same rows from Flask, Flask-Login and SQLAlchemy alone.

    It makes one query for the user and one for the rows, and a loop with two `url_for` a row.
    """
    app, engine = Flask("bare"), engine_for(url)
    app.secret_key = secrets.token_hex(16)
    manager = LoginManager(app)

    class Account(UserMixin):  # type: ignore[misc]
        def __init__(self, row_id: int) -> None:
            self.id = row_id

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(row_id: str) -> Account | None:
        with Session(engine) as current:
            row = current.get(Staff, int(row_id))
            return Account(row.id) if row else None

    rows = (
        sa.select(
            *(Service.uuid, Service.name, Service.status, Service.provision_status),
            *(Service.price_minor, Service.currency, Service.created_at),
            *(Client.name.label("client"), Client.uuid.label("client_uuid")),
            Product.name.label("product"),
        )
        .join(Client, Client.id == Service.client_id)
        .join(Product, Product.id == Service.product_id)
        .order_by(Service.id.desc())
        .limit(50)
    )

    @app.get("/")
    @login_required  # type: ignore[untyped-decorator]
    def index() -> str:
        with Session(engine) as current:
            return render_template_string(BARE, rows=current.execute(rows).all())

    @app.get("/services/<uuid>")
    def show(uuid: str) -> str:
        return url_for("show", uuid=uuid)

    @app.get("/signin")
    def sign_in() -> str:
        with Session(engine) as current:
            login_user(Account(current.scalars(sa.select(Staff.id)).first() or 0))
        return ""

    http = app.test_client()
    http.get("/signin")

    def get(path: str) -> None:
        answer = http.get(path)
        assert answer.status_code == 200 and answer.text.count("<tr>") == 50
        answer.close()

    return get


def cpu_ms(settings: Settings, call: Callable[[], None]) -> float:
    """Return the CPU milliseconds of a call, after one that warms it."""
    call()
    engine = engine_for(settings.database_url)
    before = time.process_time() + server_seconds(engine)
    for _ in range(REQUESTS):
        call()
    return (time.process_time() + server_seconds(engine) - before) / REQUESTS * 1000
