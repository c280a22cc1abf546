"""`Event.dispatch("cloud.account.created", {...})`: says that something happened, to whoever listens."""

import re
from collections.abc import Mapping
from typing import Any

from puqpanel.domain.errors import UserError
from puqpanel.host import context
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")


class Event:
    """The panel's events, and a module's own."""

    @staticmethod
    def dispatch(name: str, payload: Mapping[str, Any] | None = None) -> None:
        """Tells the listeners, once the open transaction is committed or at once outside one. Never raises for what a listener does.

        Args: name is dotted, `cloud.account.created`; payload is plain data, secrets in it are masked.

        Raises: UserError for another kind of name or payload.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > 120:
            raise UserError(f"“{str(name)[:120]}” is no name of an event; use dotted words such as cloud.account.created.")
        if payload is not None and not isinstance(payload, Mapping):
            raise UserError(f"The payload of {name} must be a dictionary, not a {type(payload).__name__}.")
        call = context.current()
        raise_event(name, {**redact(payload or {}), "raised_by": call.key if call else ""})
