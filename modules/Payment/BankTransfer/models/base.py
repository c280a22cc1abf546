"""Declarative base of the module's tables."""

import sqlalchemy as sa

from puqpanel.sdk import db

# SQLite autoincrements INTEGER columns only
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


class Base(db.Tables, db.DeclarativeBase):
    """Base class of the tables; adds the module's prefix to their names."""
