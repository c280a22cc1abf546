"""What a module needs in a request: the request, answers, who is signed in, and links to its
own pages.
"""

from collections.abc import Mapping
from typing import Any

from flask import Request as FlaskRequest
from flask import Response, abort, current_app, g, has_request_context, make_response, url_for
from markupsafe import Markup

from puqpanel.host import context, logs, registry, views
from puqpanel.host.contract.names import bind
from puqpanel.host.contract.request import RequestMethods
from puqpanel.host.sanitize import jsonable

__all__ = [
    "Controller",
    "Request",
    "Response",
    "abort",
    "auth_id",
    "current_admin",
    "json_error",
    "json_success",
    "log_module",
    "response",
    "url_for_module",
    "view_admin_module",
]


class Request(RequestMethods, FlaskRequest):
    """Flask's request with the texts' `all()` and `input()`; what controllers and webhooks
    receive is one.
    """


class Controller:
    """A base for admin controllers, for those who want one.

    `self.module` is the module's instance.
    """

    module: Any = None


def json_success(
    data: Any = None, message: str = "", code: int = 200, *, status: int | None = None, **more: Any
) -> Response:
    """`{"success": true, "data": …, "message": …}`; what is not given is left out.

    Args: status is another name of code.
    """
    body: dict[str, Any] = {"success": True}
    if data is not None:
        body["data"] = data
    if message:
        body["message"] = message
    return _json({**body, **more}, status or code)


def json_error(
    message: str = "",
    code: int = 400,
    errors: Mapping[str, Any] | None = None,
    *,
    status: int | None = None,
    **more: Any,
) -> Response:
    """`{"success": false, "message": …, "errors": …}`; what is not given is left out.

    Args: status is another name of code.
    """
    body: dict[str, Any] = {"success": False}
    if message:
        body["message"] = message
    if errors:
        body["errors"] = errors
    return _json({**body, **more}, status or code)


def _json(body: Any, code: int) -> Response:
    try:
        text = current_app.json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        # what JSON cannot hold: NaN, circles, objects
        text = current_app.json.dumps(jsonable(body))
    return current_app.response_class(text, code, mimetype="application/json")


class _Answer:
    """`response("ok", 200)` and `response().json({...}, 422)`."""

    def __call__(
        self, text: Any = None, code: int = 200, headers: Mapping[str, str] | None = None
    ) -> Any:
        return self if text is None else make_response(text, code, dict(headers or {}))

    def json(self, body: Any, code: int = 200) -> Response:
        """A JSON answer."""
        return _json(body, code)


response = _Answer()


@bind
class CurrentAdmin:
    """The signed-in staff member, or nobody."""

    @property
    def _staff(self) -> Any:
        lent = g.get("module_viewer") if has_request_context() else None
        return lent or {}

    @property
    def id(self) -> int | None:
        """The number of the staff member; None for nobody."""
        value: int | None = self._staff.get("id")
        return value

    @property
    def name(self) -> str:
        """The name; empty for nobody."""
        return str(self._staff.get("name", ""))

    @property
    def email(self) -> str:
        """The e-mail address; empty for nobody."""
        return str(self._staff.get("email", ""))

    def has_permission(self, key: str) -> bool:
        """Whether they may; the key is the full one, `Product-MyCloudService-view-servers`, or
        the module's short one.
        """
        can = self._staff.get("can")
        if can is None:
            return False
        call = context.current()
        return bool(can(key) or (call is not None and can(f"{call.type}-{call.name}-{key}")))

    def __bool__(self) -> bool:
        return self.id is not None

    def __call__(self) -> "CurrentAdmin":
        return self


current_admin = CurrentAdmin()


def auth_id() -> int | None:
    """The id of whoever caused this call, staff or user; None for automation."""
    call = context.current()
    if call is not None and call.actor is not None:
        return call.actor.id
    return current_admin.id


def url_for_module(name: str, **params: Any) -> str:
    """The address of one of the module's own admin routes, by the route's name.

    Raises BuildError for no such route.
    """
    call = context.current()
    if call is None:
        raise RuntimeError("url_for_module() is for code of a module")
    return url_for(f"mod_{call.type}_{call.name}".lower() + "." + name.replace(".", "_"), **params)


def view_admin_module(
    type: str,
    name: str,
    view: str,
    data: Mapping[str, Any] | None = None,
    merge_data: Mapping[str, Any] | None = None,
) -> str:
    """A rendered template of a module, for its admin pages; the panel puts its layout around it.

    Args: type and name of the module; view as in `view()`; data for it, over merge_data. `title` in
    it is the page's title.
    """
    loaded = registry.current().get(f"{type}/{name}")
    call = context.current()
    if loaded is None:
        raise LookupError(f"The module {type}/{name} is not active.")
    if call is not None and call.key != loaded.key:
        raise LookupError(f"A page of {call.key} cannot show templates of {loaded.key}.")
    shown = {"module": loaded.cls, "config": loaded.config, **(merge_data or {}), **(data or {})}
    if has_request_context() and shown.get("title"):
        g.module_title = str(shown["title"])
    return Markup(views.render(loaded.cls, view, shown))  # noqa: S704 - rendered with autoescape


def log_module(  # noqa: PLR0917 - the contract's order of arguments
    type: str,
    name: str,
    action: str,
    level: str = "info",
    request: Any = None,
    response: Any = None,
) -> None:
    """A row of the module log. Args: level is info, error or debug."""
    logs.write(
        type=type,
        name=name,
        level=str(level).lower(),
        action=action,
        request=request,
        response=response,
    )
