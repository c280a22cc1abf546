"""Webhooks of modules: /webhooks/{type}/{Name}, with /{uuid} for a gateway or sender.

Webhooks need no session or CSRF token; the module verifies the signature of the raw body. Unknown
addresses all answer the same 404, so that they can't be probed.
"""

from __future__ import annotations

import contextlib
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.domain.texts import _
from puqpanel.host import calls, logs, registry
from puqpanel.host.context import Context, entered
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import release
from puqpanel.infra.redact import mask_secrets, secret_name
from puqpanel.models import ConfiguredModule
from puqpanel.operations.billing import payment_events
from puqpanel.operations.modules import availability, configured_modules
from puqpanel.web import modules
from puqpanel.web.guard import public
from puqpanel.web.limits import limiter, worth_logging
from puqpanel.web.security import request_id

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
MAX_BODY_BYTES = 1024 * 1024
RETRY_AFTER_SECONDS = 60
_MAX_LOGGED, _MAX_LOGGED_REFUSED = 16 * 1024, 2 * 1024
"""Characters of a text that are logged; fewer if the module refused it, as anyone can send it."""


@bp.record_once
def _exempt_from_csrf(state: BlueprintSetupState) -> None:
    state.app.extensions["csrf"].exempt(bp)


@bp.route(
    "/<type>/<name>",
    methods=["GET", "POST"],
    defaults={"uuid": ""},
    provide_automatic_options=False,
)
@bp.route("/<type>/<name>/<uuid>", methods=["GET", "POST"], provide_automatic_options=False)
@public
@limiter.limit("6000 per minute")
def call(type: str, name: str, uuid: str) -> Response:
    """Call the module's `api_webhook_post` or `api_webhook_get`.

    A GET answers 200 if the module does not define `api_webhook_get`.
    """
    request.max_content_length = MAX_BODY_BYTES
    try:
        # cached before it is parsed as a form: signatures are computed over the raw bytes
        request.get_data()
    except RequestEntityTooLarge:
        abort(413, _("A webhook body can be at most 1 MB."))
    module_type = next((known for known in MODULE_TYPES if known.lower() == type.lower()), "")
    key = f"{module_type}/{name}"
    instance = _find_instance(key, uuid)
    module = _available_module(key)
    method = "post" if request.method == "POST" else "get"
    if method == "post" and instance is not None and payment_events.is_event_reader(module):
        return _store_event(module, instance)
    if method not in module.webhooks:
        if method == "post":
            abort(404)
        return make_response(
            "ok", 200, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        )
    # not counted by the circuit breaker, which anyone could open by sending what makes it fail
    try:
        called = calls.invoke(
            calls.Call(
                module,
                f"api_webhook_{method}",
                (modules.the_request(),),
                instance_uuid=instance.uuid if instance else None,
                passing=(HTTPException,),
                request_id=request_id(),
            )
        )
    except HTTPException as error:
        _log_call(module, instance, error.code or 500, "")
        raise
    response = _response(called)
    response.headers.pop("Set-Cookie", None)
    response.headers.setdefault("Cache-Control", "no-store")
    streamed = response.direct_passthrough or response.is_streamed
    body = "" if streamed else response.get_data().decode("utf-8", "replace")
    _log_call(module, instance, response.status_code, body, called.duration_ms)
    return response


def _store_event(module: LoadedModule, gateway: ConfiguredModule) -> Response:
    """Store a payment event that its module accepts; a task reads it.

    Rejected events are not stored, because anyone can send them.
    """
    event, called = payment_events.verify(
        module=module, gateway=gateway, body=request.get_data(), headers=dict(request.headers)
    )
    if called.busy or not called.ok:
        # not counted by the circuit breaker; the provider sends it again
        _log_call(module, gateway, 503, called.reference, called.duration_ms)
        return _retry_later()
    if called.value is not True:
        _log_call(module, gateway, 401, "", called.duration_ms)
        body = {"status": "error", "message": _("Missing or invalid signature."), "code": 401}
        return modules.json_response(body, 401)
    payment_events.store(gateway_uuid=gateway.uuid, event=event)
    response = modules.json_response({"status": "success"}, 200)
    response.headers["Cache-Control"] = "no-store"
    _log_call(module, gateway, 200, "", called.duration_ms)
    return response


