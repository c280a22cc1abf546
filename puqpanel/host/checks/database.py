"""Rules about the database."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from puqpanel.host.checks.finding import Problem, Severity, rule
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
    "Use bound parameters (:name), or build the statement with DB.table() or sqlalchemy.select().",
)
def sql_from_values(source: Source) -> Iterator[Problem]:
    """SQL built from values allows SQL injection.

    An attacker could read or delete the data of all customers.
    """
    for code, node in source.all(ast.Call):
        if last_name(node.func) in _SQL and node.args and _worked_out(node.args[0]):
            yield Problem(
                code.path,
                node.lineno,
                f"{last_name(node.func)}() is called with SQL built from values.",
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
    "Use DB.table(), models or sqlalchemy.select(), which work on every supported database.",
)
def raw_sql(source: Source) -> Iterator[Problem]:
    """Raw SQL may not be portable: the panel supports SQLite, PostgreSQL and MariaDB, which differ
    in quoting, dates and limits.
    """
    for code, node in source.all(ast.Call):
        name = last_name(node.func)
        if (name in _RAW and isinstance(node.func, ast.Attribute)) or dotted(node.func) in (
            "sa.text",
            "sqlalchemy.text",
            "db.text",
        ):
            yield Problem(
                code.path, node.lineno, f"{dotted(node.func) or name}() is called with raw SQL."
            )


@rule(
    "deactivate-drops-data",
    Severity.WARNING,
    "Remove deactivate(). The data is then kept, and staff can delete it on the Modules page.",
)
def deactivate_drops_data(source: Source) -> Iterator[Problem]:
    """Staff may deactivate a module temporarily.

    If that drops its tables, one click deletes customer data.
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
            yield Problem(source.where(function), node.lineno, "deactivate() drops data.")  # type: ignore[arg-type]
