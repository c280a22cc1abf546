"""The base of the module's own tables; their names get the module's prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from puqpanel.sdk import db

if TYPE_CHECKING:
    from sqlalchemy.orm import DeclarativeBase as Base
else:
    Base = db.declarative_base()

__all__ = ["Base"]
