"""Search over the clients, services, documents, products, modules and pages the viewer may open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.permissions import MODULES_VIEW
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.infra.db import session
from puqpanel.models import Client, ConfiguredModule, Document, Product, Service
from puqpanel.models.searchable import fold
from puqpanel.web.admin.matches import Parts, client_parts, own_parts
from puqpanel.web.guard import allow, can
from puqpanel.web.list_filters import uuid_starts
from puqpanel.web.list_keys import next_keys
from puqpanel.web.list_page import CAP, capped
from puqpanel.web.look import MODULE_TYPES
from puqpanel.web.navigation import staff_groups

bp = Blueprint("search", __name__, url_prefix="/search")
HITS_PER_GROUP = 8


class Hit(NamedTuple):
    """A search result: its link, and a second line about it."""

    href: str
    name: Text | str
    about: Text | str


class Group(NamedTuple):
    """The results of a kind.

    Args:
        icon: name of the icon.
        label: name of the kind.
        hits: the first results.
        total: number of all results; more than CAP for many.
        more: link to the list with all of them.
    """

    icon: str
    label: Text
    hits: list[Hit]
    total: int
    more: str

    @property
    def number(self) -> str:
        """The number of results to show."""
        return capped(self.total)


@bp.get("/")
@allow()
def index() -> ResponseReturnValue:
    """Show the matches, grouped by kind; to a script, as a menu below the search field."""
    text = " ".join(request.args.get("q", "").replace("\0", "").split())[:100]
    groups = [group for group in _search(text) if group.hits] if text else []
    name = "_found" if "HX-Request" in request.headers else "search"
    return render_template(f"admin/oversight/{name}.html", searched=text, groups=groups)


def _search(text: str) -> Iterator[Group]:
    clients = sa.select(Client.uuid, Client.name, Client.email)
    yield _newest(
        "users", _("Clients"), "clients", text, of=clients, key=Client.id, parts=client_parts
    )
    services = sa.select(Service.uuid, Service.name, Client.name)
    services = services.join(Client, Client.id == Service.client_id)
    yield _newest(
        "server", _("Services"), "services", text, of=services, key=Service.id, parts=own_parts
    )
    # by the whole number, which has an index
    number = sa.func.coalesce(Document.number, "")
    numbered = sa.select(Document.uuid, number, Client.name)
    numbered = numbered.join(Client, Client.id == Document.client_id)
    numbered = numbered.where(Document.number.in_({text, text.upper()}))
    ordered = numbered.order_by(Document.id.desc())
    yield _rows("file-invoice", _("Documents"), "documents", text, ordered)
    products = sa.select(Product.uuid, Product.name, Product.module).where(
        sa.or_(Product.matches(text), uuid_starts(Product.uuid, text))
    )
    yield _rows("cubes", _("Products"), "products", text, products.order_by(Product.id.desc()))
    for icon, label, section, kind in (
        ("credit-card", _("Gateways"), "gateways", "Payment"),
        ("paper-plane", _("Senders"), "senders", "Notification"),
    ):
        configured = sa.select(
            ConfiguredModule.uuid, ConfiguredModule.title, ConfiguredModule.name
        ).where(
            ConfiguredModule.type == kind,
            sa.or_(
                ConfiguredModule.matches(text),
                uuid_starts(ConfiguredModule.uuid, text),
            ),
        )
        ordered = configured.order_by(ConfiguredModule.position, ConfiguredModule.id)
        yield _rows(icon, label, section, text, ordered)
    modules = url_for("admin.modules.index", q=text)
    yield _group("puzzle-piece", _("Modules"), list(_modules(fold(text))), modules)
    yield _group("file", _("Pages"), list(_pages(fold(text))), "")


def _newest(
    icon: str,
    label: Text,
    section: str,
    text: str,
    *,
    of: sa.Select[str, str, str],
    key: Any,
    parts: Callable[[str], Parts],
) -> Group:
    """Return the newest hits of many, whose keys are found in parts."""
    if not can(f"{section}.view"):
        return Group(icon, label, [], 0, "")
    keys = set(
        session().scalars(next_keys(parts(text), None, descending=True, limit=CAP + 1)).all()
    )
    newest = sorted(keys, reverse=True)[:HITS_PER_GROUP]
    found = of.where(key.in_(newest)).order_by(key.desc())
    return _rows(icon, label, section, text, found)._replace(total=len(keys))


def _rows(
    icon: str, label: Text, section: str, text: str, found: sa.Select[str, str, str]
) -> Group:
    """Return the hits of a section whose pages are at `admin.{section}.show`."""
    if not can(f"{section}.view"):
        return Group(icon, label, [], 0, "")
    hits = [
        Hit(url_for(f"admin.{section}.show", uuid=uuid), name, about)
        for uuid, name, about in session().execute(found.limit(HITS_PER_GROUP + 1))
    ]
    total = len(hits)
    if total > HITS_PER_GROUP:
        counted = sa.select(sa.func.count()).select_from(found.order_by(None).subquery())
        total = session().scalar(counted) or total
    # the lists of gateways and senders have no search
    query = None if section in ("gateways", "senders") else text
    more = url_for(f"admin.{section}.index", q=query)
    return Group(icon, label, hits[:HITS_PER_GROUP], total, more)


def _group(icon: str, label: Text, hits: list[Hit], more: str) -> Group:
    return Group(icon, label, hits[:HITS_PER_GROUP], len(hits), more)


def _modules(text: str) -> Iterator[Hit]:
    if not can(MODULES_VIEW):
        return
    for module in registry.current().modules.values():
        if text in fold(f"{module.title} {module.name}"):
            link = url_for("admin.modules.index", q=module.title)
            yield Hit(link, module.title, MODULE_TYPES[module.type])


def _pages(text: str) -> Iterator[Hit]:
    for group in staff_groups():
        for entry in group.entries:
            if text in fold(str(entry.label)):
                yield Hit(entry.href, entry.label, group.label)
