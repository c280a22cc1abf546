"""The page of a module's settings for a product or a service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _
from puqpanel.host import calls
from puqpanel.host.loaded import LoadedModule
from puqpanel.models import Product, Service
from puqpanel.operations.modules.forms import invalid_settings
from puqpanel.web import drafts
from puqpanel.web.answers import flash
from puqpanel.web.forms import answers, field_errors
from puqpanel.web.guard import actor
from puqpanel.web.module_labels import form_labels
from puqpanel.web.navigation import crumbs


def settings_page(
    entity: Product | Service,
    module: LoadedModule | None,
    save: Callable[..., object],
    consequence: str,
) -> ResponseReturnValue:
    """Show or save a module's form for a product or a service: a page, or a fragment for htmx.

    Args:
        entity: the product or service.
        module: its module; None if that is not active.
        save: saves the argument `data`; raises UserError if the module refuses it.
        consequence: what saving does.
    """
    kind = "product" if isinstance(entity, Product) else "service"
    errors: dict[str, list[str]] = {}
    stored: dict[str, dict[str, Any]] | None = None
    if request.method == "POST":
        data = answers()
        try:
            save(data=data)
        except UserError as error:
            errors = field_errors(error)
            stored = {f"{kind}_data": data, "errors": errors}
        else:
            flash(_("Module settings saved."), "good")
            return redirect(url_for(f"admin.{kind}s.show", uuid=entity.uuid))
    elif kept := drafts.fields(request.path, whole=True):
        stored = {f"{kind}_data": answers(kept)}
    called, problems = None, []
    if module and isinstance(entity, Product) and not errors and entity.configured:
        problems = invalid_settings(module, product_uuid=entity.uuid, actor=actor())
    if module:
        call = calls.Call(
            module,
            f"get_{kind}_page",
            product_uuid=entity.uuid if kind == "product" else None,
            service_uuid=entity.uuid if kind == "service" else None,
            actor=actor(),
            stored=stored,
        )
        called = calls.invoke(call)
    fragment = "HX-Request" in request.headers
    page = render_template(
        "admin/module_form.html" if fragment else "admin/module_settings.html",
        entity=entity,
        product=entity if isinstance(entity, Product) else entity.product,
        crumbs=crumbs(f"{kind}s", entity),
        module=module,
        called=called,
        errors=errors,
        problems=problems,
        labels=form_labels(called.value if called else ""),
        action=url_for(f"admin.{kind}s.settings", uuid=entity.uuid),
        label=_("Save settings"),
        consequence=consequence,
    )
    return page, 422 if errors else 200
