"""What the module host yields, as guarded routes: one blueprint for each active module, and its
part of the client area.

The client area's one generic route asks `find(key)` for the module of a service, and that for its
tabs, pages and AJAX answers.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
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
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as WerkzeugResponse

from puqpanel.domain.errors import UserError
from puqpanel.host import calls, languages, views
from puqpanel.host.calls import Called
from puqpanel.host.contract.names import HTTP_VERBS, client_method
from puqpanel.host.contract.request import RequestMethods
from puqpanel.host.contract.result import Result
from puqpanel.host.contract.rules import Route, Tab
from puqpanel.host.loaded import LoadedModule
from puqpanel.host.registry import Registry
from puqpanel.host.sanitize import jsonable
from puqpanel.operations.modules import breaker
from puqpanel.web import guard
from puqpanel.web.incoming import StorableRequest
from puqpanel.web.public.modules import module_assets
from puqpanel.web.security import request_id

log = logging.getLogger(__name__)
PASSING = (HTTPException, UserError)


class ModuleRequest(RequestMethods, StorableRequest):
    """The request as modules know it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One tab of a service: its HTML, or a reference number where the module failed."""

    html: Markup
    failed: bool = False
    reference: str = ""


class ModuleBlueprint(Blueprint):
    """The routes of one module, and what the client area asks of it.

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
        """The module's tabs.

        Args:
            active: a service that is not active shows only the first.
        """
        return list(self.loaded.tabs if active else self.loaded.tabs[:1])

    def page(self, service_uuid: str, tab: str, *, active: bool = True) -> Page:
        """One tab, rendered for a service.

        Raises:
            NotFound: the module has no such tab, or not for a service that is not active.
        """
        self._tab(tab, active)
        called = self._call("client_tab", tab, service_uuid=service_uuid)
        if called.error:
            return Page(Markup(""), True, called.reference)
        # rendered by the module's templates
        return Page(Markup(called.value) if isinstance(called.value, str) else Markup(""))  # noqa: S704

    def ajax(self, service_uuid: str, tab: str, verb: str, *, active: bool = True) -> Response:
        """What `controller_client_{tab}_{verb}` answers to this request.

        Raises:
            NotFound: no such tab or method.
            MethodNotAllowed: the verb is an HTTP method, and not this request's.
        """
        self._tab(tab, active)
        method = client_method(self.loaded.cls, tab, verb, [one.key for one in self.loaded.tabs])
        if method is None:
            abort(404)
        if verb in HTTP_VERBS and request.method.lower() != verb:
            raise MethodNotAllowed([verb.upper()])
        if request.method.lower() not in HTTP_VERBS:
            raise MethodNotAllowed([one.upper() for one in HTTP_VERBS])
        called = self._call(method, the_request(), service_uuid=service_uuid)
        return _answer(called, sentence="This did not work. Try again in a moment.")

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

    def _tab(self, key: str, active: bool) -> None:
        if key not in {tab.key for tab in self.tabs(active=active)}:
            abort(404)


def register(app: Flask, registry: Registry) -> None:
    """Gives the app a blueprint for each module, and the modules' templates what they may use of
    the panel's.

    Args:
        app: the application being built, with the panel's own templates and globals in place.
        registry: the modules of its generation.
    """
    app.request_class = ModuleRequest
    lend_templates(app)
    for loaded in registry.modules.values():
        app.register_blueprint(ModuleBlueprint(loaded))


def find(key: str) -> ModuleBlueprint | None:
    """The blueprint of a module by its key, `Product/MyCloudService`; None where it is not
    active.
    """
    found = current_app.blueprints.get(f"mod_{key.replace('/', '_')}".lower())
    return found if isinstance(found, ModuleBlueprint) else None


def lend_templates(app: Flask) -> None:
    """Makes the panel's templates reachable as `panel/…` in those of modules, with their
    globals, and `field()` and `csrf()`.
    """
    lent = {key: value for key, value in app.jinja_env.globals.items() if key != "config"}
    lent["csrf"] = _csrf
    lent["csrf_token"] = generate_csrf

    def field(*args: Any, **options: Any) -> Any:
        macros = app.jinja_env.get_template("macros/forms.html").module
        return cast(Any, macros).field(*args, **options)

    lent["field"] = field
    lent["url_for_module"] = _url_for_module
    lent["asset"] = module_assets.lent
    views.install(cast(BaseLoader, app.jinja_env.loader), lent, dict(app.jinja_env.filters))


