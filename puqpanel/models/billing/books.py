"""Results of the nightly checks of the books."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Moment

LONGEST = timedelta(hours=4)
"""Time after which a check that has not ended is stopped."""


class BooksCheck(Model):
    """A check of the books.

    Attributes:
        ended_at: None while it runs, and if it failed.
        documents: how many documents were verified.
        found: how many problems were found.
        problems: the first of them, as pairs of subject and packed text.
    """

    __tablename__ = "books_checks"
    id: Mapped[Key]
    started_at: Mapped[Created]
    ended_at: Mapped[Moment | None]
    documents: Mapped[int] = mapped_column(default=0)
    found: Mapped[int] = mapped_column(default=0)
    problems: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)

    @classmethod
    def failed(cls, moment: datetime) -> sa.ColumnElement[bool]:
        """Return the condition that it is the last check and did not end in time."""
        last = sa.select(sa.func.max(cls.id)).scalar_subquery()
        return sa.and_(cls.id == last, cls.ended_at.is_(None), cls.started_at < moment - LONGEST)
