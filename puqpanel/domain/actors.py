"""Who does something: kept on every audit entry and task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["staff", "user", "system", "cli", "module"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a part of the panel that acts.

    Args:
        kind: what sort of actor it is.
        id: the row's id for staff and users, None otherwise.
        name: what to show beside the act.
        ip: the address it came from, empty where there is none.
    """

    kind: ActorKind
    id: int | None
    name: str
    ip: str = ""


SYSTEM = Actor("system", None, "automation")
SHELL = Actor("cli", None, "command line")
