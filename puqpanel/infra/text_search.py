"""`icontains` on PostgreSQL, which ignores the case of all letters whatever the server's locale.

In a database with the locale C, ILIKE ignores the case of ASCII letters only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import ilike_case_insensitive

COLLATION = "und-x-icu"


def use_icu(engine: Engine) -> None:
    """Let an engine search with ICU's collation if its database has it."""

    @event.listens_for(engine, "first_connect")
    def _look(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_collation WHERE collname = %s AND getdatabaseencoding() = 'UTF8'",
                (COLLATION,),
            )
            engine.dialect.panel_icu = cursor.fetchone() is not None  # type: ignore[attr-defined]
        connection.rollback()


@compiles(ilike_case_insensitive, "postgresql")
def _operand(operand: Any, compiler: Any, **options: Any) -> str:
    text = compiler.process(operand.element, **options)
    if getattr(compiler.dialect, "panel_icu", False):
        return f'({text}) COLLATE "{COLLATION}"'
    return str(text)
