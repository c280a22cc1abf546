"""Rules about what a module may import."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Source


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level or not node.module:
        return []
    return (
        [f"{node.module}.{alias.name}" for alias in node.names]
        if node.module == "puqpanel"
        else [node.module]
    )


@rule(
    "panel-internals",
    Severity.ERROR,
    "Import it from puqpanel.sdk; anything else is internal.",
)
def panel_internals(source: Source) -> Iterator[Problem]:
    """`puqpanel.sdk` is the stable API for modules.

    Everything else can change in any version, and using it bypasses permission checks, encryption
    and the audit log.
    """
    for code, node in source.all(ast.Import, ast.ImportFrom):
        for name in _imported(node):
            if name == "puqpanel" or (
                name.startswith("puqpanel.") and not (name + ".").startswith("puqpanel.sdk.")
            ):
                yield Problem(code.path, node.lineno, f"{name} is internal to the panel.")
            elif (name + ".").startswith("puqpanel.sdk.testing."):
                yield Problem(
                    code.path,
                    node.lineno,
                    "puqpanel.sdk.testing is for tests only; it starts a panel of its own.",
                    "Import it in tests/ only.",
                )


@rule(
    "absolute-import",
    Severity.ERROR,
    "Dispatch events and listen to them in hooks.py; move shared code to a package.",
)
def absolute_import(source: Source) -> Iterator[Problem]:
    """Modules must not import each other.

    `from modules.Product.Other…` loads a second copy of that module, which is not the active one
    and is not updated with it. Use relative imports for a module's own files.
    """
    own = f"modules.{source.type}.{source.name}"
    for code, node in source.all(ast.Import, ast.ImportFrom):
        for name in _imported(node):
            if (name + ".").startswith(f"{own}."):
                yield Problem(
                    code.path,
                    node.lineno,
                    f"{name} is part of this module.",
                    "Use a relative import such as from .services.client import Client.",
                    Severity.HINT,
                )
            elif (name + ".").startswith("modules."):
                yield Problem(code.path, node.lineno, f"{name} belongs to another module.")
