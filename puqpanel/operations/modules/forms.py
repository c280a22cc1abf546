"""Forms that a module validates: settings, product configuration and service data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.host import calls
from puqpanel.host.loaded import LoadedModule


def validate(
    module: LoadedModule, method: str, data: Mapping[str, Any], *, actor: Principal, **target: Any
) -> dict[str, Any]:
    """Have a module validate a submitted form, and return the values to save.

    Args:
        module: the module.
        method: its method that validates the form, such as `save_service_data`.
        data: the submitted values; returned if the module returns none of its own.
        actor: who submitted the form.
        target: `product_uuid`, `service_uuid` or `instance_uuid`.

    Raises:
        InvalidInput: the module rejected the form.
    """
    result = calls.invoke(calls.Call(module, method, (dict(data),), actor=actor, **target)).result
    if not result.ok:
        message = result.message or _("The module rejected the input.")
        if result.errors:
            raise InvalidInput(result.errors, result.message or _("Some fields are invalid."))
        raise InvalidInput({"": [message]}, message)
    if isinstance(result.data, Mapping):
        return dict(result.as_dict()["data"])
    return dict(data)
