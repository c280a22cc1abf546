"""What select fields offer, and how text comes in."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.sdk import db

from ..models.servers import Server, ServerGroup


def trim(text: str | None) -> str:
    """What was typed, without spaces around it."""
    return (text or "").strip()


def groups() -> list[tuple[int, str]]:
    """All groups to choose from."""
    return [tuple(row) for row in db.session.execute(sa.select(ServerGroup.id, ServerGroup.name).order_by(ServerGroup.name))]


def servers() -> list[tuple[int, str]]:
    """All servers that take accounts."""
    wanted = sa.select(Server.id, Server.name).where(Server.active).order_by(Server.name)
    return [tuple(row) for row in db.session.execute(wanted)]
