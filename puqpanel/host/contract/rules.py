"""The load rules: what a module declares, checked and brought into one shape.

Each refusal is one sentence that says what to mend.

The rules look at a module that is imported already and at an instance of it; `host.loader` does
both.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from puqpanel.domain.permissions import Permission, module_permission
from puqpanel.host.contract import templates, timetable
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.names import HTTP_VERBS, snake
from puqpanel.host.contract.refusal import Refused, describe
from puqpanel.host.sanitize import sentence

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_CONTROLLER = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)@([A-Za-z_][A-Za-z0-9_]*)")
MOST = 500
_SECRET = re.compile(r"passw|secret|token|api_?key|private_?key|credential", re.IGNORECASE)
TAB = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


@dataclass(frozen=True)
class Route:
    """One admin route.

    `permission` is the full key; `rule` is the uri as Flask writes it; `action` a method of
    `controller`.
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

    `link` is a route's name, `endpoint` the same within the module's blueprint.
    """

    title: str
    link: str
    endpoint: str
    active_endpoints: tuple[str, ...]
    permission: str
    icon: str = ""


@dataclass(frozen=True)
class Tab:
    """One tab of a service in the client area."""

    key: str
    name: str
    template: str


@dataclass
class Declared:
    """Everything that a module declares, checked."""

    permissions: list[Permission] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    sidebar: list[SidebarEntry] = field(default_factory=list)
    tabs: list[Tab] = field(default_factory=list)
    schedule: tuple[timetable.Work, ...] = ()
    warnings: list[str] = field(default_factory=list)


FindController = Callable[[str], type]


def check_class(module: Any, module_type: str, name: str) -> type[ModuleBase]:
    """Return the module's class.

    Raises Refused when it is missing, no class, or of another type's base.
    """
    cls = vars(module).get(name)
    if not isinstance(cls, type) or cls.__module__ != module.__name__:
        own = [
            k
            for k, v in vars(module).items()
            if isinstance(v, type) and v.__module__ == module.__name__ and issubclass(v, ModuleBase)
        ]
        hint = f"; it defines {', '.join(own)}" if own else ""
        raise Refused(
            f"{name}.py defines no class {name}{hint}: folder, file and class share one name."
        )
    if not issubclass(cls, ModuleBase):
        raise Refused(f"The class {name} must extend puqpanel.sdk.{module_type}.")
    if cls.contract_type != module_type:
        base = cls.contract_type or cls.__base__.__name__ if cls.__base__ else "object"
        raise Refused(
            f"The class {name} extends {base} but lies under modules/{module_type}/; extend"
            f" {module_type}."
        )
    return cls


def read(instance: ModuleBase, find_controller: FindController) -> Declared:
    """Return everything that the instance declares.

    Raises:
        Refused: if it fails.
    """
    found = Declared()
    cls = type(instance)
    if cls.module_name[:1].islower():
        found.warnings.append(
            f"The name {cls.module_name} begins with a lower-case letter; StudlyCase is the rule."
        )
    for key, value in cls.module_config.items():
        if _SECRET.search(key) and isinstance(value, str) and value:
            found.warnings.append(
                f"config.py holds what looks like a secret under “{key}”; keep it in an encrypted"
                " column."
            )
    declared = _permissions(instance, found)
    _routes(instance, "web", declared, find_controller, found)
    _routes(instance, "api", declared, find_controller, found)
    _sidebar(instance, declared, found)
    found.schedule = timetable.read(instance, _entries(instance, "scheduler"))
    found.tabs = tabs(instance)
    for tab in found.tabs:
        if not callable(getattr(instance, f"variables_{tab.key}", None)):
            found.warnings.append(
                f"The tab “{tab.key}” has no variables_{tab.key}(); its template gets no data."
            )
    return found


def _entries(instance: ModuleBase, hook: str) -> list[Mapping[str, Any]]:
    try:
        value = getattr(instance, hook)()
    except Exception as error:
        raise Refused(f"{hook}() failed: {describe(error)}.") from error
    if value is None:
        return []
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(entry, Mapping) for entry in value
    ):
        raise Refused(f"{hook}() must answer a list of dictionaries.")
    if len(value) > MOST:
        raise Refused(f"{hook}() answers {len(value)} entries; at most {MOST} are possible.")
    return list(value)


def _text(entry: Mapping[str, Any], key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{where} has no “{key}”.")
    return sentence(value, 200)


def _short(instance: ModuleBase, key: str) -> str:
    return key.removeprefix(module_permission(instance.module_type, instance.module_name, ""))


def _permission(
    instance: ModuleBase, key: str, name: str = "", description: str = ""
) -> Permission:
    group = str(instance.config("name") or instance.module_name)
    full = module_permission(instance.module_type, instance.module_name, key)
    shown = sentence(name, 120) or key.replace("-", " ").replace("_", " ").capitalize()
    return Permission(full, shown, sentence(description, 400), sentence(group, 120))


def _permissions(instance: ModuleBase, found: Declared) -> dict[str, Permission]:
    declared: dict[str, Permission] = {}
    for entry in _entries(instance, "admin_permissions"):
        key = _short(instance, _text(entry, "key", "An entry of admin_permissions()"))
        if not _KEY.fullmatch(key):
            raise Refused(
                f"The permission key “{key}” may hold only letters, digits, dots, dashes and"
                " underscores."
            )
        if key in declared:
            raise Refused(f"admin_permissions() declares the key “{key}” twice.")
        declared[key] = _permission(
            instance, key, str(entry.get("name") or ""), str(entry.get("description") or "")
        )
        found.permissions.append(declared[key])
    return declared


def _routes(
    instance: ModuleBase,
    kind: str,
    declared: dict[str, Permission],
    find_controller: FindController,
    found: Declared,
) -> None:
    hook = f"admin_{kind}_routes"
    taken: set[tuple[str, str]] = set()
    endpoints = {route.endpoint for route in found.routes}
    for entry in _entries(instance, hook):
        name = _text(entry, "name", f"A route of {hook}()")
        where = f"The route “{name}”"
        if not _KEY.fullmatch(name):
            raise Refused(
                f"The route name “{name}” may hold only letters, digits, dots, dashes and"
                " underscores."
            )
        method = _text(entry, "method", where).lower()
        if method not in HTTP_VERBS:
            raise Refused(f"{where} has the method “{method}”; use get, post, put or delete.")
        uri = _uri(entry.get("uri"), where)
        endpoint = ("api_" if kind == "api" else "") + name.replace(".", "_")
        if endpoint in endpoints:
            raise Refused(
                f"The route name “{name}” is used twice in {hook}(); names lead to addresses and"
                " must differ."
            )
        shape = re.sub(r"\{\w+\}", "{}", uri)
        if (method, shape) in taken:
            raise Refused(
                f"{where} has the same method and uri ({method} {uri or '/'}) as another route."
            )
        permission = _short(instance, _text(entry, "permission", where))
        if not _KEY.fullmatch(permission):
            raise Refused(f"{where} has the permission “{permission}”, which is no permission key.")
        if permission not in declared:
            declared[permission] = _permission(instance, permission)
            found.permissions.append(declared[permission])
            found.warnings.append(
                f"{where} names the permission “{permission}”, which admin_permissions() does not"
                " declare; it is declared by that."
            )
        controller, action = _controller(_text(entry, "controller", where), where, find_controller)
        taken.add((method, shape))
        endpoints.add(endpoint)
        rule = re.sub(r"\{(\w+)\}", r"<\1>", uri)
        full = declared[permission].key
        found.routes.append(
            Route(kind, method, uri, rule, name, endpoint, full, controller, action)
        )


def _uri(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{where} has no “uri”.")
    uri = value.strip().strip("/")
    segments = uri.split("/") if uri else []
    names = [s for s in segments if s.startswith("{")]
    if any(not _SEGMENT.fullmatch(s) or s in (".", "..") for s in segments) or len(names) != len(
        set(names)
    ):
        raise Refused(
            f"{where} has the uri “{value}”; use plain segments and distinct {{parameters}} such as"
            " servers/{id}."
        )
    return uri


def _controller(text: str, where: str, find_controller: FindController) -> tuple[type, str]:
    match = _CONTROLLER.fullmatch(text)
    if not match:
        raise Refused(f"{where} has the controller “{text}”; write it as ServersController@index.")
    controller = find_controller(match[1])
    for action in (match[2], snake(match[2])):
        if not action.startswith("_") and callable(getattr(controller, action, None)):
            return controller, action
    raise Refused(f"{where} leads to {text}, but {match[1]} has no public method {match[2]}.")


def _sidebar(instance: ModuleBase, declared: Mapping[str, Permission], found: Declared) -> None:
    routes = {route.name: route for route in found.routes if route.kind == "web"}
    for entry in _entries(instance, "admin_sidebar"):
        title = _text(entry, "title", "An entry of admin_sidebar()")
        where = f"The sidebar entry “{title}”"
        link = _text(entry, "link", where)
        route = routes.get(link)
        if route is None:
            raise Refused(
                f"{where} links to “{link}”, but admin_web_routes() has no route of that name."
            )
        if route.method != "get" or "{" in route.uri:
            raise Refused(
                f"{where} links to “{link}”, which is no plain page: it must be a get route without"
                " parameters."
            )
        permission = _short(instance, _text(entry, "permission", where))
        if permission not in declared:
            raise Refused(
                f"{where} needs the permission “{permission}”, which the module declares nowhere."
            )
        active = entry.get("active_links") or [link]
        active = [active] if isinstance(active, str) else [str(name) for name in active]
        for name in active:
            if name not in routes:
                found.warnings.append(f"{where} is active on “{name}”, which is no route.")
        endpoints = tuple(
            dict.fromkeys([route.endpoint, *(routes[n].endpoint for n in active if n in routes)])
        )
        icon = str(entry.get("icon") or "")
        found.sidebar.append(
            SidebarEntry(title, link, route.endpoint, endpoints, declared[permission].key, icon)
        )


def tabs(instance: ModuleBase) -> list[Tab]:
    """Return the tabs of the client area.

    Raises Refused when they are no dictionary of `{key: {name, template}}` with templates that
    exist.
    """
    hook = getattr(instance, "get_client_area_menu_config", None)
    if hook is None:
        return []
    try:
        menu = hook()
    except Exception as error:
        raise Refused(
            f"get_client_area_menu_config() failed when asked without a service: {describe(error)}."
        ) from error
    if not isinstance(menu, Mapping):
        raise Refused(
            "get_client_area_menu_config() must answer a dictionary of tab → {name, template}."
        )
    found = []
    for key, entry in menu.items():
        if not isinstance(key, str) or not TAB.fullmatch(key):
            raise Refused(
                f"The tab key “{key}” must begin with a letter and hold only letters, digits and"
                " underscores."
            )
        if not isinstance(entry, Mapping):
            raise Refused(f"The tab “{key}” must be a dictionary with a name and a template.")
        template = _text(entry, "template", f"The tab “{key}”")
        if templates.file(instance.module_folder, template) is None:
            raise Refused(
                f"The tab “{key}” has the template “{template}”, but"
                f" views/{templates.relative(template)} is not there."
            )
        found.append(
            Tab(
                key,
                sentence(str(entry.get("name") or key.replace("_", " ").capitalize()), 80),
                template,
            )
        )
    return found
