"""SampleNotification: e-mail and webhook, with and without retries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.host import calls
from puqpanel.host.contract.result import Result
from puqpanel.infra import addresses
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog, Task
from puqpanel.operations.modules import configured_modules, module_settings
from tests.conftest import STAFF
from tests.fakes.faults import FaultyServer, Reply, Seen
from tests.fakes.smtp import MailServer
from tests.sample import activate

MESSAGE = {
    "to": "anna@example.test",
    "subject": "Hello",
    "message": "<p>Text</p>",
    "attachments": [],
    "type": "info",
    "title": "T",
    "module": "",
}


class Chat(FaultyServer):
    """A webhook that accepts POST only."""

    def work(self, request: Seen) -> Reply:
        """Respond to a request."""
        return Reply.of({"ok": True}) if request.method == "POST" else Reply(405)


class Channel:
    """A sender of the module."""

    def __init__(self, panel: Panel) -> None:
        self.module = panel.registry.modules["Notification/SampleNotification"]
        self.uuid = configured_modules.create_instance(
            actor=STAFF, module_type="Notification", module=self.module.key, title="Ops"
        ).uuid

    def save(self, **data: Any) -> None:
        module_settings.save_settings(
            actor=STAFF,
            uuid=self.uuid,
            data={"encryption": "none", **{key: str(value) for key, value in data.items()}},
        )

    def send(self, **changed: Any) -> Result:
        called = calls.invoke(
            calls.Call(
                self.module,
                "send",
                ({**MESSAGE, **changed},),
                instance_uuid=self.uuid,
                task=Task(id=1, attempt=1, data={}),
            )
        )
        assert not called.raised, called.error
        return called.result

    def test(self) -> Result:
        return module_settings.test_connection(actor=STAFF, uuid=self.uuid)


@pytest.fixture
def channel(settings: Settings, app: Panel, monkeypatch: pytest.MonkeyPatch) -> Iterator[Channel]:
    with app.app_context():
        activate(app, STAFF, "SampleNotification", "Notification")
    panel = Live(settings).ensure()
    assert panel.registry.modules["Notification/SampleNotification"].warnings == ()
    monkeypatch.setattr(addresses, "_allowed", addresses.networks(["127.0.0.0/8"]))
    with panel.app_context():
        yield Channel(panel)
    dismantle(panel)


def test_webhook_delivery(channel: Channel) -> None:
    with Chat() as chat:
        channel.save(channel="webhook", url=f"{chat.url}/hook", token="tok-of-the-chat")
        assert channel.send(to="#ops").ok
        (seen,) = chat.seen("POST", "/hook")
        assert seen.headers["authorization"] == "Bearer tok-of-the-chat"
        assert seen.json == {
            "to": "#ops",
            "subject": "Hello",
            "message": "<p>Text</p>",
            "type": "info",
            "title": "T",
            "module": "",
        }
        for fault, retry in (
            ("500", True),
            ("429", True),
            ("404", False),
            ("drop", True),
            ("401", False),
        ):
            chat.fail(fault, method="POST")
            result = channel.send()
            assert (result.ok, result.retry) == (False, retry), fault
        assert channel.test().message == "Connected to the webhook."
        chat.fail("500", times=2)
        assert not channel.test().ok
    assert not channel.test().ok
    release()
    logged = " ".join(
        f"{row.request}{row.response}" for row in session().scalars(sa.select(ModuleLog))
    )
    assert "tok-of-the-chat" not in logged and "Hello" in logged


def test_only_the_status_of_the_webhook_counts(channel: Channel) -> None:
    with FaultyServer(lambda _: Reply(200, b"x" * 20 * 1024 * 1024)) as chat:
        channel.save(channel="webhook", url=chat.url)
        assert channel.send().ok
        assert channel.test().ok


def test_internal_address_is_rejected(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_allowed", ())
    with Chat() as chat:
        channel.save(channel="webhook", url=chat.url)
        assert "not a public address" in channel.send().message
        assert chat.requests == []


def test_mail_delivery(channel: Channel) -> None:
    with MailServer("none", ("panel", "Very-Secret-77")) as server:
        channel.save(channel="smtp", **server.config())
        assert channel.send(
            attachments=[{"name": "a.pdf", "content": "JVBERg==", "type": "application/pdf"}]
        ).ok
        assert channel.test().message == "Signed in to the mail server."
        (message,) = server.messages
        assert message.recipients == ["anna@example.test"]
        assert [part.get_filename() for part in message.message.iter_attachments()] == ["a.pdf"]
        for fault, retry in (("full", True), ("recipient", False)):
            server.fault = fault
            assert channel.send().retry is retry
        server.fault = ""
        channel.save(channel="smtp", **server.config(password="Wrong-Secret-88"))
        refused = channel.test()
        assert not refused.ok and "535" in refused.message
        assert channel.send().retry is False
    assert "Could not connect" in channel.test().message
    assert channel.send().retry is True
    release()
    logged = " ".join(
        f"{row.action}{row.request}{row.response}"
        for row in session().scalars(sa.select(ModuleLog))
    )
    assert "Secret" not in logged and "mail sent" in logged and "mail not sent" in logged


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"to": "nobody"}, "to"),
        ({"subject": ""}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"message": ""}, "message"),
    ],
)
def test_invalid_message_is_not_retried(
    channel: Channel, changed: dict[str, str], field: str
) -> None:
    with MailServer() as server:
        channel.save(channel="smtp", **server.config())
        result = channel.send(**changed)
        assert (result.ok, result.code, set(result.errors)) == (False, 422, {field})
        assert server.messages == []
