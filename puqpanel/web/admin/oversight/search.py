"""Search over the clients, services, products, modules and pages the viewer may open."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import MODULES_VIEW
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.infra.db import session
from puqpanel.models import Client, Product, Service
from puqpanel.web.admin.accounts.pick import matching
from puqpanel.web.guard import allow, can
from puqpanel.web.look import MODULE_TYPES
from puqpanel.web.navigation import staff_groups

bp = Blueprint("search", __name__, url_prefix="/search")
HITS_PER_GROUP = 8


class Hit(NamedTuple):
    """A search result: its link, and a second line about it."""

    href: str
    name: Text | str
    about: Text | str


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """Show the matches, grouped by kind."""
    text = " ".join(request.args.get("q", "").replace("\0", "").split())[:100]
    groups = [(icon, label, hits) for icon, label, hits in _search(text) if hits] if text else []
    return render_template("admin/oversight/search.html", searched=text, groups=groups)


def _search(text: str) -> list[tuple[str, Text, list[Hit]]]:
    """Return an icon, a label and the hits of each group."""
    clients = sa.select(Client.uuid, Client.name, Client.email).where(matching(text))
    services = (
        sa.select(Service.uuid, Service.name, Client.name)
        .join(Client, Client.id == Service.client_id)
        .where(sa.or_(Service.name.icontains(text, autoescape=True), Service.uuid == text))
    )
    products = sa.select(Product.uuid, Product.name, Product.module).where(
        sa.or_(Product.name.icontains(text, autoescape=True), Product.uuid == text)
    )
    return [
        ("users", _("Clients"), _rows("clients", clients.order_by(Client.id.desc()))),
        ("server", _("Services"), _rows("services", services.order_by(Service.id.desc()))),
        ("cubes", _("Products"), _rows("products", products.order_by(Product.id.desc()))),
        ("puzzle-piece", _("Modules"), _modules(text.lower())),
        ("file", _("Pages"), _pages(text.lower())),
    ]


def _rows(section: str, found: sa.Select[str, str, str]) -> list[Hit]:
    """Return the hits of a section whose pages are at `admin.{section}.show`."""
    if not can(f"{section}.view"):
        return []
    return [
        Hit(url_for(f"admin.{section}.show", uuid=uuid), name, about)
        for uuid, name, about in session().execute(found.limit(HITS_PER_GROUP))
    ]


def _modules(lowered: str) -> list[Hit]:
    if not can(MODULES_VIEW):
        return []
    hits = [
        Hit(url_for("admin.modules.index", q=module.title), module.title, MODULE_TYPES[module.type])
        for module in registry.current().modules.values()
        if lowered in f"{module.title} {module.name}".lower()
    ]
    return hits[:HITS_PER_GROUP]


def _pages(lowered: str) -> list[Hit]:
    hits = [
        Hit(entry.href, entry.label, group.label)
        for group in staff_groups()
        for entry in group.entries
        if lowered in str(entry.label).lower()
    ]
    return hits[:HITS_PER_GROUP]