def _csrf() -> Markup:
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def _url_for_module(name: str, **params: Any) -> str:
    call = calls.context.get()
    if call is None:
        abort(500)
    return current_app.url_for(
        f"mod_{call.type}_{call.name}".lower() + f".{name.replace('.', '_')}", **params
    )


def the_request() -> Any:
    """The request of this moment, as modules take it."""
    # the object itself: a proxy would show another request to a module that keeps it
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
            breaker.strike(loaded.key, called.error)
        answer = _answer(called, sentence="")
        if (
            route.kind == "web"
            and answer.mimetype == "text/html"
            and isinstance(called.value, str | tuple)
        ):
            return _laid_out(loaded, route, answer)
        return answer

    view.__name__ = route.endpoint
    return view


def _laid_out(loaded: LoadedModule, route: Route, answer: Response) -> Response:
    """Text stands in the staff layout; a whole document, or a part that was asked for, stays as
    it is.
    """
    text = answer.get_data(as_text=True)
    if request.headers.get("HX-Request") or text.lstrip()[:9].lower().startswith(
        ("<!doctype", "<html")
    ):
        return answer
    entry = next((one for one in loaded.sidebar if route.endpoint in one.active_endpoints), None)
    title = g.get("module_title") or (
        languages.translate(loaded.folder, entry.title) if entry else loaded.title
    )
    drawn = Markup(text)  # noqa: S704 - the module escaped it
    page = render_template(
        "admin/module_page.html", title=title, drawn=drawn, module=loaded, entry=entry
    )
    response = make_response(page, answer.status_code)
    for name, value in answer.headers:
        if name.lower() not in {"content-type", "content-length"}:
            response.headers.add(name, value)
    return response


def _answer(called: Called, *, sentence: str) -> Response:
    """A module's answer as a response.

    Args:
        called: the call.
        sentence: what to say in place of the error's own sentence, which is for staff; empty lets
            staff read it.
    """
    if called.error:
        if sentence or called.reference:
            # the error page shows the request's id, under which the log has the traceback
            code = 503 if called.result.code == 503 else 500
            return (
                _json(
                    {
                        "success": False,
                        "status": "error",
                        "message": sentence,
                        "reference": called.reference,
                    },
                    code,
                )
                if sentence
                else abort(500)
            )
        abort(503, called.error)
    try:
        return shaped(called.value)
    except HTTPException:
        raise
    except BaseException:
        # it raised as it was read: a mapping of the module's own class can
        log.exception("the answer of a module cannot be read")
        return (
            _json(
                {
                    "success": False,
                    "status": "error",
                    "message": sentence,
                    "reference": request_id(),
                },
                500,
            )
            if sentence
            else abort(500)
        )


def shaped(value: Any) -> Response:
    """Any documented answer as a response."""
    code = None
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
        value, code = value
        # a number that is no status would be no HTTP
        code = code if 200 <= code <= 599 else 500
    if isinstance(value, WerkzeugResponse):
        return make_response(cast(Any, value))
    if isinstance(value, Result):
        return _json(value.as_dict(), code or value.code)
    if isinstance(value, Mapping):
        return _json(dict(value), code or _code_of(value))
    if isinstance(value, list):
        return _json(value, code or 200)
    if value is None:
        return make_response("", code or 204)
    return make_response(value if isinstance(value, str) else str(escape(value)), code or 200)


def _json(body: Any, code: int) -> Response:
    try:
        text = current_app.json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = current_app.json.dumps(jsonable(body))
    return current_app.response_class(text, code, mimetype="application/json")


def _code_of(value: Mapping[str, Any]) -> int:
    """The documented dictionary carries its HTTP status."""
    code = value.get("code")
    known = value.get("status") in ("success", "error") or "success" in value
    return (
        code
        if known and isinstance(code, int) and not isinstance(code, bool) and 200 <= code <= 599
        else 200
    )
