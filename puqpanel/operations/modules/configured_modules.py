"""Configured instances of Payment and Notification modules: gateways and senders, from the
first title to a message that is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Any

import sqlalchemy as sa
from markupsafe import Markup

from puqpanel.domain.actors import Actor
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.task_states import OPEN
from puqpanel.host import calls, registry
from puqpanel.host.calls import Called
from puqpanel.host.contract.result import Result
from puqpanel.host.registry import LoadedModule
from puqpanel.infra.db import session, transaction
from puqpanel.infra.links import link
from puqpanel.infra.redact import SHORTEST, secret_name, storable
from puqpanel.models import Instance, Module, Task, TaskTag
from puqpanel.operations.system import audit
from puqpanel.operations.system.fields import clean_name
from puqpanel.tasks import add as engine

CALLED: Mapping[str, str] = {"Payment": "gateway", "Notification": "sender"}
"""What an instance of a type of module is called."""
TONES = ("info", "success", "warning", "error")
LONGEST_MESSAGE, LARGEST_FILES = 100_000, 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient.

    Args:
        to: an address as the sender's channel knows it.
        subject: one line.
        message: text or HTML.
        title: what it is about in a few words; the subject unless told.
        type: its tone, one of TONES.
        module: the key of the module that it is about, empty where it is about none.
        attachments: name, content in base64, type of each.
    """

    to: str
    subject: str
    message: str
    title: str = ""
    type: str = "info"
    module: str = ""
    attachments: tuple[Mapping[str, str], ...] = ()


def list_instances(module_type: str) -> Sequence[Instance]:
    """All of a type, in staff's order."""
    return (
        session()
        .scalars(
            sa.select(Instance)
            .where(Instance.type == module_type)
            .order_by(Instance.position, Instance.id)
        )
        .all()
    )


def find_instance(uuid: str, module_type: str = "") -> Instance:
    """One instance; of one type where that is given. Raises NotFoundError."""
    found = session().scalar(
        sa.select(Instance).where(Instance.uuid == uuid).execution_options(populate_existing=True)
    )
    if found is None or (module_type and found.type != module_type):
        raise NotFoundError(f"There is no such {CALLED.get(module_type, 'configuration')}.")
    return found


def offered_modules(module_type: str) -> list[LoadedModule]:
    """The modules of a type that are switched on, by title."""
    return sorted(registry.current().of_type(module_type), key=lambda module: module.title.lower())


def module_of(instance: Instance) -> LoadedModule | None:
    """The module of an instance; None where it is not served."""
    return registry.current().get(instance.module)


def held_back(key: str) -> str:
    """Why the instances of a module cannot be used just now, one sentence; empty where they can."""
    return held_back_of([key])[key]


def held_back_of(keys: Iterable[str]) -> dict[str, str]:
    """The same of several modules, by key, with one query for all."""
    failing = {
        row.key: row.failing
        for row in session().scalars(sa.select(Module).where(Module.failing != ""))
    }
    return {
        key: (
            _not_callable(key)
            or (f"The module {key} was stopped. {failing[key]}" if key in failing else "")
        )
        for key in keys
    }


def _not_callable(key: str) -> str:
    """The same, less a module that was stopped: staff may still call it, since what is wrong
    may be in its settings.
    """
    module = registry.current().get(key)
    if module is None:
        refused = registry.current().refused.get(key)
        return (
            f"The module {key} does not load: {refused}"
            if refused
            else f"The module {key} is not switched on."
        )
    return f"The module {module.title} waits for its update." if module.restricted else ""


def has_webhook(module: LoadedModule | None) -> bool:
    """Whether a module answers to outside calls."""
    return module is not None and bool(module.webhooks)


def can_test(module: LoadedModule | None) -> bool:
    """Whether a module can say if a connection works."""
    return module is not None and callable(getattr(module.cls, "test_connection", None))


def webhook_address(instance: Instance) -> str:
    """Where outside services call an instance."""
    return link("webhooks", instance.type, instance.name, instance.uuid)


