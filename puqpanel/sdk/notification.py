"""The base of Notification modules: channels through which messages go out."""

from collections.abc import Mapping
from typing import Any, ClassVar

from puqpanel.sdk.configured import Configured


class Notification(Configured):
    """A channel. A configured instance of it is a sender."""

    contract_type: ClassVar[str] = "Notification"

    def send(self, data: Mapping[str, Any]) -> Any:
        """Sends one message.

        Called in a worker, outside any transaction; again, after a while, where it answers an
        error.

        Args:
            data: to; subject, one line; message, text or HTML; attachments, `[{name, content,
                type}]` with the content in base64; type, the tone (info, success, warning, error);
                title, what the message is about in a few words; module, the key of the module that
                it is about, empty where it is about none.

        Returns:
            `{status: "success"}`, or `{status: "error", message, code}`. An error with `errors`,
            the code 422 or `retry=False` is not
            tried again: the same message would be refused again.
        """
        return {"status": "error", "message": "This notification module cannot send.", "code": 501}
