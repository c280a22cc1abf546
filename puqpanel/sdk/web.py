"""Requests, responses, the signed-in staff member and links for controllers."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

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
    "reading",
    "refuse_impersonation",
    "response",
    "url_for_module",
    "view_admin_module",
]

Method = TypeVar("Method", bound=Callable[..., Any])


class Request(RequestMethods, FlaskRequest):
    """The request that controllers and webhooks receive: Flask's, with `all()` and `input()`."""


class Controller:
    """An optional base class for admin controllers. `self.module` is the module's instance."""

    module: Any = None


def json_success(
    data: Any = None, message: str = "", code: int = 200, *, status: int | None = None, **more: Any
) -> Response:
    """Return a JSON response, `{"success": true, "data": …, "message": …}`.

    Args:
        data: the payload; left out if None.
        message: a sentence for the user; left out if empty.
        code: the HTTP status.
        status: another name for `code`.
        more: further keys of the body.
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
    """Return a JSON response, `{"success": false, "message": …, "errors": …}`.

    Args:
        message: a sentence for the user; left out if empty.
        code: the HTTP status.
        errors: messages by field; left out if empty.
        status: another name for `code`.
        more: further keys of the body.
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
        # NaN, cycles and objects are not JSON
        text = current_app.json.dumps(jsonable(body))
    return current_app.response_class(text, code, mimetype="application/json")


class _ResponseFactory:
    """Create responses: `response("ok", 200)` and `response().json({...}, 422)`."""

    def __call__(
        self, text: Any = None, code: int = 200, headers: Mapping[str, str] | None = None
    ) -> Any:
        return self if text is None else make_response(text, code, dict(headers or {}))

    def json(self, body: Any, code: int = 200) -> Response:
        """Return a JSON response."""
        return _json(body, code)


response = _ResponseFactory()


@bind
class CurrentAdmin:
    """The signed-in staff member; falsy if there is none."""

    @property
    def _staff(self) -> Any:
        viewer = g.get("module_viewer") if has_request_context() else None
        return viewer or {}

    @property
    def id(self) -> int | None:
        """The staff member's id; None if there is none."""
        value: int | None = self._staff.get("id")
        return value

    @property
    def name(self) -> str:
        """The staff member's name; empty if there is none."""
        return str(self._staff.get("name", ""))

    @property
    def email(self) -> str:
        """The staff member's e-mail address; empty if there is none."""
        return str(self._staff.get("email", ""))

    def has_permission(self, key: str) -> bool:
        """Return whether the staff member has a permission.

        Args:
            key: the full key, `Product-MyCloud-view-servers`, or the module's short one,
                `view-servers`.
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
    """Return the id of the staff member or user who caused this call; None for automation."""
    call = context.current()
    if call is not None and call.actor is not None:
        return call.actor.id
    return current_admin.id


def reading(method: Method) -> Method:
    """Declare that a `controller_client_…` method changes nothing, so that GET may call it.

    A decorator. Other methods are called with POST, PUT or DELETE, which carry a CSRF token and
    require the permission to manage services, unless their verb is `get`:

        @reading
        def controller_client_general_usage(self, request):
            return {"percent": 12}
    """
    method.reading = True  # type: ignore[attr-defined]
    return method


def refuse_impersonation() -> None:
    """Abort with 403 if a staff member views the client area as the user.

    Call it where a secret is shown, or something is done that only the user may do.
    """
    call = context.current()
    if call is not None and call.actor is not None and call.actor.impersonated_by is not None:
        abort(403, "Only the user can do this. You are viewing as a client.")


def url_for_module(name: str, **params: Any) -> str:
    """Return the address of one of the module's admin routes.

    Args:
        name: the route's name.
        params: the parameters of its `uri`; others become the query string.

    Raises:
        BuildError: there is no such route.
    """
    call = context.current()
    if call is None:
        raise RuntimeError("url_for_module() works only while the panel calls a module")
    return url_for(f"mod_{call.type}_{call.name}".lower() + "." + name.replace(".", "_"), **params)


def view_admin_module(
    type: str,
    name: str,
    view: str,
    data: Mapping[str, Any] | None = None,
    merge_data: Mapping[str, Any] | None = None,
) -> str:
    """Render a template of the module inside the panel's admin layout.

    Args:
        type: the module's type.
        name: the module's name.
        view: the template, as in `view()`: `admin_area.servers`.
        data: the template's variables; `title` is also the page's title.
        merge_data: further variables, overridden by `data`.
    """
    loaded = registry.current().get(f"{type}/{name}")
    call = context.current()
    if loaded is None:
        raise LookupError(f"The module {type}/{name} is not active.")
    if call is not None and call.key != loaded.key:
        raise LookupError(f"{call.key} cannot render templates of {loaded.key}.")
    variables = {
        "module": loaded.cls,
        "config": loaded.config,
        **(merge_data or {}),
        **(data or {}),
    }
    if has_request_context() and variables.get("title"):
        g.module_title = str(variables["title"])
    return Markup(views.render(loaded.folder, view, variables))  # noqa: S704 - rendered with autoescape


def log_module(  # noqa: PLR0917 - the contract's order of arguments
    type: str,
    name: str,
    action: str,
    level: str = "info",
    request: Any = None,
    response: Any = None,
) -> None:
    """Write a row to the module log.

    Args:
        type: the module's type.
        name: the module's name.
        action: what was done, in a few words.
        level: info, error or debug.
        request: what was sent; secrets are masked.
        response: what came back; secrets are masked.
    """
    logs.write(
        type=type,
        name=name,
        level=str(level).lower(),
        action=action,
        request=request,
        response=response,
    )
