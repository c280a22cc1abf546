"""Choices of select fields, and the filter of text fields."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db

from ..models.servers import Server, ServerGroup


def trim(text: str | None) -> str:
    """Return the text without leading and trailing spaces."""
    return (text or "").strip()


def groups() -> dict[Any, Any]:
    """Return the server groups by id."""
    query = sa.select(ServerGroup.id, ServerGroup.name).order_by(ServerGroup.name)
    return dict(db.session.execute(query).all())


def servers() -> dict[Any, Any]:
    """Return the servers by id; 0 leaves the choice to the group."""
    query = sa.select(Server.id, Server.name).order_by(Server.name)
    return {0: __("Chosen by the server group"), **dict(db.session.execute(query).all())}
