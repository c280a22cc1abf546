"""Events that modules dispatch."""

import re
from collections.abc import Mapping
from typing import Any

from puqpanel.domain.errors import UserError
from puqpanel.domain.events import EVENTS
from puqpanel.host import context
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
# each listener's task stores a copy
MAX_PAYLOAD_CHARS = 64 * 1024


def _longer(value: Any, most: int) -> bool:
    """Return whether a structure is longer than `most` characters; stop counting once it is."""
    left, pending, visited = most, [value], 0
    while pending and left >= 0 and visited < most:
        item = pending.pop()
        visited += 1
        if isinstance(item, Mapping):
            pending += [*item.keys(), *item.values()] if len(item) < most else []
            left -= len(item)
        elif isinstance(item, (list, tuple, set, frozenset)):
            pending += item if len(item) < most else []
            left -= len(item)
        else:
            left -= len(item) if isinstance(item, (str, bytes)) else 1
    return left < 0 or bool(pending)


class Event:
    """Dispatch events of the module's own.

    For example:

        event.dispatch("cloud.account.created", {"service_uuid": self.service_uuid})
    """

    @staticmethod
    def dispatch(name: str, payload: Mapping[str, Any] | None = None) -> None:
        """Notify listeners after the open transaction commits, or at once if none is open.

        Listeners run later, each in a task of its own; their errors do not reach the caller.

        Args:
            name: dotted words, `cloud.account.created`; the panel's own event names are refused.
            payload: plain data of at most 64 KB; secrets in it are masked.

        Raises:
            UserError: the name or the payload is not acceptable.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > 120:
            raise UserError(
                f"“{str(name)[:120]}” is not an event name; use dotted words such as"
                " cloud.account.created."
            )
        if name in EVENTS:
            raise UserError(f"{name} is an event of the panel; use a prefix of your own.")
        if payload is not None and not isinstance(payload, Mapping):
            raise UserError(
                f"The payload of {name} must be a dictionary, not a {type(payload).__name__}."
            )
        if _longer(payload or {}, MAX_PAYLOAD_CHARS):
            raise UserError(
                f"The payload of {name} is larger than {MAX_PAYLOAD_CHARS // 1024} KB; send an ID"
                " with which listeners can load the rest."
            )
        call = context.current()
        raise_event(name, {**redact(payload or {}), "raised_by": call.key if call else ""})


event = Event
