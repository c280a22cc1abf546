"""Sender pages: configured modules of type Notification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import render_template
from flask.typing import ResponseReturnValue
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.permissions import TASKS_VIEW
from puqpanel.domain.texts import Text, packed
from puqpanel.models import ConfiguredModule, Task
from puqpanel.operations.messaging import messages
from puqpanel.operations.messaging.messages import Message
from puqpanel.web import live_parts
from puqpanel.web.admin.modules.configured_modules import Kind, Pages
from puqpanel.web.admin.oversight.tasks import open_among
from puqpanel.web.forms import Form, _, save_or_show
from puqpanel.web.guard import actor, can

SENDER = Kind(
    type="Notification",
    singular="sender",
    plural="senders",
    icon="paper-plane",
    description=_("Channels for messages. Each connects a module to a server or account."),
    title_help=_("Shown to staff, for example “Transactional e-mail” or “Operations chat”."),
    order_help=_("Lists and menus use this order."),
    enabled_effect=_("It can now send messages."),
    disabled_effect=_("It no longer sends messages."),
    title=_("Senders"),
    one=_("Sender"),
    add=_("Add sender"),
    rename=_("Rename sender"),
    delete=_("Delete sender"),
    enable=_("Enable sender"),
    disable=_("Disable sender"),
    no_module=_("No active notification module"),
    show_modules=_("Show notification modules"),
    activate_first=_("Activate a notification module to add a sender."),
    none_yet=_("No senders yet"),
    rejects=_("Requests are rejected until this sender is enabled."),
)
TEST_TRIES = 3


class TestForm(Form):
    """The test message form."""

    to = StringField(
        _("Recipient"),
        [InputRequired(_("Enter a recipient.")), Length(max=254)],
        description=_("An address for this channel, such as an e-mail address."),
    )
    message = TextAreaField(
        _("Message"),
        [InputRequired(_("Enter a message.")), Length(max=10_000)],
        default=_("This is a test message. If you can read it, the sender works."),
    )


class SenderPages(Pages):
    """The sender pages, with a test form and the latest messages."""

    template = "admin/modules/configured_modules/sender.html"

    def extra_context(self, instance: ConfiguredModule) -> dict[str, Any]:
        """Return the test form and the latest tasks."""
        return {"form": TestForm(formdata=None), **self._tasks(instance.uuid)}

    def latest_tasks(self, uuid: str) -> Sequence[Task]:
        """Return nothing: the tasks are below the test form."""
        return []

    def _tasks(self, uuid: str) -> dict[str, Any]:
        tasks = messages.sends_of(uuid) if can(TASKS_VIEW) else []
        return {"tasks": tasks, "busy": open_among(tasks)}

    def live(self, uuid: str) -> ResponseReturnValue:
        """Return the latest tasks as a fragment; reload the page once all of them have ended."""
        instance = self.find(uuid)
        state = self._tasks(uuid)
        fragment = render_template(
            "admin/modules/configured_modules/_sends.html", instance=instance, **state
        )
        return live_parts.answer(fragment, busy=state["busy"])

    def send(self, uuid: str) -> ResponseReturnValue:
        """Enqueue a test message."""
        instance, form = self.find(uuid), TestForm()

        def save() -> tuple[Text, str]:
            message = Message(
                subject=str(_("Test message")),
                title=str(_("Test message")),
                **form.values("to", "message"),
            )
            messages.send(
                actor=actor(),
                sender_uuid=uuid,
                message=message,
                tries=TEST_TRIES,
                backoff=10,
                tags=["test"],
                title=packed(_("Test of %(sender)s", sender=instance.title[:60])),
            )
            return _("Test message queued. Follow it under Messages."), self.url("show", uuid)

        return save_or_show(
            form,
            save,
            title=_("Send a test message through %(title)s", title=instance.title),
            crumbs=self.crumbs(instance),
            label=_("Send test message"),
            consequence=_(
                "Sent in the background, with up to %(TEST_TRIES)s attempts.", TEST_TRIES=TEST_TRIES
            ),
        )


pages = SenderPages(SENDER, __name__)
pages.add_route("/<uuid>/live", pages.live, "view", "GET")
pages.add_route("/<uuid>/send", pages.send, "manage", "GET", "POST")
bp = pages.bp
