"""Requests to providers in the module log, with secrets masked."""

from collections.abc import Mapping, Sequence
from typing import Any

from puqpanel.host import context, logs
from puqpanel.infra import metrics
from puqpanel.infra.known_secrets import MASK
from puqpanel.infra.redact import DEPTH, mask_secrets, secret_name


def write(
    request: Mapping[str, Any],
    response: Mapping[str, Any],
    *,
    url: str,
    success: bool,
    duration_ms: int,
    secrets: Sequence[str],
) -> None:
    """Write one exchange of the current call to the module log and count it, unless outside a call.

    Args:
        request: what was sent; `request` is the method and address.
        response: what arrived, or why nothing did.
        url: the address.
        success: whether it is logged as an error otherwise.
        duration_ms: milliseconds.
        secrets: texts to mask wherever they occur.
    """
    call = context.current()
    if call is None:
        return
    metrics.provider_answered(f"{call.type}/{call.name}", duration_ms / 1000, success)
    method = str(request["request"]).split(" ", 1)[0]
    logs.write(
        type=call.type,
        name=call.name,
        level="info" if success else "error",
        action=_masked(f"{method} {url.split('?', 1)[0]}", secrets)[:200],
        request=_masked(
            {key: value for key, value in request.items() if value not in (None, "", b"")}, secrets
        ),
        response=_masked(response, secrets),
        duration_ms=duration_ms,
    )


def _masked(value: Any, secrets: Sequence[str], depth: int = 0) -> Any:
    """Return a copy with secrets masked.

    Masks the given texts, and the values of pairs and of `{"key": "password", "value": …}` by their
    names.
    """
    if isinstance(value, str):
        return mask_secrets(value, secrets)
    if isinstance(value, bytes):
        return _masked(value.decode("utf-8", "replace"), secrets)
    if depth > DEPTH:
        return value
    if isinstance(value, Mapping):
        copy = {key: _masked(item, secrets, depth + 1) for key, item in value.items()}
        if secret_name(str(value.get("key", ""))) and "value" in copy:
            copy["value"] = MASK
        return copy
    if isinstance(value, (list, tuple)):
        # the fields of a form as pairs: the name of each decides whether its value is masked
        if value and all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], str)
            for pair in value
        ):
            return [_masked({name: item}, secrets, depth + 1) for name, item in value]
        return [_masked(item, secrets, depth + 1) for item in value]
    return value