def create_instance(*, actor: Actor, module_type: str, module: str, title: str) -> Instance:
    """Makes an instance, switched off and last in the order.

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
        raise InvalidInput({"module": ["Choose a module that is switched on."]})
    with transaction() as current:
        last = current.scalar(
            sa.select(sa.func.max(Instance.position)).where(Instance.type == module_type)
        )
        instance = Instance(
            type=loaded.type,
            name=loaded.name,
            title=shown,
            position=0 if last is None else last + 1,
            data={},
        )
        current.add(instance)
        current.flush()
        _note(
            actor,
            instance,
            "created",
            f"{_called(instance)} {shown} made.",
            after={"title": shown, "module": loaded.key},
        )
    return instance


def rename_instance(*, actor: Actor, uuid: str, title: str) -> Instance:
    """Gives an instance another title. Raises InvalidInput where there is none."""
    shown = clean_name(title, "title")
    with transaction():
        instance = find_instance(uuid)
        before, instance.title = instance.title, shown
        if before != shown:
            _note(
                actor,
                instance,
                "renamed",
                f"{_called(instance)} {before} is now called {shown}.",
                before={"title": before},
                after={"title": shown},
            )
    return instance


def move_instance(*, actor: Actor, uuid: str, up: bool) -> Instance:
    """Moves an instance one place in the order of its type; the first stays the first, the last
    the last.
    """
    with transaction() as current:
        instance = find_instance(uuid)
        rows = list(
            current.scalars(
                sa.select(Instance)
                .where(Instance.type == instance.type)
                .order_by(Instance.position, Instance.id)
                .with_for_update()
            )
        )
        at = next(place for place, row in enumerate(rows) if row.uuid == uuid)
        to = at - 1 if up else at + 1
        if 0 <= to < len(rows):
            rows[at], rows[to] = rows[to], rows[at]
            _note(
                actor,
                instance,
                "moved",
                f"{_called(instance)} {instance.title} moved {'up' if up else 'down'}.",
            )
        for place, row in enumerate(rows):
            row.position = place
    return instance


def switch_instance(*, actor: Actor, uuid: str, active: bool) -> Instance:
    """Switches an instance on or off.

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
            raise ConflictError("Save its settings first.")
        if instance.active != active:
            instance.active = active
            word = "on" if active else "off"
            _note(
                actor,
                instance,
                f"switched_{word}",
                f"{_called(instance)} {instance.title} switched {word}.",
            )
    return instance


def delete_instance(*, actor: Actor, uuid: str) -> None:
    """Removes an instance with its settings. What it did stays in the logs.

    Raises:
        ConflictError: something refers to it.
    """
    with transaction() as current:
        instance = find_instance(uuid)
        if reason := kept_by(instance):
            raise ConflictError(reason)
        _note(
            actor,
            instance,
            "deleted",
            f"{_called(instance)} {instance.title} deleted.",
            before={"title": instance.title, "module": instance.module},
        )
        current.delete(instance)


def kept_by(instance: Instance) -> str:
    """Why an instance cannot be deleted, one sentence; empty where nothing refers to it."""
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


def settings_page(
    *,
    actor: Actor,
    instance: Instance,
    sent: Mapping[str, Any] | None = None,
    errors: Mapping[str, list[str]] | None = None,
) -> Called | None:
    """What the module draws for its settings, without any stored secret in it; None where the
    module cannot be called.

    Args:
        actor: who looks.
        instance: which.
        sent: what was sent and refused, to be shown again.
        errors: the sentences of that refusal, by field.
    """
    module = module_of(instance)
    if module is None or module.restricted:
        return None
    stored = dict(instance.data or {})
    shown = stored if sent is None else dict(sent)
    data = {
        "webhook_url": webhook_address(instance),
        "uuid": instance.uuid,
        "title": instance.title,
        **shown,
    }
    again = None if sent is None else {"module_data": shown, "errors": errors or {}}
    called = calls.invoke(
        module, "get_settings_page", data, instance_uuid=instance.uuid, actor=actor, stored=again
    )
    if not isinstance(called.value, str) or not _draws_itself(module):
        return called  # a form's password fields are drawn empty
    # drawn by the module's templates
    return replace(called, value=Markup(without_secrets(called.value, [stored, shown])))  # noqa: S704


