"""Declarative base of the module's tables."""

from puqpanel.sdk import db


class Base(db.Tables, db.DeclarativeBase):
    """Base class of the tables; adds the module's prefix to their names."""
