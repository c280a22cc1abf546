"""The base of the module's own tables; their names get the module's prefix."""

import sqlalchemy as sa

from puqpanel.sdk import db

# A busy panel fills 31 bits within months; SQLite counts by itself only in INTEGER.
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(db.Tables, db.DeclarativeBase):
    """What its tables share."""
