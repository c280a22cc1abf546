"""Routes of modules: a blueprint per active module, and its tabs in the client area.

The generic route of the client area gets a service's module from `find(key)`, and from it the
tabs, pages and AJAX responses.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    g,
    make_response,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from jinja2 import BaseLoader
from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable
from werkzeug.wrappers import Response as WerkzeugResponse

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import Text, _
from puqpanel.host import calls, languages, views
from puqpanel.host.calls import Called
from puqpanel.host.contract.declared import Route, Tab
from puqpanel.host.contract.names import HTTP_VERBS, client_method
from puqpanel.host.contract.request import RequestMethods
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.registry import Registry
from puqpanel.host.sanitize import jsonable
from puqpanel.operations.modules import breaker, page_writes
from puqpanel.web import guard, tracebacks
from puqpanel.web.answers import is_document
from puqpanel.web.forms import Translations
from puqpanel.web.incoming import StorableRequest
from puqpanel.web.public.modules import module_assets
from puqpanel.web.security import request_id

log = logging.getLogger(__name__)
PASSING = (HTTPException, UserError)
BUSY_RETRY_SECONDS = 5
"""Value of Retry-After when too many requests are waiting for a module."""


class ModuleRequest(RequestMethods, StorableRequest):
    """The request, with the methods documented for modules."""


class ModuleBlueprint(Blueprint):
    """The routes of a module, and its tabs in the client area.

    Args:
        loaded: the module.
    """

    def __init__(self, loaded: LoadedModule) -> None:
        super().__init__(loaded.blueprint, __name__)
        self.loaded = loaded
        for route in loaded.routes:
            kind = "/admin/api/modules" if route.kind == "api" else "/admin/modules"
            rule = f"{kind}/{loaded.type}/{loaded.name}/{route.rule}".rstrip("/")
            self.add_url_rule(
                rule, route.endpoint, _admin_view(loaded, route), methods=[route.method.upper()]
            )

    def tabs(self, *, active: bool = True) -> list[Tab]:
        """Return the module's tabs.

        Args:
            active: whether the service is active; otherwise only the first tab is shown.
        """
        return list(self.loaded.tabs if active else self.loaded.tabs[:1])

    def page(self, service_uuid: str, tab: str, *, active: bool = True) -> Called:
        """Render a tab for a service.

        Raises:
            NotFound: the module has no such tab, or shows it only for active services.
        """
        self._check_tab(tab, active)
        return self._call("client_tab", tab, service_uuid=service_uuid)

    def ajax(self, service_uuid: str, tab: str, verb: str, *, active: bool = True) -> Response:
        """Call `controller_client_{tab}_{verb}` and return its response.

        Raises:
            NotFound: there is no such tab or method.
            MethodNotAllowed: the verb is an HTTP method other than this request's, or this is GET
                and the method is not marked as `reading`.
        """
        self._check_tab(tab, active)
        tabs = [loaded_tab.key for loaded_tab in self.loaded.tabs]
        method = client_method(self.loaded.cls, tab, verb, tabs)
        if method is None:
            abort(404)
        if verb in HTTP_VERBS and request.method.lower() != verb:
            raise MethodNotAllowed([verb.upper()])
        reads = verb == "get" or getattr(getattr(self.loaded.cls, method), "reading", False)
        if request.method in guard.SAFE_METHODS and not reads:
            raise MethodNotAllowed(["POST", "PUT", "DELETE"])
        if request.method.lower() not in HTTP_VERBS:
            raise MethodNotAllowed([allowed.upper() for allowed in HTTP_VERBS])
        called = self._call(method, the_request(), service_uuid=service_uuid)
        response = _response(
            called, client_message=_("Something went wrong. Try again in a moment.")
        )
        if not reads:
            _record_write(self.loaded, f"{tab}.{verb}", response, service_uuid)
        return response

    def _call(self, method: str, *args: Any, service_uuid: str) -> Called:
        return calls.invoke(
            calls.Call(
                self.loaded,
                method,
                args,
                service_uuid=service_uuid,
                actor=guard.actor(),
                passing=PASSING,
                request_id=request_id(),
            )
        )

    def _check_tab(self, key: str, active: bool) -> None:
        if key not in {tab.key for tab in self.tabs(active=active)}:
            abort(404)


def register(app: Flask, registry: Registry) -> None:
    """Register a blueprint for each module, and lend the panel's templates to modules.

    Args:
        app: the application being built, with the panel's templates and globals in place.
        registry: the modules of the app's generation.
    """
    app.request_class = ModuleRequest
    lend_templates(app)
    for loaded in registry.modules.values():
        app.register_blueprint(ModuleBlueprint(loaded))


def find(key: str) -> ModuleBlueprint | None:
    """Return the blueprint of a module by its key, `Product/MyCloudService`; None if inactive."""
    blueprint = current_app.blueprints.get(f"mod_{key.replace('/', '_')}".lower())
    return blueprint if isinstance(blueprint, ModuleBlueprint) else None


def lend_templates(app: Flask) -> None:
    """Make the panel's templates available to modules as `panel/…`.

    Modules also get the templates' globals, `field()` and `csrf()`.
    """

    def field(*args: Any, **options: Any) -> Any:
        macros = app.jinja_env.get_template("macros/forms.html").module
        return cast(Any, macros).field(*args, **options)

    lent = {
        **app.jinja_env.globals,
        "csrf": _csrf,
        "csrf_token": generate_csrf,
        "field": field,
        "url_for_module": _url_for_module,
        "asset": module_assets.lent,
    }
    del lent["config"]
    loader = cast(BaseLoader, app.jinja_env.loader)
    views.install(loader, lent, dict(app.jinja_env.filters), Translations())


def _csrf() -> Markup:
    macros = current_app.jinja_env.get_template("macros/page.html").module
    return cast(Markup, cast(Any, macros).token())


def _url_for_module(name: str, **params: Any) -> str:
    call = calls.context.get()
    if call is None:
        abort(500)
    return current_app.url_for(
        f"mod_{call.type}_{call.name}".lower() + f".{name.replace('.', '_')}", **params
    )


def the_request() -> Any:
    """Return the current request object, as passed to modules."""
    # not the proxy, which would refer to another request in a module that stores it
    return cast(Any, request)._get_current_object()


def _admin_view(loaded: LoadedModule, route: Route) -> Any:
    @guard.allow(route.permission)
    def view(**params: str) -> ResponseReturnValue:
        called = calls.invoke(
            calls.Call(
                loaded,
                route.action,
                (the_request(),),
                controller=route.controller,
                params=params,
                actor=guard.actor(),
                passing=PASSING,
                request_id=request_id(),
            )
        )
        if called.raised and called.reference:
            breaker.record_failure(loaded.key, called.error)
        response = _response(called)
        _record_write(loaded, route.endpoint, response)
        if (
            route.kind == "web"
            and response.mimetype == "text/html"
            and isinstance(called.value, str | tuple)
        ):
            return _with_layout(loaded, route, response)
        return response

    view.__name__ = route.endpoint
    return view


def _record_write(
    loaded: LoadedModule, page: str, response: Response, service_uuid: str = ""
) -> None:
    if request.method not in guard.SAFE_METHODS and response.status_code < 400:
        page_writes.record_write(
            actor=guard.actor(), module=loaded.key, page=page, service_uuid=service_uuid
        )


def _with_layout(loaded: LoadedModule, route: Route, response: Response) -> Response:
    """Put HTML into the staff layout, unless it is a whole document or an htmx fragment."""
    text = response.get_data().decode("utf-8", "replace")
    if is_document(text) or request.headers.get("HX-Request"):
        return response
    entry = next((item for item in loaded.sidebar if route.endpoint in item.active_endpoints), None)
    title = g.get("module_title") or (
        languages.translate(loaded.folder, entry.title) if entry else loaded.title
    )
    page = render_template(
        "admin/module_page.html",
        title=title,
        drawn=Markup(text),  # noqa: S704 - escaped by the module
        module=loaded,
        entry=entry,
    )
    response.set_data(page)
    response.content_type = "text/html; charset=utf-8"
    return response


def _response(called: Called, *, client_message: Text | str = "") -> Response:
    """Return the response to a module call.

    Args:
        called: the call.
        client_message: the text for a client if it failed; empty for staff, who may read the
            error itself.
    """
    if called.error:
        if called.busy:
            raise ServiceUnavailable(
                str(client_message or called.error), retry_after=BUSY_RETRY_SECONDS
            )
        if not client_message and not called.reference:
            abort(503, called.error)
        # the error page shows the request's ID, under which the traceback was logged
        code = 503 if called.result.code == 503 else 500
        return _failure(client_message, called.reference, code)
    try:
        return shaped(called.value)
    except HTTPException:
        raise
    except BaseException as error:
        # a value of the module's own class, such as a mapping, can raise when it is read
        log.exception("cannot read the return value of a module")
        tracebacks.keep(error)
        return _failure(client_message, request_id(), 500)


def _failure(client_message: Text | str, reference: str, code: int) -> Response:
    if not client_message:
        abort(500)
    body: dict[str, Any] = {
        "success": False,
        "status": "error",
        "message": client_message,
        "reference": reference,
    }
    if trace := tracebacks.kept():
        body["traceback"] = trace.splitlines()
    return json_response(body, code)


def shaped(value: Any) -> Response:
    """Return the response for any documented return value of a module."""
    code = None
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        value, code = value
        code = code if 200 <= code <= 599 else 500
    if isinstance(value, WerkzeugResponse):
        return make_response(cast(Any, value))
    if isinstance(value, Result):
        return json_response(value.as_dict(), code or value.code)
    if isinstance(value, Mapping):
        return json_response(dict(value), code or _code_of(value))
    if isinstance(value, list):
        return json_response(value, code or 200)
    if value is None:
        return make_response("", code or 204)
    return make_response(value if isinstance(value, str) else str(escape(value)), code or 200)


def json_response(body: Any, code: int) -> Response:
    """Return a JSON response, with the text of what has no JSON form."""
    try:
        text = current_app.json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = current_app.json.dumps(jsonable(body))
    return current_app.response_class(text, code, mimetype="application/json")


def _code_of(value: Mapping[str, Any]) -> int:
    """Return the HTTP status in a documented result dictionary; 200 for any other mapping."""
    code = value.get("code")
    documented = value.get("status") in ("success", "error") or "success" in value
    if documented and isinstance(code, int) and not isinstance(code, bool) and 200 <= code <= 599:
        return code
    return 200
