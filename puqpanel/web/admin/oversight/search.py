"""One search over clients, services, products, modules and pages; what somebody may not open is
not found.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.host import registry
from puqpanel.infra.db import session
from puqpanel.models import Client, Product, Service
from puqpanel.web.admin.accounts.pick import matching
from puqpanel.web.guard import allow, can
from puqpanel.web.navigation import staff_groups

bp = Blueprint("search", __name__, url_prefix="/search")
EACH = 8


class Hit(NamedTuple):
    """One thing that was found."""

    href: str
    name: str
    about: str


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """What matches, by kind."""
    text = " ".join(request.args.get("q", "").replace("\0", "").split())[:100]
    groups = [(icon, label, hits) for icon, label, hits in _found(text) if hits] if text else []
    return render_template("admin/oversight/search.html", searched=text, groups=groups)


def _found(text: str) -> list[tuple[str, str, list[Hit]]]:
    low = text.lower()
    pages = [
        Hit(e.href, e.label, group.label)
        for group in staff_groups()
        for e in group.entries
        if low in e.label.lower()
    ]
    return [
        ("users", "Clients", _clients(text)),
        ("server", "Services", _services(text)),
        ("cubes", "Products", _products(text)),
        ("puzzle-piece", "Modules", _modules(low)),
        ("file", "Pages", pages[:EACH]),
    ]


def _clients(text: str) -> list[Hit]:
    if not can("clients.view"):
        return []
    rows = session().execute(
        sa.select(Client.uuid, Client.name, Client.email)
        .where(matching(text))
        .order_by(Client.id.desc())
        .limit(EACH)
    )
    return [Hit(url_for("admin.clients.show", uuid=row.uuid), row.name, row.email) for row in rows]


def _services(text: str) -> list[Hit]:
    if not can("services.view"):
        return []
    rows = session().execute(
        sa.select(Service.uuid, Service.name, Client.name.label("client"))
        .join(Client, Client.id == Service.client_id)
        .where(sa.or_(Service.name.icontains(text, autoescape=True), Service.uuid == text))
        .order_by(Service.id.desc())
        .limit(EACH)
    )
    return [
        Hit(url_for("admin.services.show", uuid=row.uuid), row.name, row.client) for row in rows
    ]


def _products(text: str) -> list[Hit]:
    if not can("products.view"):
        return []
    rows = session().execute(
        sa.select(Product.uuid, Product.name, Product.module)
        .where(sa.or_(Product.name.icontains(text, autoescape=True), Product.uuid == text))
        .order_by(Product.id.desc())
        .limit(EACH)
    )
    return [
        Hit(url_for("admin.products.show", uuid=row.uuid), row.name, row.module) for row in rows
    ]


def _modules(low: str) -> list[Hit]:
    if not can("modules.view"):
        return []
    found = [
        module
        for module in registry.current().modules.values()
        if low in f"{module.title} {module.name}".lower()
    ]
    return [
        Hit(url_for("admin.modules.index", q=module.title), module.title, module.type)
        for module in found[:EACH]
    ]
