"""Messages: validated, then queued as one task per recipient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.permissions import SENDERS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import Text, _, packed
from puqpanel.infra.db import session, transaction
from puqpanel.infra.redact import storable
from puqpanel.models import Task
from puqpanel.operations.modules import configured_modules
from puqpanel.tasks import add as engine

SYSTEM = "System"
"""Value of `module` for messages that do not concern a module."""
TONES = ("info", "success", "warning", "error")


LONGEST_MESSAGE, LARGEST_FILES = 100_000, 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient.

    Args:
        to: the recipient's address in the sender's channel.
        subject: one line.
        message: text or HTML.
        title: short title; the subject unless given.
        type: tone, one of TONES.
        module: key of the module that it concerns; "System" unless given.
        attachments: each with name, base64 content and type.
    """

    to: str
    subject: str
    message: str
    title: str = ""
    type: str = "info"
    module: str = ""
    attachments: tuple[Mapping[str, str], ...] = ()


@transaction()
def send(
    *,
    actor: Principal,
    sender_uuid: str,
    message: Message,
    tries: int = 5,
    backoff: int = 60,
    tags: Sequence[str] = (),
    title: str = "",
) -> Task:
    """Enqueue one message as a task, which is retried if the channel fails.

    Args:
        actor: who sends it.
        sender_uuid: the sender.
        message: the message.
        tries: maximum number of attempts.
        backoff: seconds between attempts.
        tags: further search terms of the task.
        title: display name of the task, plain or packed.

    Raises:
        ConflictError: the sender is disabled.
        InvalidInput: the message is incomplete or too large.
    """
    actor.require(SENDERS_MANAGE)
    clean = _clean(message)
    sender = configured_modules.find_instance(sender_uuid, "Notification")
    if not sender.active:
        raise ConflictError(_("The sender %(title)s is disabled.", title=sender.title))
    return engine.add(
        job="NotificationJob",
        queue="Notification",
        data={
            "sender": sender.uuid,
            "message": {**asdict(clean), "attachments": [*clean.attachments]},
        },
        tags=["notification", f"sender:{sender.uuid}", *tags],
        title=title
        or packed(
            _(
                "Send “%(subject)s” via %(sender)s",
                subject=clean.subject[:60],
                sender=sender.title[:60],
            )
        ),
        module=sender.module,
        subject_type="sender",
        subject_uuid=sender.uuid,
        tries=tries,
        backoff=backoff,
        timeout=300,
        max_exceptions=tries,
        actor=actor,
    )


def sends_of(sender_uuid: str, limit: int = 10) -> Sequence[Task]:
    """Return a sender's newest tasks, newest first."""
    query = sa.select(Task).where(Task.about("sender", sender_uuid))
    return session().scalars(query.order_by(Task.id.desc()).limit(limit)).all()


def _clean(message: Message) -> Message:
    errors: dict[str, list[Text]] = {}
    to, subject = storable(message.to).strip(), " ".join(storable(message.subject).split())
    if not to or len(to) > 254:
        errors["to"] = [_("Enter a recipient of at most 254 characters.")]
    if not subject or len(subject) > 255:
        errors["subject"] = [_("Enter a subject of at most 255 characters.")]
    text = storable(message.message)
    if not text.strip() or len(text) > LONGEST_MESSAGE:
        errors["message"] = [
            _(
                "Enter a text of at most %(longest)s characters.",
                longest=LONGEST_MESSAGE,
            )
        ]
    if sum(len(str(file.get("content", ""))) for file in message.attachments) > LARGEST_FILES:
        errors["attachments"] = [_("Attachments exceed 10 MB in total.")]
    if message.type not in TONES:
        errors["type"] = [_("Choose one of %(items)s.", items=", ".join(TONES))]
    if errors:
        raise InvalidInput(errors)
    return replace(
        message,
        to=to,
        subject=subject,
        message=text,
        title=" ".join(storable(message.title).split()) or subject,
        module=storable(message.module).strip() or SYSTEM,
    )
