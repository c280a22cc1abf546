"""Configured modules: gateways (Payment modules) and senders (Notification modules)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.task_states import OPEN
from puqpanel.host import registry
from puqpanel.host.loaded import LoadedModule
from puqpanel.infra.db import session, transaction
from puqpanel.infra.links import link
from puqpanel.models import ConfiguredModule, Task, TaskTag
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name

CALLED: Mapping[str, str] = {"Payment": "gateway", "Notification": "sender"}
"""What an instance of a type of module is called."""


def list_instances(module_type: str) -> Sequence[ConfiguredModule]:
    """Return all of a type, in staff's order."""
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
    """Return one instance; of one type where that is given.

    Raises:
        NotFoundError: it does not exist.
    """
    found = session().scalar(
        sa.select(ConfiguredModule)
        .where(ConfiguredModule.uuid == uuid)
        .execution_options(populate_existing=True)
    )
    if found is None or (module_type and found.type != module_type):
        raise NotFoundError(f"There is no such {CALLED.get(module_type, 'configuration')}.")
    return found


def offered_modules(module_type: str) -> list[LoadedModule]:
    """Return the modules of a type that are switched on, by title."""
    return sorted(registry.current().of_type(module_type), key=lambda module: module.title.lower())


def module_of(instance: ConfiguredModule) -> LoadedModule | None:
    """Return the module of an instance; None where it is not served."""
    return registry.current().get(instance.module)


def has_webhook(module: LoadedModule | None) -> bool:
    """Return whether a module answers to outside calls."""
    return module is not None and bool(module.webhooks)


def webhook_address(instance: ConfiguredModule) -> str:
    """Return where outside services call an instance."""
    return link("webhooks", instance.type, instance.name, instance.uuid)


def create_instance(*, actor: Actor, module_type: str, module: str, title: str) -> ConfiguredModule:
    """Create a configured module, disabled and last in the order.

    Args:
        actor: who does it.
        module_type: Payment or Notification.
        module: the key of a module of that type.
        title: what people call it.

    Raises:
        InvalidInput: the module is not switched on, or there is no title.
    """
    shown = clean_name(title, "title")
    loaded = registry.current().get(module)
    if loaded is None or loaded.type != module_type:
        raise InvalidInput({"module": ["Choose an active module."]})
    with transaction() as current:
        last = current.scalar(
            sa.select(sa.func.max(ConfiguredModule.position)).where(
                ConfiguredModule.type == module_type
            )
        )
        instance = ConfiguredModule(
            type=loaded.type,
            name=loaded.name,
            title=shown,
            position=0 if last is None else last + 1,
            data={},
        )
        current.add(instance)
        current.flush()
        record_change(
            actor,
            instance,
            "created",
            f"{_called(instance)} {shown} made.",
            after={"title": shown, "module": loaded.key},
        )
    return instance


def rename_instance(*, actor: Actor, uuid: str, title: str) -> ConfiguredModule:
    """Rename a configured module.

    Raises:
        InvalidInput: there is none.
    """
    shown = clean_name(title, "title")
    with transaction():
        instance = find_instance(uuid)
        before, instance.title = instance.title, shown
        if before != shown:
            record_change(
                actor,
                instance,
                "renamed",
                f"{_called(instance)} {before} is now called {shown}.",
                before={"title": before},
                after={"title": shown},
            )
    return instance


def move_instance(*, actor: Actor, uuid: str, up: bool) -> ConfiguredModule:
    """Move a configured module one place up or down within its type.

    The first stays the first, the last the last.
    """
    with transaction() as current:
        instance = find_instance(uuid)
        rows = list(
            current.scalars(
                sa.select(ConfiguredModule)
                .where(ConfiguredModule.type == instance.type)
                .order_by(ConfiguredModule.position, ConfiguredModule.id)
                .with_for_update()
            )
        )
        at = next(place for place, row in enumerate(rows) if row.uuid == uuid)
        to = at - 1 if up else at + 1
        if 0 <= to < len(rows):
            rows[at], rows[to] = rows[to], rows[at]
            record_change(
                actor,
                instance,
                "moved",
                f"{_called(instance)} {instance.title} moved {'up' if up else 'down'}.",
            )
        for place, row in enumerate(rows):
            row.position = place
    return instance


def switch_instance(*, actor: Actor, uuid: str, active: bool) -> ConfiguredModule:
    """Enable or disable a configured module.

    Raises:
        ConflictError: its module asks for settings, and none were saved yet.
    """
    with transaction():
        instance = find_instance(uuid)
        module = module_of(instance)
        if (
            active
            and not instance.data
            and module is not None
            and getattr(module.cls, "SettingsForm", None) is not None
        ):
            raise ConflictError("Save the settings first.")
        if instance.active != active:
            instance.active = active
            word = "on" if active else "off"
            record_change(
                actor,
                instance,
                f"switched_{word}",
                f"{_called(instance)} {instance.title} switched {word}.",
            )
    return instance


def delete_instance(*, actor: Actor, uuid: str) -> None:
    """Delete a configured module with its settings; its log entries stay.

    Raises:
        ConflictError: something refers to it.
    """
    with transaction() as current:
        instance = find_instance(uuid)
        if reason := kept_by(instance):
            raise ConflictError(reason)
        record_change(
            actor,
            instance,
            "deleted",
            f"{_called(instance)} {instance.title} deleted.",
            before={"title": instance.title, "module": instance.module},
        )
        current.delete(instance)


def kept_by(instance: ConfiguredModule) -> str:
    """Return why an instance cannot be deleted, one sentence; empty where nothing refers to it."""
    waiting = session().scalar(
        sa.select(Task.id)
        .join(TaskTag, TaskTag.task_id == Task.id)
        .where(TaskTag.tag == f"sender:{instance.uuid}", Task.status.in_(sorted(OPEN)))
        .limit(1)
    )
    return (
        "Messages still wait to go out by this sender; let them go or cancel their tasks first."
        if waiting is not None
        else ""
    )


def _called(instance: ConfiguredModule) -> str:
    return CALLED.get(instance.type, "configuration").capitalize()


def record_change(
    actor: Actor,
    instance: ConfiguredModule,
    act: str,
    summary: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit entry about a gateway or sender."""
    kind = CALLED.get(instance.type, "instance")
    audit.record(
        actor=actor,
        action=f"{kind}.{act}",
        subject_type=kind,
        subject_uuid=instance.uuid,
        summary=summary,
        before=before,
        after=after,
    )
