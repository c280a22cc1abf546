"""Rules about the database."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from puqpanel.host.checks.finding import Severity, Spot, rule
from puqpanel.host.checks.source import Source, dotted, inside, last_name, text_of

_SQL = frozenset(
    {
        "text",
        "execute",
        "executemany",
        "exec_driver_sql",
        "scalar",
        "scalars",
        "raw",
        "statement",
        "unprepared",
        "select_raw",
        "where_raw",
        "order_by_raw",
    }
)
_RAW = frozenset(
    {
        "raw",
        "statement",
        "unprepared",
        "selectRaw",
        "whereRaw",
        "select_raw",
        "where_raw",
        "order_by_raw",
        "exec_driver_sql",
    }
)


@rule(
    "sql-from-values",
    Severity.ERROR,
    "Leave :name in the text and pass the value beside it, or build the statement with DB.table()"
    " or sqlalchemy.select().",
)
def sql_from_values(source: Source) -> Iterator[Spot]:
    """SQL that is put together from values runs whatever somebody typed into a field.

    This is how panels lose all their customers' data at once.
    """
    for code, node in source.all(ast.Call):
        if last_name(node.func) in _SQL and node.args and _worked_out(node.args[0]):
            yield Spot(
                code.path,
                node.lineno,
                f"{last_name(node.func)}() gets SQL that is put together from values.",
            )


def _worked_out(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        parts = list(ast.walk(node))
        return any(
            isinstance(part, ast.JoinedStr) or text_of(part) is not None for part in parts
        ) and any(isinstance(part, ast.Name | ast.Attribute | ast.Call) for part in parts)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "format"
        and isinstance(node.func.value, ast.Constant)
    )


@rule(
    "raw-sql",
    Severity.WARNING,
    "Use DB.table(), your own models, or sqlalchemy.select(): they speak every database that the"
    " panel runs on.",
)
def raw_sql(source: Source) -> Iterator[Spot]:
    """SQL as text is written for one database; the panel runs on SQLite, PostgreSQL and
    MariaDB, and quoting, dates and limits differ.
    """
    for code, node in source.all(ast.Call):
        name = last_name(node.func)
        if (name in _RAW and isinstance(node.func, ast.Attribute)) or dotted(node.func) in (
            "sa.text",
            "sqlalchemy.text",
            "db.text",
        ):
            yield Spot(code.path, node.lineno, f"{dotted(node.func) or name}() takes SQL as text.")


@rule(
    "deactivate-drops-data",
    Severity.WARNING,
    "Leave deactivate() out: the data stays, and staff can remove it for good with a typed"
    " confirmation.",
)
def deactivate_drops_data(source: Source) -> Iterator[Spot]:
    """A module is switched off to try something or for an update.

    If that drops its tables, customers' records are gone on a click.
    """
    function = source.methods.get("deactivate")
    for node in inside(function) if function else ():
        if isinstance(node, ast.Call) and last_name(node.func) in (
            "drop_if_exists",
            "dropIfExists",
            "drop",
            "drop_all",
            "downgrade",
            "truncate",
        ):
            yield Spot(source.where(function), node.lineno, "deactivate() drops data.")  # type: ignore[arg-type]
