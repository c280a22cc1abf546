"""The result of a health check."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from puqpanel.domain.texts import Text

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Args:
        name: name of the check.
        state: ok, warn (works but needs attention) or fail.
        text: one sentence.
        remedy: what to do; empty if nothing.
        facts: values for scripts.
    """

    name: str
    state: State
    text: Text | str
    remedy: Text | str = ""
    facts: dict[str, Any] = field(default_factory=dict)
