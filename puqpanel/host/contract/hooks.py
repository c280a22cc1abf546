"""Reads a module's hooks.py: which functions listen to which events."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from puqpanel.domain import events
from puqpanel.host.contract.base import ModuleBase
from puqpanel.host.contract.binding import bind
from puqpanel.host.contract.names import python_name
from puqpanel.host.contract.refusal import Refused

EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
MAX_LISTENERS = 200


@dataclass(frozen=True)
class Hook:
    """One listener.

    Args:
        event: a name of `domain.events.EVENTS`, or a module's own dotted name.
        listener: a function that takes `(payload)` or `(event, payload)`, or the name of a method
            of the module that does.
        priority: those with a higher one run first.
    """

    event: str
    listener: Callable[..., Any] | str
    priority: int = 0

    @property
    def label(self) -> str:
        """The listener's name in tasks and in the log."""
        return (
            self.listener
            if isinstance(self.listener, str)
            else str(getattr(self.listener, "__name__", type(self.listener).__name__))
        )


def read(hooks: Any, cls: type[ModuleBase]) -> tuple[Hook, ...]:
    """Return the listeners that the module `hooks` declares.

    Args:
        hooks: the imported hooks.py.
        cls: the module's class, for listeners that are named.

    Raises:
        Refused: says what to fix.
    """
    declared = getattr(hooks, "HOOKS", None)
    if not isinstance(declared, list | tuple):
        raise Refused("hooks.py defines no HOOKS = [Hook(event, listener, priority), …] list.")
    if len(declared) > MAX_LISTENERS:
        raise Refused(
            f"hooks.py declares {len(declared)} listeners; at most {MAX_LISTENERS} are allowed."
        )
    return tuple(_checked(entry, cls) for entry in declared)


def _checked(entry: Any, cls: type[ModuleBase]) -> Hook:
    if isinstance(entry, Mapping):
        entry = Hook(entry.get("event", ""), entry.get("listener", ""), entry.get("priority", 0))
    if not isinstance(entry, Hook):
        raise Refused(
            f"hooks.py: an entry of HOOKS is a {type(entry).__name__}; write Hook(event, listener,"
            " priority)."
        )
    if (
        not isinstance(entry.event, str)
        or not EVENT.fullmatch(entry.event)
        or len(entry.event) > 120
    ):
        raise Refused(
            f"hooks.py: “{str(entry.event)[:120]}” is not an event name; names are dotted words"
            " such as service.create_failed."
        )
    if problem := events.missing(entry.event):
        raise Refused(f"hooks.py: {problem}")
    if isinstance(entry.priority, bool) or not isinstance(entry.priority, int):
        raise Refused(
            f"hooks.py: the priority of {entry.label} for {entry.event} must be a whole number."
        )
    function = entry.listener
    if isinstance(function, str):
        function = getattr(cls, python_name(function), None) or getattr(cls, function, None)  # type: ignore[assignment]
        if not callable(function):
            raise Refused(
                f"hooks.py: {entry.event} calls {entry.label}(), but the class {cls.__name__}"
                " has no such method."
            )
        required = _required(function) - 1
    elif callable(function):
        required = _required(function)
    else:
        raise Refused(
            f"hooks.py: the listener of {entry.event} is neither a function nor the name of a"
            " method."
        )
    if not 0 <= required <= 2:
        raise Refused(f"hooks.py: {entry.label}() must take (payload) or (event, payload).")
    return entry


def _required(function: Callable[..., Any]) -> int:
    """Return how many positional parameters a function requires."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    return sum(
        one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) and one.default is one.empty
        for one in parameters
    )


def arguments(
    function: Callable[..., Any], event: str, payload: Mapping[str, Any]
) -> tuple[Any, ...]:
    """Return what to call a listener with.

    Returns:
        `(event, payload)` if it requires both, otherwise `(payload,)`, or nothing if it declares
        no parameter.
    """
    if _required(function) == 2:
        return event, payload
    return bind(function, (payload,), {})[0]
