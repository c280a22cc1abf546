"""The load rules: check a module's class and everything that it declares.

The rules look at a module that is imported already and at an instance of it; `host.loader` does
both. Each refusal is one sentence that says what to fix.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from puqpanel.host.contract import routes, templates, timetable
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.declared import (
    Declared,
    Route,
    SidebarEntry,
    Tab,
    entries,
    required_text,
)
from puqpanel.host.contract.permissions import Permissions
from puqpanel.host.contract.refusal import Refused, describe
from puqpanel.host.sanitize import sentence

_SECRET = re.compile(r"passw|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
_TAB = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


def check_class(module: Any, module_type: str, name: str) -> type[ModuleBase]:
    """Return the module's class.

    Args:
        module: the imported main file.
        module_type: the type whose folder it is in.
        name: of the folder, the file and the class.

    Raises:
        Refused: the class is missing, or extends another type's base class.
    """
    cls = vars(module).get(name)
    if not isinstance(cls, type) or cls.__module__ != module.__name__:
        others = [
            other
            for other, value in vars(module).items()
            if isinstance(value, type)
            and value.__module__ == module.__name__
            and issubclass(value, ModuleBase)
        ]
        hint = f"; it defines {', '.join(others)}" if others else ""
        raise Refused(
            f"{name}.py defines no class {name}{hint}: folder, file and class share one name."
        )
    if not issubclass(cls, ModuleBase):
        raise Refused(f"The class {name} must extend puqpanel.sdk.{module_type}.")
    if cls.contract_type != module_type:
        base = cls.contract_type or cls.__mro__[1].__name__
        raise Refused(
            f"The class {name} extends {base} but is in modules/{module_type}/; extend"
            f" {module_type}."
        )
    return cls


def read(instance: ModuleBase, find_controller: routes.FindController) -> Declared:
    """Return everything that a module declares.

    Args:
        instance: of the module.
        find_controller: returns a controller class by its name.

    Raises:
        Refused: a declaration is invalid.
    """
    warnings = _warnings(instance)
    permissions = Permissions(instance)
    admin_routes = routes.read(instance, permissions, find_controller, warnings)
    pages = {route.name: route for route in admin_routes if route.kind == "web"}
    sidebar = _sidebar(instance, pages, permissions, warnings)
    schedule = timetable.read(instance, entries(instance, "scheduler"))
    client_tabs = tabs(instance)
    warnings += [
        f"The tab “{tab.key}” has no variables_{tab.key}(); its template gets no data."
        for tab in client_tabs
        if not callable(getattr(instance, f"variables_{tab.key}", None))
    ]
    return Declared(
        list(permissions.values()), admin_routes, sidebar, client_tabs, schedule, warnings
    )


def _warnings(instance: ModuleBase) -> list[str]:
    warnings = []
    name = instance.module_name
    if name[:1].islower():
        warnings.append(f"The name {name} begins with a lower-case letter; use StudlyCase.")
    warnings += [
        f"config.py holds what looks like a secret under “{key}”; store it in an encrypted column."
        for key in instance.module_config
        if _SECRET.search(key) and isinstance(value := instance.module_config[key], str) and value
    ]
    return warnings


def _sidebar(
    instance: ModuleBase,
    pages: Mapping[str, Route],
    permissions: Permissions,
    warnings: list[str],
) -> list[SidebarEntry]:
    sidebar = []
    for entry in entries(instance, "admin_sidebar"):
        title = required_text(entry, "title", "An entry of admin_sidebar()")
        subject = f"The sidebar entry “{title}”"
        link = required_text(entry, "link", subject)
        page = pages.get(link)
        if page is None:
            raise Refused(
                f"{subject} links to “{link}”, but admin_web_routes() has no route of that name."
            )
        if page.method != "get" or "{" in page.uri:
            raise Refused(
                f"{subject} links to “{link}”; it must be a get route without parameters."
            )
        permission = permissions.short_key(required_text(entry, "permission", subject))
        if permission not in permissions:
            raise Refused(
                f"{subject} needs the permission “{permission}”, which the module does not declare."
            )
        active = entry.get("active_links") or []
        names = [active] if isinstance(active, str) else [str(name) for name in active]
        warnings += [
            f"{subject} is active on “{name}”, which is not a route."
            for name in names
            if name not in pages
        ]
        active_endpoints = [page.endpoint, *(pages[n].endpoint for n in names if n in pages)]
        sidebar.append(
            SidebarEntry(
                title=title,
                link=link,
                endpoint=page.endpoint,
                active_endpoints=tuple(dict.fromkeys(active_endpoints)),
                permission=permissions[permission].key,
                icon=str(entry.get("icon") or ""),
            )
        )
    return sidebar


def tabs(instance: ModuleBase) -> list[Tab]:
    """Return the tabs of the client area.

    Args:
        instance: of the module; only Product modules have tabs.

    Raises:
        Refused: they are not a dictionary of `{key: {name, template}}`, or a template is missing.
    """
    menu_config = getattr(instance, "get_client_area_menu_config", None)
    if menu_config is None:
        return []
    try:
        menu = menu_config()
    except Exception as error:
        raise Refused(
            "get_client_area_menu_config() failed when called without a service:"
            f" {describe(error)}."
        ) from error
    if not isinstance(menu, Mapping):
        raise Refused(
            "get_client_area_menu_config() must return a dictionary of tab → {name, template}."
        )
    return [_tab(instance, key, entry) for key, entry in menu.items()]


def _tab(instance: ModuleBase, key: Any, entry: Any) -> Tab:
    if not isinstance(key, str) or not _TAB.fullmatch(key):
        raise Refused(
            f"The tab key “{key}” must begin with a letter and contain only letters, digits and"
            " underscores."
        )
    subject = f"The tab “{key}”"
    if not isinstance(entry, Mapping):
        raise Refused(f"{subject} must be a dictionary with a name and a template.")
    template = required_text(entry, "template", subject)
    if templates.file(instance.module_folder, template) is None:
        raise Refused(
            f"{subject} has the template “{template}”, but views/{templates.relative(template)}"
            " does not exist."
        )
    label = str(entry.get("name") or key.replace("_", " ").capitalize())
    return Tab(key, sentence(label, 80), template)
