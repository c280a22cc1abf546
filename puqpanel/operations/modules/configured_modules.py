"""Configured modules: gateways (Payment modules) and senders (Notification modules)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.permissions import GATEWAYS_MANAGE, SENDERS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.task_states import OPEN
from puqpanel.domain.texts import Text, _
from puqpanel.host import registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import save, session, transaction
from puqpanel.infra.links import link
from puqpanel.models import (
    ConfiguredModule,
    Payment,
    PaymentAttempt,
    PaymentMethod,
    Task,
    TaskTag,
)
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

KINDS: Mapping[str, str] = {"Payment": "gateway", "Notification": "sender"}
"""Type of the subject of audit entries and tasks, by the type of the module."""
PERMISSIONS: Mapping[str, str] = {"Payment": GATEWAYS_MANAGE, "Notification": SENDERS_MANAGE}
"""The permission to manage a configured module, by the type of the module."""
KIND_LABELS = {"Payment": _("Gateway"), "Notification": _("Sender")}
CONFIGURATION = _("Configuration")


def list_instances(module_type: str) -> Sequence[ConfiguredModule]:
    """Return the configured modules of a type in their display order."""
    return (
        session()
        .scalars(
            sa.select(ConfiguredModule)
            .where(ConfiguredModule.type == module_type)
            .order_by(ConfiguredModule.position, ConfiguredModule.id)
        )
        .all()
    )


def find_instance(uuid: str, module_type: str = "") -> ConfiguredModule:
    """Return a configured module, of the given type if there is one.

    Raises:
        NotFoundError: it does not exist.
    """
    instance = session().scalar(
        sa.select(ConfiguredModule)
        .where(ConfiguredModule.uuid == uuid)
        .execution_options(populate_existing=True)
    )
    if instance is None or (module_type and instance.type != module_type):
        raise NotFoundError(
            _("%(kind)s not found.", kind=KIND_LABELS.get(module_type, CONFIGURATION))
        )
    return instance


def require_manage(actor: Principal, module_type: str) -> None:
    """Check that an actor may manage the gateways or the senders."""
    actor.require(PERMISSIONS[module_type])


def find_managed(actor: Principal, uuid: str) -> ConfiguredModule:
    """Return a configured module that an actor may manage."""
    actor.require()
    instance = find_instance(uuid)
    require_manage(actor, instance.type)
    return instance


def offered_modules(module_type: str) -> list[LoadedModule]:
    """Return the active modules of a type by title."""
    return sorted(registry.current().of_type(module_type), key=lambda module: module.title.lower())


def module_of(instance: ConfiguredModule) -> LoadedModule | None:
    """Return the module of a configured module; None if it is not loaded."""
    return registry.current().get(instance.module)


def has_webhook(module: LoadedModule | None) -> bool:
    """Return whether a module has a webhook."""
    return module is not None and bool(module.webhooks)


def webhook_address(instance: ConfiguredModule) -> str:
    """Return the webhook URL of a configured module."""
    return link("webhooks", instance.type, instance.name, instance.uuid)


@transaction()
def create_instance(
    *, actor: Principal, module_type: str, module: str, title: str
) -> ConfiguredModule:
    """Create a configured module, disabled and last in the order.

    Args:
        actor: who does it.
        module_type: Payment or Notification.
        module: the key of a module of that type.
        title: display name.

    Raises:
        InvalidInput: the module is not active, or the title is empty.
    """
    require_manage(actor, module_type)
    shown = clean_name(title, "title")
    loaded = registry.current().get(module)
    if loaded is None or loaded.type != module_type:
        raise InvalidInput({"module": [_("Choose an active module.")]})
    last = session().scalar(
        sa.select(sa.func.max(ConfiguredModule.position)).where(
            ConfiguredModule.type == module_type
        )
    )
    instance = save(
        ConfiguredModule(
            type=loaded.type,
            name=loaded.name,
            title=shown,
            position=0 if last is None else last + 1,
            data={},
        )
    )
    record_change(
        actor,
        instance,
        "created",
        _("%(kind)s %(shown)s created.", kind=_kind(instance), shown=shown),
        after={"title": shown, "module": loaded.key},
    )
    return instance


@transaction()
def rename_instance(*, actor: Principal, uuid: str, title: str) -> None:
    """Rename a configured module.

    Raises:
        InvalidInput: the title is empty.
    """
    instance = find_managed(actor, uuid)
    shown = clean_name(title, "title")
    before, instance.title = instance.title, shown
    if before != shown:
        record_change(
            actor,
            instance,
            "renamed",
            _(
                "%(kind)s %(before)s renamed to %(shown)s.",
                kind=_kind(instance),
                before=before,
                shown=shown,
            ),
            before={"title": before},
            after={"title": shown},
        )


@transaction()
def move_instance(*, actor: Principal, uuid: str, up: bool) -> None:
    """Move a configured module one position up or down within its type, if there is one."""
    instance = find_managed(actor, uuid)
    rows = list(
        session().scalars(
            sa.select(ConfiguredModule)
            .where(ConfiguredModule.type == instance.type)
            .order_by(ConfiguredModule.position, ConfiguredModule.id)
            .with_for_update()
        )
    )
    old = next(index for index, row in enumerate(rows) if row.uuid == uuid)
    new = old - 1 if up else old + 1
    if 0 <= new < len(rows):
        rows[old], rows[new] = rows[new], rows[old]
        record_change(
            actor,
            instance,
            "moved",
            _("%(kind)s %(title)s moved up.", kind=_kind(instance), title=instance.title)
            if up
            else _("%(kind)s %(title)s moved down.", kind=_kind(instance), title=instance.title),
        )
    for position, row in enumerate(rows):
        row.position = position


@transaction()
def switch_instance(*, actor: Principal, uuid: str, active: bool) -> ConfiguredModule:
    """Enable or disable a configured module.

    Raises:
        ConflictError: its module has settings and none are saved yet.
    """
    instance = find_managed(actor, uuid)
    module = module_of(instance)
    if (
        active
        and not instance.data
        and module is not None
        and getattr(module.cls, "SettingsForm", None) is not None
    ):
        raise ConflictError(_("Save the settings first."))
    if instance.active != active:
        instance.active = active
        record_change(
            actor,
            instance,
            "switched_on" if active else "switched_off",
            _("%(kind)s %(title)s enabled.", kind=_kind(instance), title=instance.title)
            if active
            else _("%(kind)s %(title)s disabled.", kind=_kind(instance), title=instance.title),
        )
    return instance


@transaction()
def delete_instance(*, actor: Principal, uuid: str) -> None:
    """Delete a configured module and its settings; its log entries are kept.

    Raises:
        ConflictError: it is still in use.
    """
    instance = find_managed(actor, uuid)
    unsent = session().scalar(
        sa.select(Task.id)
        .join(TaskTag, TaskTag.task_id == Task.id)
        .where(TaskTag.tag == f"sender:{instance.uuid}", Task.status.in_(sorted(OPEN)))
        .limit(1)
    )
    if unsent is not None:
        raise ConflictError(
            _("This sender has unsent messages; wait for their tasks or cancel them first.")
        )
    _check_unused(instance)
    record_change(
        actor,
        instance,
        "deleted",
        _("%(kind)s %(title)s deleted.", kind=_kind(instance), title=instance.title),
        before={"title": instance.title, "module": instance.module},
    )
    session().delete(instance)


def _check_unused(instance: ConfiguredModule) -> None:
    """Check that a gateway has no payments: their refunds, disputes and events need it.

    Raises:
        ConflictError: it has some.
    """
    query = sa.select(
        sa.or_(
            *(
                sa.exists().where(model.gateway == instance.uuid)
                for model in (Payment, PaymentAttempt, PaymentMethod)
            )
        )
    )
    if session().scalar(query):
        raise ConflictError(
            _("This gateway has payments or saved payment methods. Disable it instead.")
        )


def _kind(instance: ConfiguredModule) -> Text:
    return KIND_LABELS.get(instance.type, CONFIGURATION)


def record_change(
    actor: Principal,
    instance: ConfiguredModule,
    act: str,
    summary: Text | str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit entry about a gateway or sender."""
    kind = KINDS.get(instance.type, "instance")
    audit.record(
        actor=actor,
        action=f"{kind}.{act}",
        subject_type=kind,
        subject_uuid=instance.uuid,
        summary=summary,
        before=before,
        after=after,
    )
