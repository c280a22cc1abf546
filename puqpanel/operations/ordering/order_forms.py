"""The fields of a module that customers fill in when they order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from puqpanel.domain.principals import Principal
from puqpanel.host import calls
from puqpanel.host.form_fields import secret_fields
from puqpanel.models import Product
from puqpanel.operations.catalog.products import module_of
from puqpanel.operations.modules import forms


def has_form(product: Product) -> bool:
    """Return whether the module of a product has a form for its services."""
    module = module_of(product)
    return module is not None and getattr(module.cls, "ServiceForm", None) is not None


def field_names(product: Product, actor: Principal) -> tuple[str, ...]:
    """Return the names of the fields that the module of a product asks for; empty for none."""
    return tuple(labels(product, actor))


def labels(product: Product, actor: Principal) -> dict[str, str]:
    """Return the labels of the fields that the module of a product asks for, by name."""
    module = module_of(product)
    if module is None or not has_form(product):
        return {}
    call = calls.Call(module, "_order_fields", product_uuid=product.uuid, actor=actor)
    value = calls.invoke(call).value
    return dict(value["data"]) if isinstance(value, Mapping) else {}


def page(
    product: Product, actor: Principal, data: Mapping[str, Any], errors: Mapping[str, list[str]]
) -> Any:
    """Return the fields as HTML; empty if there are none.

    Args:
        product: the product.
        actor: who fills them in.
        data: their values.
        errors: messages by field.
    """
    module = module_of(product)
    if module is None or not has_form(product):
        return ""
    stored = {"service_data": dict(data), "errors": dict(errors)} if data or errors else None
    called = calls.invoke(
        calls.Call(module, "_order_page", product_uuid=product.uuid, actor=actor, stored=stored)
    )
    return called.value if called.ok else ""


def check(
    product: Product,
    actor: Principal,
    data: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Have the module validate the fields, and return the values to save.

    Args:
        product: the product.
        actor: who filled them in.
        data: what was submitted; other fields than those that are asked are ignored.
        before: what was saved before; its secrets are kept where they are left blank.

    Raises:
        InvalidInput: the module rejected them.
    """
    module = module_of(product)
    if module is None or not has_form(product):
        return {}
    asked, stored = field_names(product, actor), dict(before or {})
    secret = secret_fields(module.cls)
    kept = {key: stored[key] for key in secret if stored.get(key) and not data.get(key)}
    return forms.validate(
        module,
        "save_service_data",
        {name: value for name, value in data.items() if name in asked},
        stored=stored,
        kept=kept,
        product_uuid=product.uuid,
        actor=actor,
    )
