"""The base class of Notification modules: channels that deliver messages."""

from collections.abc import Mapping
from typing import Any, ClassVar

from puqpanel.sdk.configured import Configured


class Notification(Configured):
    """A channel, such as e-mail or a chat service. Each configured instance is a sender."""

    contract_type: ClassVar[str] = "Notification"

    def send(self, data: Mapping[str, Any]) -> Any:
        """Send one message.

        Runs in a worker, outside any transaction, and is retried after an error.

        Args:
            data: `to`, an address; `subject`, one line; `message`, text or HTML; `attachments`,
                `[{name, content, type}]` with base64 content; `type`, the severity (info, success,
                warning, error); `title`, a short heading; `module`, the key of the module that the
                message concerns, or `System` if it concerns none.

        Returns:
            `{status: "success"}`, or `{status: "error", message, code}`. An error with `errors`,
            with the code 422 or with `retry=False` is permanent and not retried.
        """
        return {"status": "error", "message": "This notification module cannot send.", "code": 501}
