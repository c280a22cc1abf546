"""What a module declares, checked and in one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from puqpanel.domain.permissions import Permission
from puqpanel.host.contract import timetable
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.refusal import Refused, describe
from puqpanel.host.sanitize import sentence

MAX_ENTRIES = 500


@dataclass(frozen=True)
class Route:
    """One admin route.

    Attributes:
        kind: `web` or `api`.
        method: `get`, `post`, `put` or `delete`.
        uri: as declared, `servers/{id}`.
        rule: the uri in Flask's syntax, `servers/<id>`.
        name: unique among the routes of its kind.
        endpoint: within the module's blueprint.
        permission: the full key.
        controller: the class that handles requests.
        action: the name of its method.
    """

    kind: str
    method: str
    uri: str
    rule: str
    name: str
    endpoint: str
    permission: str
    controller: type
    action: str


@dataclass(frozen=True)
class SidebarEntry:
    """One link of the staff sidebar.

    Attributes:
        title: its text.
        link: name of the route it leads to.
        endpoint: of that route, within the module's blueprint.
        active_endpoints: endpoints of the pages on which the link is highlighted.
        permission: the full key.
        icon: name of an icon; empty for none.
    """

    title: str
    link: str
    endpoint: str
    active_endpoints: tuple[str, ...]
    permission: str
    icon: str = ""


@dataclass(frozen=True)
class Tab:
    """One tab of a service in the client area.

    Attributes:
        key: in the address.
        name: its label.
        template: named with dots, `client_area.general`.
    """

    key: str
    name: str
    template: str


@dataclass
class Declared:
    """Everything that a module declares.

    Attributes:
        permissions, routes, sidebar, tabs, schedule: what the methods of these names return.
        warnings: sentences for the module's author; none of them prevents loading.
    """

    permissions: list[Permission] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    sidebar: list[SidebarEntry] = field(default_factory=list)
    tabs: list[Tab] = field(default_factory=list)
    schedule: tuple[timetable.Work, ...] = ()
    warnings: list[str] = field(default_factory=list)


def entries(instance: ModuleBase, method: str) -> list[Mapping[str, Any]]:
    """Call a method that declares something and return its entries.

    Args:
        instance: of the module.
        method: its name, `admin_permissions`.

    Raises:
        Refused: it raises, or returns anything but a list of dictionaries.
    """
    try:
        value = getattr(instance, method)()
    except Exception as error:
        raise Refused(f"{method}() failed: {describe(error)}.") from error
    if value is None:
        return []
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Mapping) for item in value):
        raise Refused(f"{method}() must return a list of dictionaries.")
    if len(value) > MAX_ENTRIES:
        raise Refused(
            f"{method}() returns {len(value)} entries; at most {MAX_ENTRIES} are allowed."
        )
    return list(value)


def required_text(entry: Mapping[str, Any], key: str, subject: str) -> str:
    """Return a text of an entry.

    Args:
        entry: one dictionary that a module declared.
        key: of the text.
        subject: what the refusal is about, `The route “index”`.

    Raises:
        Refused: the text is missing or empty.
    """
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{subject} has no “{key}”.")
    return sentence(value, 200)
