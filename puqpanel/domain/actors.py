"""Actors: who did something, recorded on every audit entry and task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ActorKind = Literal["staff", "user", "system", "cli", "module"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a part of the panel that does something.

    Args:
        kind: the kind of actor.
        id: primary key of a staff member or user; None otherwise.
        name: display name.
        ip: the address of the request; empty if there is none.
        session_id: primary key of the session; None if there is none.
    """

    kind: ActorKind
    id: int | None
    name: str
    ip: str = ""
    session_id: int | None = None


SYSTEM = Actor("system", None, "automation")
SHELL = Actor("cli", None, "command line")