def _find_instance(key: str, uuid: str) -> ConfiguredModule | None:
    """Return the gateway or sender; 404 if it is missing, disabled or of another module.

    Without a UUID it is the only enabled one; without settings a module could not verify anything.
    """
    module_type = key.partition("/")[0]
    if module_type not in configured_modules.KINDS:
        return abort(404) if uuid else None
    instances = configured_modules.list_instances(module_type)
    own = [instance for instance in instances if instance.module == key]
    enabled = [instance for instance in own if instance.active and uuid in ("", instance.uuid)]
    module = registry.current().get(key)
    if uuid and module is not None and payment_events.is_event_reader(module):
        # payments that were started before the gateway was disabled can still succeed
        enabled = [instance for instance in own if instance.uuid == uuid]
    return enabled[0] if len(enabled) == 1 else abort(404)


def _available_module(key: str) -> LoadedModule:
    """Return the module; 404 if it is inactive or takes no webhooks, 503 if it can't be called now.

    Providers repeat a webhook after a 503.
    """
    active = registry.current()
    module = active.get(key)
    if module is None and key not in active.refused:
        abort(404)
    if module is not None and not module.webhooks:
        abort(404)
    if reason := availability.unavailable_reason(key):
        module_type, _, name = key.partition("/")
        if not worth_logging(f"{key}/unavailable"):
            abort(_retry_later())
        with entered(Context(module_type, name, request_id=request_id())):
            logs.write(
                type=module_type,
                name=name,
                level="error",
                action=f"webhook {request.method} rejected",
                response=f"503 {reason}",
            )
        abort(_retry_later())
    assert module is not None
    release()
    return module


def _retry_later() -> Response:
    body = {"status": "error", "message": _("Temporarily unavailable. Retry later."), "code": 503}
    response = modules.json_response(body, 503)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _response(called: calls.Called) -> Response:
    """Return the module's response; if it raised, only a reference number; 503 if it is busy."""
    if called.busy:
        return _retry_later()
    error_body = {
        "status": "error",
        "message": _("The webhook could not be processed."),
        "reference": called.reference or request_id(),
        "code": 500,
    }
    if called.error:
        return modules.json_response(error_body, 500)
    try:
        return modules.shaped(called.value)
    except Exception:
        current_app.logger.exception("invalid webhook response")
        return modules.json_response(error_body, 500)


def _log_call(
    module: LoadedModule,
    instance: ConfiguredModule | None,
    code: int,
    response_body: str,
    duration_ms: int | None = None,
) -> None:
    """Add a module log entry, with the instance's secrets masked."""
    refused = 0
    if 400 <= code < 500 and not (refused := worth_logging(f"{module.type}/{module.name}")):
        return
    data = (instance.data or {}) if instance else {}
    declared = secret_fields(module.cls)
    secrets = [
        str(value) for key, value in data.items() if value and (key in declared or secret_name(key))
    ]
    details = {
        "from": request.remote_addr,
        configured_modules.KINDS.get(module.type, ""): instance.title if instance else "",
        "refused within the hour": refused if refused > 1 else None,
        "query": request.args.to_dict(flat=False),
        "body": _loggable_body(_MAX_LOGGED_REFUSED if 400 <= code < 500 else MAX_BODY_BYTES),
    }
    details = {key: value for key, value in details.items() if value}
    response = f"{code} {response_body[:_MAX_LOGGED]}".strip()
    with entered(Context(module.type, module.name, request_id=request_id())):
        logs.write(
            type=module.type,
            name=module.name,
            level="error" if code >= 500 else "info",
            action=f"webhook {request.method}",
            request=mask_secrets(logs.as_text(details), secrets),
            response=mask_secrets(logs.as_text(response), secrets),
            duration_ms=duration_ms,
        )


def _loggable_body(max_bytes: int) -> Any:
    """Return the parsed body, so that secrets can be masked by name, or text if it has no names.

    A longer body is cut.
    """
    size = len(request.get_data())
    if size > max_bytes:
        return _(
            "%(get_data)s… (truncated, %(size)s bytes in total)",
            get_data=request.get_data(as_text=True)[:max_bytes],
            size=size,
        )
    with contextlib.suppress(HTTPException, RecursionError):
        if request.is_json and (body := request.get_json(silent=True)) is not None:
            return body
        if request.form:
            return request.form.to_dict(flat=False)
    return request.get_data(as_text=True)[:_MAX_LOGGED]