def without_secrets(page: str, *kept: Sequence[Mapping[str, Any]]) -> str:
    """HTML with the values of settings that are secrets by their name taken out: a field is
    empty, and empty keeps what is stored.
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


def save_settings(*, actor: Actor, uuid: str, data: Mapping[str, Any]) -> Instance:
    """Lets the module check its settings, and keeps them.

    A secret that was sent empty stays what it is.

    Args:
        actor: who does it.
        uuid: the instance.
        data: the form's answers, as they came.

    Raises:
        InvalidInput: the module did not accept a field.
        ConflictError: the module is not served.
    """
    instance = find_instance(uuid)
    module = _served(instance)
    stored = dict(instance.data or {})
    emptied = (
        {key for key in stored if key in data and data[key] in ("", None) and _secret(key)}
        if _draws_itself(module)
        else set()
    )
    whole = {**data, **{key: stored[key] for key in emptied}}
    result = calls.invoke(module, "save_module_data", whole, instance_uuid=uuid, actor=actor).result
    if not result.ok:
        said = result.message or "The module did not accept this."
        raise InvalidInput(result.errors or {"": [said]}, said)
    kept = (
        dict(result.as_dict().get("data") or {})
        if isinstance(result.data, Mapping)
        else dict(whole)
    )
    with transaction():
        instance = find_instance(uuid)
        # names only: what is a secret, the module knows and we can but guess
        old, new = audit.changed(instance.data or {}, kept)
        names = sorted(name for name in new if new[name] or old[name])
        instance.data = kept
        if names:
            _note(
                actor,
                instance,
                "configured",
                f"Settings of {instance.title} saved: {', '.join(names)}.",
            )
    return instance


def test_connection(*, actor: Actor, uuid: str) -> Result:
    """Asks the module whether what is stored works. The answer's message is a sentence for staff.

    Raises:
        ConflictError: the module is not served, or cannot tell.
    """
    instance = find_instance(uuid)
    module = _served(instance)
    if not can_test(module):
        raise ConflictError(f"{module.title} cannot test a connection.")
    called = calls.invoke(module, "test_connection", instance_uuid=uuid, actor=actor)
    if isinstance(called.value, bool):
        return Result.success() if called.value else Result.error()
    return called.result


def preview(*, actor: Actor, gateway: Instance) -> Called | None:
    """What a client would see of a gateway, with a sample invoice; None where its module cannot
    be called.
    """
    module = module_of(gateway)
    return (
        None
        if module is None or module.restricted
        else calls.invoke(module, "preview_client_area", instance_uuid=gateway.uuid, actor=actor)
    )


def send(
    *,
    actor: Actor,
    sender_uuid: str,
    message: Message,
    tries: int = 5,
    backoff: int = 60,
    tags: Sequence[str] = (),
    title: str = "",
) -> Task:
    """Queues one message: a task of its own, sent by a worker and tried again while the channel
    does not take it.

    Args:
        actor: who caused it.
        sender_uuid: the sender.
        message: what goes to whom.
        tries, backoff: attempts, and seconds between them.
        tags: further words to find the task by.
        title: what the task is called in lists.

    Raises:
        ConflictError: the sender is switched off.
        InvalidInput: nobody to send it to, no text, or too much of it.
    """
    clean = _clean(message)
    with transaction():
        sender = find_instance(sender_uuid, "Notification")
        if not sender.active:
            raise ConflictError(f"The sender {sender.title} is switched off, so it cannot send.")
        return engine.add(
            job="NotificationJob",
            queue="Notification",
            data={
                "sender": sender.uuid,
                "message": {**asdict(clean), "attachments": [*clean.attachments]},
            },
            tags=["notification", f"sender:{sender.uuid}", *tags],
            title=title or f"Send “{clean.subject[:80]}” by {sender.title}",
            module=sender.module,
            tries=tries,
            backoff=backoff,
            timeout=300,
            max_exceptions=tries,
            actor=actor,
        )


def sends_of(sender_uuid: str, limit: int = 10) -> Sequence[Task]:
    """A sender's newest tasks, newest first."""
    tagged = (
        sa.select(TaskTag.task_id)
        .where(TaskTag.tag == f"sender:{sender_uuid}")
        .order_by(TaskTag.task_id.desc())
        .limit(limit)
    )
    return (
        session()
        .scalars(
            sa.select(Task).where(Task.id.in_(tagged.subquery().select())).order_by(Task.id.desc())
        )
        .all()
    )


def _clean(message: Message) -> Message:
    errors: dict[str, list[str]] = {}
    to, subject = storable(message.to).strip(), " ".join(storable(message.subject).split())
    if not to or len(to) > 254:
        errors["to"] = ["Enter whom it goes to, with at most 254 characters."]
    if not subject or len(subject) > 255:
        errors["subject"] = ["Enter a subject of at most 255 characters."]
    text = storable(message.message)
    if not text.strip() or len(text) > LONGEST_MESSAGE:
        errors["message"] = [f"Enter a text of at most {LONGEST_MESSAGE:,} characters."]
    if sum(len(str(file.get("content", ""))) for file in message.attachments) > LARGEST_FILES:
        errors["attachments"] = ["Attachments are larger than 10 MB together."]
    if message.type not in TONES:
        errors["type"] = [f"The type is one of {', '.join(TONES)}."]
    if errors:
        raise InvalidInput(errors)
    return replace(
        message,
        to=to,
        subject=subject,
        message=text,
        title=" ".join(storable(message.title).split()) or subject,
    )


def _draws_itself(module: LoadedModule) -> bool:
    """Whether the page of the settings is the module's own and not drawn from its form, which
    leaves its password fields empty.
    """
    return any(
        "get_settings_page" in vars(cls)
        for cls in module.cls.__mro__
        if cls.__module__.startswith(module.package)
    )


def _secret(name: str) -> bool:
    """Whether a setting is a secret by its name; an account's number is masked in logs, but is
    none to whoever typed it.
    """
    return secret_name(name) and "iban" not in name.lower()


def _served(instance: Instance) -> LoadedModule:
    if reason := _not_callable(instance.module):
        raise ConflictError(reason)
    return registry.current().modules[instance.module]


def _called(instance: Instance) -> str:
    return CALLED.get(instance.type, "configuration").capitalize()


def _note(
    actor: Actor,
    instance: Instance,
    act: str,
    summary: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
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
