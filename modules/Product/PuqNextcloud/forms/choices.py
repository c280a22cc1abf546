"""What select fields offer, and how text comes in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import db

from ..models.servers import Server, ServerGroup


def trim(text: str | None) -> str:
    """What was typed, without spaces around it."""
    return (text or "").strip()


def groups() -> dict[Any, Any]:
    """All groups to choose from."""
    wanted = sa.select(ServerGroup.id, ServerGroup.name).order_by(ServerGroup.name)
    return dict(db.session.execute(wanted).all())


def servers() -> dict[Any, Any]:
    """All servers, and the choice of none."""
    wanted = sa.select(Server.id, Server.name).order_by(Server.name)
    return {0: "As the group decides", **dict(db.session.execute(wanted).all())}
