"""Settings of gateways and senders: the module's form, its checks and its connection test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import Any

from markupsafe import Markup

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError
from puqpanel.host import calls, registry
from puqpanel.host.calls import Called
from puqpanel.host.contract.result import Result
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import transaction
from puqpanel.infra.redact import SHORTEST, secret_name
from puqpanel.models import ConfiguredModule
from puqpanel.operations.modules import configured_modules, forms
from puqpanel.operations.modules.availability import defines, uncallable_reason
from puqpanel.operations.system import audit


def can_test(module: LoadedModule | None) -> bool:
    """Return whether a module can say if a connection works."""
    return module is not None and callable(getattr(module.cls, "test_connection", None))


def settings_page(
    *,
    actor: Actor,
    instance: ConfiguredModule,
    sent: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
) -> Called | None:
    """Return what the module draws for its settings, without any stored secret in it.

    None where the module cannot be called.

    Args:
        actor: who looks.
        instance: which.
        sent: what was sent and refused, to be shown again.
        errors: the sentences of that refusal, by field.
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
    again = None if sent is None else {"module_data": shown, "errors": errors or {}}
    called = calls.invoke(
        calls.Call(
            module,
            "get_settings_page",
            (data,),
            instance_uuid=instance.uuid,
            actor=actor,
            stored=again,
        )
    )
    if not isinstance(called.value, str) or not defines(module, "get_settings_page"):
        return called  # a form's password fields are drawn empty
    # drawn by the module's templates
    return replace(called, value=Markup(without_secrets(called.value, [stored, shown])))  # noqa: S704


def without_secrets(page: str, *kept: Sequence[Mapping[str, Any]]) -> str:
    """HTML with the values of settings that are secrets by their name taken out.

    A field is empty, and empty keeps what is stored.
    """
    values = {
        value
        for group in kept
        for data in group
        for key, value in data.items()
        if _secret(str(key)) and isinstance(value, str) and value
    }
    forms = {form for value in values for form in (value, escape(value), str(Markup.escape(value)))}
    page = str(page)  # as Markup it would escape what is put into it
    for value in sorted(forms, key=len, reverse=True):
        page = re.sub(rf"(\bvalue=)(\"{re.escape(value)}\"|'{re.escape(value)}')", r'\1""', page)
        if len(value) >= SHORTEST:
            page = page.replace(value, "")
    return page


def save_settings(*, actor: Actor, uuid: str, data: Mapping[str, Any]) -> ConfiguredModule:
    """Have the module validate its settings, and save them.

    A secret that was sent empty stays what it is.

    Args:
        actor: who does it.
        uuid: the instance.
        data: the form's answers, as they came.

    Raises:
        InvalidInput: the module did not accept a field.
        ConflictError: the module is not served.
    """
    instance = configured_modules.find_instance(uuid)
    module = _served(instance)
    stored = dict(instance.data or {})
    emptied = (
        {key for key in stored if key in data and data[key] in ("", None) and _secret(key)}
        if defines(module, "get_settings_page")
        else set()
    )
    submitted = {**data, **{key: stored[key] for key in emptied}}
    values = forms.validate(module, "save_module_data", submitted, instance_uuid=uuid, actor=actor)
    with transaction():
        instance = configured_modules.find_instance(uuid)
        # names only: what is a secret, the module knows and we can but guess
        old, new = audit.changed(instance.data or {}, values)
        names = sorted(name for name in new if new[name] or old[name])
        instance.data = values
        if names:
            configured_modules.record_change(
                actor,
                instance,
                "configured",
                f"Settings of {instance.title} saved: {', '.join(names)}.",
            )
    return instance


def test_connection(*, actor: Actor, uuid: str) -> Result:
    """Ask the module whether what is stored works. The answer's message is a sentence for staff.

    Raises:
        ConflictError: the module is not served, or cannot tell.
    """
    instance = configured_modules.find_instance(uuid)
    module = _served(instance)
    if not can_test(module):
        raise ConflictError(f"{module.title} cannot test a connection.")
    called = calls.invoke(calls.Call(module, "test_connection", instance_uuid=uuid, actor=actor))
    if isinstance(called.value, bool):
        return Result.success() if called.value else Result.error()
    return called.result


def _secret(name: str) -> bool:
    """Return whether a setting is a secret by its name.

    An account's number is masked in logs, but is none to whoever typed it.
    """
    return secret_name(name) and "iban" not in name.lower()


def _served(instance: ConfiguredModule) -> LoadedModule:
    if reason := uncallable_reason(instance.module):
        raise ConflictError(reason)
    return registry.current().modules[instance.module]
