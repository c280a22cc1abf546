"""Forms that a module validates: settings, product configuration and service data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.host import calls
from puqpanel.host.form_fields import kept_for_another_address
from puqpanel.host.loaded import LoadedModule


def validate(
    module: LoadedModule,
    method: str,
    data: Mapping[str, Any],
    *,
    stored: Mapping[str, Any],
    kept: Mapping[str, Any] | None = None,
    actor: Principal,
    **target: Any,
) -> dict[str, Any]:
    """Have a module validate a submitted form, and return the values to save.

    Args:
        module: the module.
        method: its method that validates the form, such as `save_service_data`.
        data: the submitted values; returned if the module returns none of its own.
        stored: the saved values.
        kept: secrets that were left blank, which the module gets with their saved values.
        actor: who submitted the form.
        target: `product_uuid`, `service_uuid` or `instance_uuid`.

    Raises:
        InvalidInput: the module rejected the form, or it kept a secret although a field that
            decides where the secret is sent was changed.
    """
    given = {**data, **(kept or {})}
    result = calls.invoke(calls.Call(module, method, (given,), actor=actor, **target)).result
    if not result.ok:
        message = result.message or _("The module rejected the input.")
        if result.errors:
            raise InvalidInput(result.errors, result.message or _("Some fields are invalid."))
        raise InvalidInput({"": [message]}, message)
    values = given
    if isinstance(result.data, Mapping):
        values = dict(result.as_dict()["data"])
    secret, changed = kept_for_another_address(module.cls, stored, data, values)
    if secret:
        message = _("Enter this again, because “%(field)s” was changed.", field=changed)
        raise InvalidInput({secret: [message]}, _("Some fields are invalid."))
    return values


def invalid_settings(
    module: LoadedModule, *, actor: Principal, **target: Any
) -> list[tuple[str, str, str]]:
    """Return name, label and reason of a product's saved settings that its module refuses.

    Args:
        module: the product's module.
        actor: who asks.
        target: `product_uuid` or `service_uuid`.
    """
    if getattr(module.cls, "ProductForm", None) is None or module.restricted:
        return []
    called = calls.invoke(calls.Call(module, "_invalid_settings", actor=actor, **target))
    return list(called.value["data"]) if called.ok and isinstance(called.value, Mapping) else []


def listed(problems: list[tuple[str, str, str]]) -> str:
    """Return the invalid settings as part of a sentence."""
    return " ".join(f"“{label}”: {reason}" for _name, label, reason in problems)
