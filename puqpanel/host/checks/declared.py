"""Rules about what a module declares and has to bring with it: jobs, tabs, routes, schedules,
events.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from croniter import croniter

from puqpanel.domain import events
from puqpanel.host.checks.finding import Severity, Spot, rule
from puqpanel.host.checks.source import (
    Source,
    argument,
    dotted,
    entry,
    inside,
    last_name,
    text_of,
)
from puqpanel.host.contract.names import NAMES, python_name

VERBS = (
    "create",
    "suspend",
    "unsuspend",
    "termination",
    "change_package",
    "idle",
    "unidle",
    "cancellation",
)


@rule(
    "missing-twin",
    Severity.ERROR,
    "Write create_job() (suspend_job() …) with the work in it; the panel's own create() queues it,"
    " so it need not be written at all.",
)
def missing_twin(source: Source) -> Iterator[Spot]:
    """A verb answers at once and its `_job` twin does the work in a worker.

    A verb without its twin either queues a job that does not exist, so that the service fails, or
    does the work while somebody waits for the page.
    """
    if source.type != "Product":
        return
    for verb in VERBS:
        function = source.methods.get(verb)
        if function is not None and f"{verb}_job" not in source.methods:
            yield Spot(
                source.where(function),
                function.lineno,
                f"{verb}() has no {verb}_job().",
                f"Write {verb}_job() with the work in it; the panel's own {verb}() queues it, so"
                f" {verb}() need not be written at all.",
            )


@rule("unknown-job", Severity.ERROR, "Write the method, or name one that is there.")
def unknown_job(source: Source) -> Iterator[Spot]:
    """`Task.add` names the method that the job calls.

    One that is not there is refused when the task is added, in the middle of a customer's order.
    """
    if source.module_class is None or any(
        last_name(base) not in (source.type, "object") for base in source.module_class.bases
    ):
        return  # what comes from a base class elsewhere is not seen here
    for code, node in source.all(ast.Dict):
        method = text_of(entry(node, "method"))
        if method is None or entry(node, "module") is None:
            continue
        plain = python_name(method)
        if plain not in source.methods and plain.removesuffix("_job") not in VERBS:
            near = difflib.get_close_matches(plain, source.methods, 1)
            yield Spot(
                code.path,
                node.lineno,
                f"A task calls {method}(), which {source.name} has not."
                + (f" Do you mean {near[0]}()?" if near else ""),
            )


@rule(
    "orphan-tab-method",
    Severity.WARNING,
    "Declare the tab in get_client_area_menu_config(), or remove the method.",
)
def orphan_tab_method(source: Source) -> Iterator[Spot]:
    """Only declared tabs answer.

    Variables and controllers of a tab that no menu declares are never called; most often a name is
    misspelt.
    """
    menu = source.methods.get("get_client_area_menu_config")
    if source.type != "Product" or menu is None:
        return
    returns = [node.value for node in inside(menu) if isinstance(node, ast.Return)]
    if len(returns) != 1 or not isinstance(returns[0], ast.Dict) or None in returns[0].keys:
        return
    tabs = {text_of(key) or "" for key in returns[0].keys}
    for name, function in source.methods.items():
        owners = (
            [f"variables_{tab}" for tab in tabs]
            if name.startswith("variables_")
            else [f"controller_client_{tab}_" for tab in tabs]
        )
        if name.startswith(("variables_", "controller_client_")) and not name.startswith(
            tuple(owners)
        ):
            yield Spot(
                source.where(function),
                function.lineno,
                f"{name}() belongs to no tab; the tabs are {', '.join(sorted(tabs)) or 'none'}.",
            )


@rule(
    "route-without-permission",
    Severity.ERROR,
    "Give it the short key of a permission that admin_permissions() declares.",
)
def route_without_permission(source: Source) -> Iterator[Spot]:
    """A route without a permission would be open to every member of staff, so the module is
    refused. The loader names the first; here are all.
    """
    for hook in ("admin_web_routes", "admin_api_routes"):
        function = source.methods.get(hook)
        for node in ast.walk(function) if function else ():
            if isinstance(node, ast.Dict) and entry(node, "uri") is not None:
                name = text_of(entry(node, "name")) or text_of(entry(node, "uri")) or "?"
                permission = entry(node, "permission")
                if (permission is None and None not in node.keys) or (
                    isinstance(permission, ast.Constant) and not permission.value
                ):
                    yield Spot(
                        source.where(function),  # type: ignore[arg-type]
                        node.lineno,
                        f"The route “{name}” has no permission.",
                    )


@rule(
    "sidebar-without-route",
    Severity.ERROR,
    "Write the name of a get route without parameters, as admin_web_routes() has it.",
)
def sidebar_without_route(source: Source) -> Iterator[Spot]:
    """A link of the sidebar is the name of a route, not an address; one that leads nowhere gets
    the module refused.
    """
    routes, sidebar = source.methods.get("admin_web_routes"), source.methods.get("admin_sidebar")
    if sidebar is None:
        return
    listed = (
        [node.value for node in inside(routes) if isinstance(node, ast.Return)] if routes else []
    )
    if len(listed) > 1 or not all(
        isinstance(one, ast.List) and all(isinstance(part, ast.Dict) for part in one.elts)
        for one in listed
    ):
        return  # they are worked out; the loader knows them
    names = {
        text_of(entry(part, "name"))
        for one in listed
        if isinstance(one, ast.List)
        for part in one.elts
        if isinstance(part, ast.Dict)
    }
    for node in ast.walk(sidebar):
        link = text_of(entry(node, "link")) if isinstance(node, ast.Dict) else None
        if link is not None and link not in names:
            near = difflib.get_close_matches(link, [name for name in names if name], 1)
            yield Spot(
                source.where(sidebar),
                node.lineno,  # type: ignore[attr-defined]
                f"The sidebar links to “{link}”, which is not a route."
                + (f" Do you mean {near[0]}?" if near else ""),
            )


@rule(
    "bad-schedule",
    Severity.ERROR,
    "Write five fields such as */5 * * * * (minute, hour, day, month, weekday), or “every” with a"
    " text such as 5m.",
)
def bad_schedule(source: Source) -> Iterator[Spot]:
    """Periodic work with a rule that cannot be read never runs, so the module is refused.

    The loader names the first entry; here are all.
    """
    function = source.methods.get("scheduler")
    for node in ast.walk(function) if function else ():
        if not isinstance(node, ast.Dict):
            continue
        cron, method = text_of(entry(node, "cron")), text_of(entry(node, "method"))
        if cron is not None and (len(cron.split()) != 5 or not croniter.is_valid(cron)):
            yield Spot(
                source.where(function),  # type: ignore[arg-type]
                node.lineno,
                f"“{cron}” is no cron text of five fields.",
            )
        if (
            method is not None
            and source.module_class is not None
            and python_name(method) not in source.methods
            and python_name(method) not in NAMES.values()
        ):
            yield Spot(
                source.where(function),  # type: ignore[arg-type]
                node.lineno,
                f"The schedule calls {method}(), which {source.name} has not.",
                "Write the method, or name one that is there.",
            )


@rule(
    "unknown-event",
    Severity.ERROR,
    "Use a name of the table of events; a module's own events begin with a word that is not the"
    " panel's.",
)
def unknown_event(source: Source) -> Iterator[Spot]:
    """A listener to an event that the panel never raises is never called, so the module is
    refused; it is a slip of the pen nearly always.
    """
    for code, node in source.all(ast.Call):
        if last_name(node.func) == "Hook":
            name = text_of(argument(node, 0, "event"))
            if name is not None and (problem := events.missing(name)):
                yield Spot(code.path, node.lineno, problem)


@rule(
    "panel-event",
    Severity.WARNING,
    "Give it a name that begins with your module's own word, such as mymodule.something_happened.",
)
def panel_event(source: Source) -> Iterator[Spot]:
    """Events that begin with a word of the panel's are raised by the panel after it did what they
    tell of. One that a module raises tells others what did not happen.
    """
    for code, node in source.all(ast.Call):
        if dotted(node.func).lower() == "event.dispatch" and node.args:
            name = text_of(node.args[0])
            if name and name.partition(".")[0] in events.AREAS:
                yield Spot(code.path, node.lineno, f"“{name}” is an event of the panel's own.")
