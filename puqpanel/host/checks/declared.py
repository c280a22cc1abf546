"""Rules about what a module declares and has to bring with it: jobs, tabs, routes, schedules,
events.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from croniter import croniter

from puqpanel.domain import events
from puqpanel.domain.suggestions import did_you_mean, nearest
from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import (
    Source,
    argument,
    dotted,
    entry,
    inside,
    last_name,
    text_of,
)
from puqpanel.host.contract.names import NAMES, python_name, snake

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
    "missing-job-method",
    Severity.ERROR,
    "Move the work to create_job(), suspend_job() and so on, and remove the verb: its default adds"
    " the task.",
)
def missing_job_method(source: Source) -> Iterator[Problem]:
    """A verb returns immediately, and a worker runs its `_job` method.

    Without that method, the verb either enqueues a job that does not exist, so that provisioning
    fails, or blocks the request.
    """
    if source.type != "Product":
        return
    for verb in VERBS:
        function = source.methods.get(verb)
        if function is not None and f"{verb}_job" not in source.methods:
            yield Problem(
                source.where(function),
                function.lineno,
                f"{verb}() is defined without {verb}_job().",
                f"Move the work to {verb}_job() and remove {verb}(): its default adds the task.",
            )


@rule("unknown-job", Severity.ERROR, "Define the method, or use the name of an existing one.")
def unknown_job(source: Source) -> Iterator[Problem]:
    """`Task.add` takes the name of a method of the module.

    If the method does not exist, adding the task fails at run time.
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
            near = _nearest_job(method, source)
            yield Problem(
                code.path,
                node.lineno,
                f"A task calls {method}(), which {source.name} does not define."
                + did_you_mean(near and f"{near}()"),
            )


def _nearest_job(method: str, source: Source) -> str:
    """The method that was meant, in the spelling of the class; empty if none is near.

    Jobs come before verbs: a task that calls a verb would only add another task.
    """
    spelt = [function.name for function in source.methods.values()]
    jobs = [name for name in spelt if python_name(name).endswith("_job")]
    jobs += [source.in_its_style(f"{verb}_job") for verb in VERBS]
    for pool in (jobs, spelt):
        folded = {name.replace("_", "").lower(): name for name in reversed(pool)}
        if near := nearest(method.replace("_", "").lower(), folded):
            return folded[near]
    return ""


@rule(
    "orphan-tab-method",
    Severity.WARNING,
    "Declare the tab in get_client_area_menu_config(), or remove the method.",
)
def orphan_tab_method(source: Source) -> Iterator[Problem]:
    """Methods of a tab that is not declared are never called.

    Usually the name is misspelt.
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
            yield Problem(
                source.where(function),
                function.lineno,
                f"{name}() matches no tab; declared tabs: {', '.join(sorted(tabs)) or 'none'}.",
            )


@rule(
    "route-without-permission",
    Severity.ERROR,
    "Set “permission” to a key that admin_permissions() declares.",
)
def route_without_permission(source: Source) -> Iterator[Problem]:
    """A route without a permission would be open to all staff, so the module is refused. The
    loader reports only the first one.
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
                    yield Problem(
                        source.where(function),  # type: ignore[arg-type]
                        node.lineno,
                        f"The route “{name}” has no permission.",
                    )


@rule(
    "sidebar-without-route",
    Severity.ERROR,
    "Set “link” to the name of a get route in admin_web_routes() without parameters.",
)
def sidebar_without_route(source: Source) -> Iterator[Problem]:
    """A sidebar entry links to a route by name, not by URL. If the route does not exist, the
    module is refused.
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
            near = nearest(link, sorted(name for name in names if name), 0.5)
            yield Problem(
                source.where(sidebar),
                node.lineno,  # type: ignore[attr-defined]
                f"The sidebar links to “{link}”, which is not a route." + did_you_mean(near),
            )


@rule(
    "bad-schedule",
    Severity.ERROR,
    "Use a cron expression such as */5 * * * * (minute, hour, day, month, weekday), or “every”"
    " with an interval such as 5m.",
)
def bad_schedule(source: Source) -> Iterator[Problem]:
    """An entry with an invalid schedule can't run, so the module is refused.

    The loader reports only the first one.
    """
    function = source.methods.get("scheduler")
    for node in ast.walk(function) if function else ():
        if not isinstance(node, ast.Dict):
            continue
        cron, method = text_of(entry(node, "cron")), text_of(entry(node, "method"))
        if cron is not None and (len(cron.split()) != 5 or not croniter.is_valid(cron)):
            yield Problem(
                source.where(function),  # type: ignore[arg-type]
                node.lineno,
                f"“{cron}” is not a valid cron expression.",
            )
        if (
            method is not None
            and source.module_class is not None
            and python_name(method) not in source.methods
            and python_name(method) not in NAMES.values()
        ):
            yield Problem(
                source.where(function),  # type: ignore[arg-type]
                node.lineno,
                f"scheduler() names {method}(), which {source.name} does not define.",
                "Define the method, or use the name of an existing one.",
            )


@rule(
    "unknown-event",
    Severity.ERROR,
    "Use an event from the events reference, or a custom name whose prefix is not reserved.",
)
def unknown_event(source: Source) -> Iterator[Problem]:
    """A listener for an event that does not exist is never called, so the module is refused.
    Usually the name is misspelt.
    """
    own = {source.name.lower(), snake(source.name)}
    dispatched = {
        text_of(node.args[0])
        for _, node in source.all(ast.Call)
        if dotted(node.func).lower() == "event.dispatch" and node.args
    }
    for code, node in source.all(ast.Call, ast.Dict):
        if isinstance(node, ast.Dict):
            name = text_of(entry(node, "event")) if entry(node, "listener") else None
        else:
            name = text_of(argument(node, 0, "event")) if last_name(node.func) == "Hook" else None
        if name is None:
            continue
        if problem := events.missing(name):
            yield Problem(code.path, node.lineno, problem)
        elif (
            name not in dispatched
            and name.partition(".")[0] not in own
            and (near := events.mistaken(name))
        ):
            yield Problem(
                code.path,
                node.lineno,
                f"The panel has no event “{name}”; did you mean {near}?",
                "Correct the name, unless another module dispatches this event.",
                Severity.WARNING,
            )


@rule(
    "panel-event",
    Severity.WARNING,
    "Prefix the name with your module's name, such as mymodule.item_created.",
)
def panel_event(source: Source) -> Iterator[Problem]:
    """Only the panel dispatches events with a reserved prefix, after the change is committed. If a
    module dispatches one, listeners react to something that did not happen.
    """
    for code, node in source.all(ast.Call):
        if dotted(node.func).lower() == "event.dispatch" and node.args:
            name = text_of(node.args[0])
            if name and name.partition(".")[0] in events.AREAS:
                yield Problem(
                    code.path, node.lineno, f"“{name}” has a prefix reserved for the panel."
                )
