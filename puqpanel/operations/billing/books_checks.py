"""The nightly integrity check, whose result the Health page and the page of the books show."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from puqpanel.domain.permissions import DOCUMENTS_VIEW
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _, packed, unpacked
from puqpanel.infra.clock import now
from puqpanel.infra.db import save, session, transaction
from puqpanel.models import BooksCheck
from puqpanel.operations.billing import books
from puqpanel.operations.billing.book_problems import Problem

TITLE = _("Check the books").source
"""Name of the scheduled job."""
SHOWN = 200
"""How many problems of a check are kept; their number is kept whole."""
KEPT = 30
"""How many checks are kept."""
ENDED = sa.select(BooksCheck).where(BooksCheck.ended_at.is_not(None)).order_by(BooksCheck.id.desc())
"""The checks that ended, the last one first."""


def run() -> int:
    """Check and verify the books, and keep the result.

    Returns:
        The number of problems.
    """
    with transaction():
        key = save(BooksCheck()).id
    problems: list[Problem] = []
    documents = 0
    for step in books.check():
        problems += step.problems
    for step in books.verify():
        problems += step.problems
        documents += step.done
    with transaction():
        check = session().get_one(BooksCheck, key)
        check.ended_at, check.documents, check.found = now(), documents, len(problems)
        check.problems = [(each.subject, packed(each.text)) for each in problems[:SHOWN]]
        session().execute(sa.delete(BooksCheck).where(BooksCheck.id <= key - KEPT))
    return len(problems)


def last(actor: Principal) -> BooksCheck | None:
    """Return the last check that ended."""
    actor.require(DOCUMENTS_VIEW)
    return session().scalar(ENDED.limit(1))


def problems(check: BooksCheck) -> Iterator[Problem]:
    """Return the problems that were kept."""
    for subject, text in check.problems:
        yield Problem(subject, unpacked(text))
