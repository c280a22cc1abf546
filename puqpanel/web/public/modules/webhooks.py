"""Where outside services call modules: /webhooks/{type}/{Name}, and for a gateway or sender with
its uuid behind.

Anybody may call: there is no session and no form's token here, and the module checks the signature
over the body as it came. What nobody answers for is one and the same 404, so that nothing can be
found out by asking.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from puqpanel.domain.module_states import MODULE_TYPES
from puqpanel.host import calls, logs, registry
from puqpanel.host.context import Context, entered
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import release
from puqpanel.infra.redact import mask_secrets, secret_name
from puqpanel.models import Instance
from puqpanel.operations.modules import availability, configured_modules
from puqpanel.web import modules
from puqpanel.web.guard import public
from puqpanel.web.limits import limiter
from puqpanel.web.security import request_id

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
LARGEST = 1024 * 1024
AGAIN = 60
"""Seconds after which to ask again, for who was told to come back."""
_SHOWN, _REFUSED = 16 * 1024, 2 * 1024
"""Characters of a text that are kept; of what a module refused there are fewer, because anybody
can send it, as often as the limit allows.
"""


@bp.record_once
def _without_token(state: BlueprintSetupState) -> None:
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
    """Hands a call to the module's `api_webhook_post` or `api_webhook_get`, the latter answered
    with 200 where it is not defined.
    """
    request.max_content_length = LARGEST
    try:
        # kept before anything reads it as a form: the signature is over these bytes
        request.get_data()
    except RequestEntityTooLarge:
        abort(413, "A webhook takes at most 1 MB.")
    key = f"{next((one for one in MODULE_TYPES if one.lower() == type.lower()), '')}/{name}"
    instance = _instance(key, uuid)
    module = _served(key)
    verb = "post" if request.method == "POST" else "get"
    if verb not in module.webhooks:
        if verb == "post":
            abort(404)
        return make_response(
            "ok", 200, {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}
        )
    # not counted by the breaker: who can make a handler fail from outside must not be able to stop
    # the module
    try:
        called = calls.invoke(
            calls.Call(
                module,
                f"api_webhook_{verb}",
                (modules.the_request(),),
                instance_uuid=instance.uuid if instance else None,
                passing=(HTTPException,),
                request_id=request_id(),
            )
        )
    except HTTPException as refused:
        _note(module, instance, refused.code or 500, "")
        raise
    answer = _answer(called)
    answer.headers.pop("Set-Cookie", None)
    answer.headers.setdefault("Cache-Control", "no-store")
    said = "" if answer.direct_passthrough or answer.is_streamed else answer.get_data(as_text=True)
    _note(module, instance, answer.status_code, said, called.duration_ms)
    return answer


def _instance(key: str, uuid: str) -> Instance | None:
    """The gateway or sender that is meant; 404 where it is not there, not the module's, or off.

    Without a uuid it is the only one that is on. Where none was ever made the module is called
    without any: it has nothing to lose yet.
    """
    module_type = key.partition("/")[0]
    if not uuid and module_type not in configured_modules.CALLED:
        return None
    own = (
        [one for one in configured_modules.list_instances(module_type) if one.module == key]
        if module_type in configured_modules.CALLED
        else []
    )
    live = [one for one in own if one.active and uuid in ("", one.uuid)]
    if len(live) == 1:
        return live[0]
    return None if not own and not uuid else abort(404)


def _served(key: str) -> LoadedModule:
    """The module; 404 where it is not switched on, and where it is but cannot be called now a
    503, after which a provider asks again.
    """
    module = registry.current().get(key)
    if not module.webhooks if module is not None else key not in registry.current().refused:
        abort(404)
    if reason := availability.unavailable_reason(key):
        module_type, _, name = key.partition("/")
        with entered(Context(module_type, name, request_id=request_id())):
            logs.write(
                type=module_type,
                name=name,
                level="error",
                action=f"webhook {request.method} turned away",
                response=f"503 {reason}",
            )
        abort(_later())
    assert module is not None
    release()
    return module


def _later() -> Response:
    answer = _json({"status": "error", "message": "Not now; ask again later.", "code": 503}, 503)
    answer.headers["Retry-After"] = str(AGAIN)
    return answer


def _json(body: dict[str, Any], code: int) -> Response:
    return current_app.response_class(json.dumps(body), code, mimetype="application/json")


def _answer(called: calls.Called) -> Response:
    """What the module answered; where it raised, a number and nothing of what it said."""
    reference = called.reference or request_id()
    broken = {
        "status": "error",
        "message": "This could not be handled.",
        "reference": reference,
        "code": 500,
    }
    if called.error:
        return _json(broken, 500)
    try:
        return modules.shaped(called.value)
    except Exception:
        current_app.logger.exception("the answer of a webhook cannot be read")
        return _json(broken, 500)


def _note(
    module: LoadedModule,
    instance: Instance | None,
    code: int,
    said: str,
    duration_ms: int | None = None,
) -> None:
    """One line of the module log, without the instance's own secrets."""
    secrets = (
        [str(value) for key, value in (instance.data or {}).items() if secret_name(key) and value]
        if instance
        else []
    )
    asked = {
        "from": request.remote_addr,
        configured_modules.CALLED.get(module.type, ""): instance.title if instance else "",
        "query": request.args.to_dict(flat=False),
        "body": _body(_REFUSED if 400 <= code < 500 else LARGEST),
    }
    with entered(Context(module.type, module.name, request_id=request_id())):
        logs.write(
            type=module.type,
            name=module.name,
            level="error" if code >= 500 else "info",
            action=f"webhook {request.method}",
            request=mask_secrets(
                logs.as_text({key: value for key, value in asked.items() if value}), secrets
            ),
            response=mask_secrets(logs.as_text(f"{code} {said[:_SHOWN]}".strip()), secrets),
            duration_ms=duration_ms,
        )


def _body(most: int) -> Any:
    """The body in the shape in which names tell what is a secret; as text where it has none, or
    is longer than so many bytes.
    """
    if len(request.get_data()) > most:
        return (
            f"{request.get_data(as_text=True)[:most]}… cut, it was {len(request.get_data())} bytes"
            " long"
        )
    with contextlib.suppress(HTTPException, RecursionError):
        if request.is_json and (body := request.get_json(silent=True)) is not None:
            return body
        if request.form:
            return request.form.to_dict(flat=False)
    return request.get_data(as_text=True)[:_SHOWN]
