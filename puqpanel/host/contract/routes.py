"""The admin routes that a module declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.declared import Route, entries, required_text
from puqpanel.host.contract.names import HTTP_VERBS, snake
from puqpanel.host.contract.permissions import KEY, KEY_CHARACTERS, Permissions
from puqpanel.host.contract.refusal import Refused

FindController = Callable[[str], type]
"""Returns a controller class by its name; raises Refused if there is none."""
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_CONTROLLER = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)@([A-Za-z_][A-Za-z0-9_]*)")


def read(
    instance: ModuleBase,
    permissions: Permissions,
    find_controller: FindController,
    warnings: list[str],
) -> list[Route]:
    """Return the routes of `admin_web_routes()` and `admin_api_routes()`.

    Args:
        instance: of the module.
        permissions: of the module; one that a route uses and the module does not declare is added.
        find_controller: returns a controller class by its name.
        warnings: receives sentences for the module's author.

    Raises:
        Refused: a route is invalid, or two routes conflict.
    """
    routes: list[Route] = []
    for kind in ("web", "api"):
        addresses: set[tuple[str, str]] = set()
        for entry in entries(instance, f"admin_{kind}_routes"):
            route = _route(entry, kind, permissions, find_controller, warnings)
            if any(route.endpoint == other.endpoint for other in routes):
                raise Refused(
                    f"The route name “{route.name}” is used twice in admin_{kind}_routes(); names"
                    " must be unique."
                )
            address = (route.method, re.sub(r"\{\w+\}", "{}", route.uri))
            if address in addresses:
                raise Refused(
                    f"The route “{route.name}” has the same method and uri ({route.method}"
                    f" {route.uri or '/'}) as another route."
                )
            addresses.add(address)
            routes.append(route)
    return routes


def _route(
    entry: Mapping[str, Any],
    kind: str,
    permissions: Permissions,
    find_controller: FindController,
    warnings: list[str],
) -> Route:
    name = required_text(entry, "name", f"A route of admin_{kind}_routes()")
    subject = f"The route “{name}”"
    if not KEY.fullmatch(name):
        raise Refused(f"The route name “{name}” {KEY_CHARACTERS}.")
    method = required_text(entry, "method", subject).lower()
    if method not in HTTP_VERBS:
        raise Refused(f"{subject} has the method “{method}”; use get, post, put or delete.")
    uri = _uri(entry.get("uri"), subject)
    permission = permissions.short_key(required_text(entry, "permission", subject))
    if not KEY.fullmatch(permission):
        raise Refused(f"{subject} has the permission “{permission}”, which is not a valid key.")
    if permission not in permissions:
        permissions.add(permission)
        warnings.append(
            f"{subject} uses the permission “{permission}”, which admin_permissions() does not"
            " declare; it was added."
        )
    controller, action = _controller(
        required_text(entry, "controller", subject), subject, find_controller
    )
    return Route(
        kind=kind,
        method=method,
        uri=uri,
        rule=re.sub(r"\{(\w+)\}", r"<\1>", uri),
        name=name,
        endpoint=("api_" if kind == "api" else "") + name.replace(".", "_"),
        permission=permissions[permission].key,
        controller=controller,
        action=action,
    )


def _uri(value: Any, subject: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"{subject} has no “uri”.")
    uri = value.strip().strip("/")
    segments = uri.split("/") if uri else []
    valid = all(_SEGMENT.fullmatch(part) and part not in (".", "..") for part in segments)
    parameters = [part for part in segments if part.startswith("{")]
    if not valid or len(parameters) != len(set(parameters)):
        raise Refused(
            f"{subject} has the uri “{value}”; use plain segments and distinct {{parameters}} such"
            " as servers/{id}."
        )
    return uri


def _controller(text: str, subject: str, find_controller: FindController) -> tuple[type, str]:
    match = _CONTROLLER.fullmatch(text)
    if not match:
        raise Refused(
            f"{subject} has the controller “{text}”; write it as ServersController@index."
        )
    controller = find_controller(match[1])
    for action in (match[2], snake(match[2])):
        if not action.startswith("_") and callable(getattr(controller, action, None)):
            return controller, action
    raise Refused(f"{subject} points to {text}, but {match[1]} has no public method {match[2]}.")
