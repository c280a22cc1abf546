"""Rules about what a module may import."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from puqpanel.host.checks.finding import Severity, Spot, rule
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
    "Import it from puqpanel.sdk; what is not there is not meant for modules.",
)
def panel_internals(source: Source) -> Iterator[Spot]:
    """`puqpanel.sdk` is what the panel promises to modules.

    Everything else changes from version to version, and its rows and sessions go past the checks,
    the encryption and the audit.
    """
    for code, node in source.all(ast.Import, ast.ImportFrom):
        for name in _imported(node):
            if name == "puqpanel" or (
                name.startswith("puqpanel.") and not (name + ".").startswith("puqpanel.sdk.")
            ):
                yield Spot(code.path, node.lineno, f"{name} is the panel's own.")
            elif (name + ".").startswith("puqpanel.sdk.testing."):
                yield Spot(
                    code.path,
                    node.lineno,
                    "puqpanel.sdk.testing is for tests; it brings a panel of its own.",
                    "Import it in tests/ only.",
                )


@rule(
    "absolute-import",
    Severity.ERROR,
    "Tell others by events, and hear of them in hooks.py; what two modules share is a package of"
    " its own.",
)
def absolute_import(source: Source) -> Iterator[Spot]:
    """Modules know nothing of each other.

    `from modules.Product.Other…` gets a second copy of that module's files, with other classes and
    tables than those that are served, and which stays when the other is updated. A module's own
    address is understood, and written shorter with a dot.
    """
    own = f"modules.{source.type}.{source.name}"
    for code, node in source.all(ast.Import, ast.ImportFrom):
        for name in _imported(node):
            if (name + ".").startswith(f"{own}."):
                yield Spot(
                    code.path,
                    node.lineno,
                    f"{name} is this module itself.",
                    "Write it relative to the file: from .services.client import Client.",
                    Severity.HINT,
                )
            elif (name + ".").startswith("modules."):
                yield Spot(code.path, node.lineno, f"{name} belongs to another module.")
