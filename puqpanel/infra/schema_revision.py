"""The revision of the panel's schema, read without Alembic.

Importing Alembic and its revisions takes a fifth of the time that a process needs to start, and
nearly every start finds the schema up to date.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from puqpanel.infra.settings import ROOT

FOLDER = ROOT / "migrations"
TABLE = "alembic_version"
_REVISION = re.compile(r'^(?:down_)?revision = "(.+)"$', re.MULTILINE)


def latest() -> str:
    """Return the latest revision: the one that no other is based on."""
    named = Counter(
        revision
        for path in (FOLDER / "versions").glob("*.py")
        for revision in _REVISION.findall(path.read_text("utf-8"))
    )
    # every other one is named twice: by itself, and by the one after it
    newest: str
    (newest,) = (revision for revision, count in named.items() if count == 1)
    return newest


def is_missing(engine: Engine) -> bool:
    """Return whether the database is an SQLite file that does not exist; connecting creates it."""
    path = engine.url.database
    return engine.dialect.name == "sqlite" and bool(path) and not Path(str(path)).exists()


def is_latest(engine: Engine) -> bool:
    """Return whether the database has the latest revision."""
    if is_missing(engine):
        return False
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(TABLE):
            return False
        revision: sa.ColumnClause[str] = sa.column("version_num")
        return connection.scalars(sa.select(revision).select_from(sa.table(TABLE))).all() == [
            latest()
        ]
