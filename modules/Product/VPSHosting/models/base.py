"""The base of the module's own tables; their names get the module's prefix."""

from puqpanel.sdk import db


class Base(db.Tables, db.DeclarativeBase):
    """What its tables share."""
