"""Messages as tasks: sent by a real worker, tried again, parked while their module is away,
never sent by a sender that is off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.messaging import messages
from puqpanel.operations.messaging.messages import Message
from puqpanel.operations.modules import configured_modules, lifecycle
from puqpanel.operations.oversight.tasks import retry_task
from tests.conftest import STAFF
from tests.sample import activate, write_module

SENDS = """
    from puqpanel.sdk import Notification

    class Sends(Notification):
        def send(self, data):
            self.log_info("sent", data, {"settings": self.module_data, "uuid": self.instance_uuid})
            match data["to"]:
                case "raises": raise ValueError("broken")
                case "refused": return {"status": "error", "message": "mailbox full", "code": 500}
                case "wrong": return {"status": "error", "message": {"to": ["This is no address."]}, "code": 422}
            return {"status": "success", "message": "Handed over."}
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", SENDS, type="Notification", name="Sends")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def panel(settings: Settings, app: Panel) -> Iterator[Panel]:
    with app.app_context():
        activate(app, STAFF, "Sends", "Notification")
    panel = Live(settings).ensure()
    with panel.app_context():
        yield panel
    dismantle(panel)


@pytest.fixture
def sender(panel: Panel) -> str:
    made = configured_modules.create_instance(
        actor=STAFF, module_type="Notification", module="Notification/Sends", title="Mail"
    )
    with transaction():
        configured_modules.find_instance(made.uuid).data = {"key": "v"}
    configured_modules.switch_instance(actor=STAFF, uuid=made.uuid, active=True)
    return made.uuid


def tasks() -> list[Any]:
    db.session.expire_all()
    release()
    return list(session().scalars(sa.select(Task).order_by(Task.id)))


def send(sender: str, to: str = "anna@example.test", **more: Any) -> Task:
    message = Message(to=to, subject="Hello\r\nBcc: x", message="Text", **more)
    return messages.send(
        actor=STAFF, sender_uuid=sender, message=message, tries=2, backoff=0, tags=["invoice:1"]
    )


def test_worker_sends_with_the_settings_of_the_sender(
    sender: str, drain: Callable[..., None]
) -> None:
    send(sender, attachments=({"name": "a.txt", "content": "eA==", "type": "text/plain"},))
    (task,) = tasks()
    assert (task.job, task.queue, task.status, task.module, task.tries) == (
        "NotificationJob",
        "Notification",
        "queued",
        "Notification/Sends",
        2,
    )
    assert [tag.tag for tag in task.tags] == ["notification", f"sender:{sender}", "invoice:1"]
    drain(1)
    (task,) = tasks()
    assert (task.status, str(task.note), [one.outcome for one in task.attempts]) == (
        "completed",
        "Handed over.",
        ["completed"],
    )
    (row,) = session().scalars(sa.select(ModuleLog).where(ModuleLog.action == "sent"))
    assert (
        row.task_id == task.id
        and '"subject": "Hello Bcc: x"' in row.request
        and '"title": "Hello Bcc: x"' in row.request
        and '"module": "System"' in row.request
        and sender in row.response
    )
    assert '"key": "v"' in row.response
    assert [one.id for one in messages.sends_of(sender)] == [task.id]


@pytest.mark.parametrize(
    ("to", "attempts", "note"),
    [
        ("refused", 2, "mailbox full"),
        ("wrong", 1, "This is no address."),
        ("raises", 2, "Sends.send() failed"),
    ],
)
def test_send_failures_are_retried_unless_the_message_is_invalid(
    sender: str, drain: Callable[..., None], to: str, attempts: int, note: str
) -> None:
    send(sender, to)
    drain(3)
    (task,) = tasks()
    assert (task.status, len(task.attempts)) == ("failed", attempts)
    assert note in str(task.note)


def test_disabled_or_deleted_sender_sends_nothing(sender: str, drain: Callable[..., None]) -> None:
    waiting = send(sender).uuid
    configured_modules.switch_instance(actor=STAFF, uuid=sender, active=False)
    with pytest.raises(ConflictError, match="Mail is disabled"):
        send(sender)
    with pytest.raises(ConflictError, match="unsent messages"):
        configured_modules.delete_instance(actor=STAFF, uuid=sender)
    drain(1)
    assert [(one.status, str(one.note)) for one in tasks()] == [
        ("failed", "The sender Mail is disabled; enable it and retry.")
    ]
    configured_modules.delete_instance(actor=STAFF, uuid=sender)
    with pytest.raises(NotFoundError):
        send(sender)
    retry_task(actor=STAFF, uuid=waiting)
    drain(1)
    assert str(tasks()[0].note) == "The sender was deleted."


def test_message_is_parked_while_its_module_is_unavailable(
    panel: Panel, sender: str, drain: Callable[..., None]
) -> None:
    where = {
        "actor": STAFF,
        "modules_dir": panel.settings.modules_dir,
        "module_type": "Notification",
        "name": "Sends",
    }
    send(sender)
    lifecycle.deactivate(**where)
    drain(1)
    (task,) = tasks()
    assert task.status == "parked" and "not active" in str(task.note)
    lifecycle.activate(**where)
    drain(1)
    assert tasks()[0].status == "completed"


def test_identical_queued_message_is_sent_once(sender: str, drain: Callable[..., None]) -> None:
    first, second = send(sender), send(sender)
    assert first.uuid == second.uuid
    drain(1)
    assert len(tasks()) == 1


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (Message(" ", "s", "m"), "to"),
        (Message("x" * 255, "s", "m"), "to"),
        (Message("a", " \n", "m"), "subject"),
        (Message("a", "s" * 256, "m"), "subject"),
        (Message("a", "s", " "), "message"),
        (Message("a", "s", "x" * 100_001), "message"),
        (Message("a", "s", "m", type="shout"), "type"),
        (
            Message(
                "a", "s", "m", attachments=({"name": "x", "content": "x" * (10 * 1024 * 1024 + 1)},)
            ),
            "attachments",
        ),
    ],
)
def test_invalid_messages_are_rejected(sender: str, message: Message, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        messages.send(actor=STAFF, sender_uuid=sender, message=message)
    assert set(caught.value.errors) == {field}
    assert tasks() == []
