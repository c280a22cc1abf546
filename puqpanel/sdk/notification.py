"""The base of Notification modules: channels through which messages go out."""

from collections.abc import Mapping
from typing import Any, ClassVar

from puqpanel.host.contract.base import ModuleBase


class Notification(ModuleBase):
    """A channel. `self.module_data` holds its settings as `get_module_data` answered them."""

    contract_type: ClassVar[str] = "Notification"

    def get_settings_page(self, data: Mapping[str, Any] | None = None) -> str:
        """HTML of the settings form."""
        return ""

    def send(self, data: Mapping[str, Any]) -> Any:
        """Sends one message. Args: data has to, subject, message, attachments, type, title and module."""
        return {"status": "error", "message": "This notification module cannot send.", "code": 501}
