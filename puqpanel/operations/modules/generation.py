"""The generation: the number of the set of active modules.

A process that sees a new generation rebuilds its app.
"""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.infra import queue
from puqpanel.infra.db import after_commit, session
from puqpanel.models import Generation, Module
from puqpanel.operations.modules.module_list import ON

HINT = "generation"
"""Name of the hint in the queue server that carries the number."""


def wanted() -> list[tuple[str, str, str]]:
    """Return type, name and recorded version of every active module."""
    return [
        (row.type, row.name, row.version)
        for row in session().scalars(
            sa.select(Module).where(Module.status.in_(ON)).order_by(Module.type, Module.name)
        )
    ]


def current() -> int:
    """Return the number of the current set of modules, from the database."""
    return session().scalar(sa.select(Generation.number)) or 0


def bump() -> None:
    """Increment the generation. Needs a transaction; concurrent changes are serialized by it."""
    query = sa.select(Generation).with_for_update().execution_options(populate_existing=True)
    row = session().scalars(query).one()
    row.number += 1
    number = row.number
    session().flush()
    after_commit(lambda: queue.put_hint(HINT, str(number)))
