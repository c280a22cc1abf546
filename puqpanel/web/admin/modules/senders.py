"""Senders: the channels that messages go out by, each a configured instance of a Notification
module.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template
from flask.typing import ResponseReturnValue
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from puqpanel.domain.errors import UserError
from puqpanel.models import Instance
from puqpanel.operations.messaging import messages
from puqpanel.operations.messaging.messages import Message
from puqpanel.web.admin.modules.configured_modules import Kind, Pages
from puqpanel.web.admin.oversight.tasks import open_among
from puqpanel.web.forms import Form, add_errors
from puqpanel.web.guard import actor, can

SENDER = Kind(
    type="Notification",
    one="sender",
    many="senders",
    icon="paper-plane",
    says=(
        "A sender is a channel that messages go out by: a notification module with a server or an"
        " account."
    ),
    called="As staff will choose it, such as “Mail of the firm” or “Operations chat”.",
    order="Lists and choices show them in this order.",
    on="Messages can go out by it.",
    off="Nothing goes out by it any more.",
)


class TestForm(Form):
    """A message to try a sender with."""

    to = StringField(
        "To",
        [InputRequired("Enter whom it goes to."), Length(max=254)],
        description="An address as this channel knows it.",
    )
    message = TextAreaField(
        "Text",
        [InputRequired("Enter a text."), Length(max=10_000)],
        default="This is a test. If you read it, this sender works.",
    )


class SenderPages(Pages):
    """With a message to try it, and what became of the last ones."""

    template = "admin/modules/configured_modules/sender.html"

    def further(self, instance: Instance) -> dict[str, Any]:
        """The form of a test message, and the newest tasks."""
        return {"form": TestForm(formdata=None), **self._tasks(instance.uuid)}

    def _tasks(self, uuid: str) -> dict[str, Any]:
        tasks = messages.sends_of(uuid) if can("tasks.view") else []
        return {"tasks": tasks, "busy": open_among(tasks)}

    def live(self, uuid: str) -> ResponseReturnValue:
        """The newest tasks alone, asked for while one of them has not ended; then the whole
        page once more.
        """
        instance = self.find(uuid)
        state = self._tasks(uuid)
        answer = render_template(
            "admin/modules/configured_modules/_sends.html", instance=instance, **state
        )
        return answer if state["busy"] else (answer, {"HX-Refresh": "true"})

    def send_form(self, uuid: str) -> ResponseReturnValue:
        """The form of a test message, on a page of its own."""
        return self._send(self.find(uuid), TestForm())

    def send_submit(self, uuid: str) -> ResponseReturnValue:
        """Queues a test message."""
        instance, form = self.find(uuid), TestForm()
        if form.validate_on_submit():
            message = Message(
                subject="Test message", title="Test message", **form.values("to", "message")
            )
            try:
                messages.send(
                    actor=actor(),
                    sender_uuid=uuid,
                    message=message,
                    tries=3,
                    backoff=10,
                    tags=["test"],
                    title=f"Test of {instance.title}",
                )
            except UserError as error:
                add_errors(form, error)
            else:
                flash(
                    "The message is on its way. What becomes of it stands under “Messages”.", "good"
                )
                return redirect(self.url("show", uuid))
        return self._send(instance, form), 422

    def _send(self, instance: Instance, form: TestForm) -> str:
        back = self.url("show", instance.uuid)
        return render_template(
            "admin/form.html",
            title=f"Send a test by {instance.title}",
            crumbs=[("Senders", self.url("index")), (instance.title, back)],
            form=form,
            label="Send test",
            back=back,
            consequence="A worker sends it, with up to three tries.",
        )


pages = SenderPages(SENDER, __name__)
pages.see("/<uuid>/live", pages.live)
pages.change("/<uuid>/send", pages.send_form, "GET")
pages.change("/<uuid>/send", pages.send_submit)
bp = pages.bp
