"""`event.dispatch("cloud.account.created", {...})`: says that something happened, to whoever
listens.
"""

import re
from collections.abc import Mapping
from typing import Any

from puqpanel.domain.errors import UserError
from puqpanel.domain.events import EVENTS
from puqpanel.host import context
from puqpanel.infra.events import raise_event
from puqpanel.infra.redact import redact

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
LARGEST = 64 * 1024
"""Characters of a payload: each listener's task keeps a copy."""


def _longer(value: Any, most: int) -> bool:
    """Whether a structure is longer than so many characters; stops looking as soon as that is
    known.
    """
    left, todo, seen = most, [value], 0
    while todo and left >= 0 and seen < most:
        one = todo.pop()
        seen += 1
        if isinstance(one, Mapping):
            todo += [*one.keys(), *one.values()] if len(one) < most else []
            left -= len(one)
        elif isinstance(one, (list, tuple, set, frozenset)):
            todo += one if len(one) < most else []
            left -= len(one)
        else:
            left -= len(one) if isinstance(one, (str, bytes)) else 1
    return left < 0 or bool(todo)


class Event:
    """The panel's events, and a module's own."""

    @staticmethod
    def dispatch(name: str, payload: Mapping[str, Any] | None = None) -> None:
        """Tells the listeners, once the open transaction is committed or at once outside one.

        Never raises for what a listener does.

        Args: name is dotted, `cloud.account.created`; payload is plain data, secrets in it are
        masked.

        Raises: UserError for another kind of name, one of the panel's own events, another kind of
        payload, or one of more than 64 KB: say what happened and by which key to find the rest.
        """
        if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > 120:
            raise UserError(
                f"“{str(name)[:120]}” is no name of an event; use dotted words such as"
                " cloud.account.created."
            )
        if name in EVENTS:
            raise UserError(
                f"{name} is the panel's to tell; give your own event a name that begins with a word"
                " of your own."
            )
        if payload is not None and not isinstance(payload, Mapping):
            raise UserError(
                f"The payload of {name} must be a dictionary, not a {type(payload).__name__}."
            )
        if _longer(payload or {}, LARGEST):
            raise UserError(
                f"The payload of {name} is larger than {LARGEST // 1024} KB; send the key by which"
                " listeners find the rest."
            )
        call = context.current()
        raise_event(name, {**redact(payload or {}), "raised_by": call.key if call else ""})


event = Event
