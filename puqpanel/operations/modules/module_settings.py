"""Gateways and senders: their settings, the module's checks, connection test and preview."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from markupsafe import Markup

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.host import calls, registry
from puqpanel.host.calls import Called
from puqpanel.host.contract.result import Result
from puqpanel.host.form_fields import secret_fields
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import transaction
from puqpanel.infra.known_secrets import SHORTEST
from puqpanel.infra.redact import secret_name
from puqpanel.models import ConfiguredModule
from puqpanel.operations.modules import configured_modules, forms
from puqpanel.operations.modules.availability import defines, uncallable_reason
from puqpanel.operations.system import audit


def can_test(module: LoadedModule | None) -> bool:
    """Return whether a module can test its connection."""
    return module is not None and callable(getattr(module.cls, "test_connection", None))


def settings_page(
    *,
    actor: Principal,
    instance: ConfiguredModule,
    sent: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
) -> Called | None:
    """Return the module's settings form without stored secrets; None if it cannot be called.

    Args:
        actor: who views it.
        instance: the configured module.
        sent: rejected input to show again.
        errors: messages of the rejection by field.
    """
    module = configured_modules.module_of(instance)
    if module is None or module.restricted:
        return None
    stored = dict(instance.data or {})
    shown = stored if sent is None else dict(sent)
    data = {
        "webhook_url": configured_modules.webhook_address(instance),
        "uuid": instance.uuid,
        "title": instance.title,
        **shown,
    }
    rejected = None if sent is None else {"module_data": shown, "errors": errors or {}}
    called = calls.invoke(
        calls.Call(
            module,
            "get_settings_page",
            (data,),
            instance_uuid=instance.uuid,
            actor=actor,
            stored=rejected,
        )
    )
    if not isinstance(called.value, str) or not defines(module, "get_settings_page"):
        return called  # an SDK form renders password fields empty
    # rendered by the module's templates
    page = without_secrets(called.value, secret_fields(module.cls), [stored, shown])
    return replace(called, value=Markup(page))  # noqa: S704


def preview(*, actor: Principal, gateway: ConfiguredModule) -> Called | None:
    """Return the client's view of a gateway with a sample invoice; None if it is unavailable."""
    module = configured_modules.module_of(gateway)
    if module is None or module.restricted:
        return None
    return calls.invoke(
        calls.Call(module, "preview_client_area", instance_uuid=gateway.uuid, actor=actor)
    )


def without_secrets(
    page: str, declared: Collection[str], *groups: Sequence[Mapping[str, Any]]
) -> str:
    """Return HTML without the values of settings that are declared secret or are named like one.

    Their fields are empty; a blank field keeps the stored value.
    """
    values = {
        value
        for group in groups
        for data in group
        for key, value in data.items()
        if (key in declared or _secret(str(key))) and isinstance(value, str) and value
    }
    forms = {form for value in values for form in (value, escape(value), str(Markup.escape(value)))}
    page = str(page)  # Markup would escape the replacements
    for value in sorted(forms, key=len, reverse=True):
        page = re.sub(rf"(\bvalue=)(\"{re.escape(value)}\"|'{re.escape(value)}')", r'\1""', page)
        if len(value) >= SHORTEST:
            page = page.replace(value, "")
    return page


def save_settings(*, actor: Principal, uuid: str, data: Mapping[str, Any]) -> None:
    """Have the module validate its settings, and save them.

    A blank secret keeps its stored value.

    Args:
        actor: who saves them.
        uuid: the configured module.
        data: the submitted values.

    Raises:
        InvalidInput: the module rejected a field.
        ConflictError: the module is unavailable.
    """
    instance = configured_modules.find_managed(actor, uuid)
    module = _available_module(instance)
    stored = dict(instance.data or {})
    declared = secret_fields(module.cls)
    emptied = (
        {
            key
            for key in stored
            if key in data and data[key] in ("", None) and (key in declared or _secret(key))
        }
        if defines(module, "get_settings_page")
        else set()
    )
    values = forms.validate(
        module,
        "save_module_data",
        data,
        stored=stored,
        kept={key: stored[key] for key in emptied},
        instance_uuid=uuid,
        actor=actor,
    )
    with transaction():
        instance = configured_modules.find_instance(uuid)
        # names only, because only the module knows which values are secrets
        old, new = audit.changed(instance.data or {}, values)
        names = sorted(name for name in new if new[name] or old[name])
        instance.data = values
        if names:
            configured_modules.record_change(
                actor,
                instance,
                "configured",
                _(
                    "Settings of %(title)s saved: %(items)s.",
                    title=instance.title,
                    items=", ".join(names),
                ),
            )


def test_connection(*, actor: Principal, uuid: str) -> Result:
    """Test the connection with the saved settings; the result's message is meant for staff.

    Raises:
        ConflictError: the module is unavailable or has no connection test.
    """
    instance = configured_modules.find_managed(actor, uuid)
    module = _available_module(instance)
    if not can_test(module):
        raise ConflictError(_("%(title)s does not support connection tests.", title=module.title))
    called = calls.invoke(calls.Call(module, "test_connection", instance_uuid=uuid, actor=actor))
    if isinstance(called.value, bool):
        return Result.success() if called.value else Result.error()
    return called.result


def _secret(name: str) -> bool:
    """Return whether a setting's name marks it as a secret.

    An IBAN is masked in logs, but staff who entered it may see it.
    """
    return secret_name(name) and "iban" not in name.lower()


def _available_module(instance: ConfiguredModule) -> LoadedModule:
    if reason := uncallable_reason(instance.module):
        raise ConflictError(reason)
    return registry.current().modules[instance.module]
