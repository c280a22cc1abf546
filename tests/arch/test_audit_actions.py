"""Every audit action that the code records is in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from puqpanel.domain.audit_actions import ACTIONS
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.settings import ROOT
from puqpanel.operations.system import audit

OPERATIONS = ROOT / "puqpanel" / "operations"


def recorded(path: Path) -> Iterator[tuple[int, ast.expr]]:
    """Yield the line and the expression of every audit action of a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) == "logs.write":
            continue
        yield from ((node.lineno, key.value) for key in node.keywords if key.arg == "action")
        if ast.unparse(node.func).endswith("record") or ast.unparse(node.func) == "Part":
            yield from ((node.lineno, arg) for arg in node.args if _names_an_action(arg))
        if ast.unparse(node.func).endswith("record_change") and len(node.args) > 2:
            yield node.lineno, ast.JoinedStr([_hole(), ast.Constant("."), *_part(node.args[2])])


def _names_an_action(value: ast.expr) -> bool:
    text = value.value if isinstance(value, ast.Constant) else ""
    return bool(re.fullmatch(r"[a-z]+\.[a-z_]+", str(text)))


def _hole() -> ast.FormattedValue:
    return ast.FormattedValue(ast.Name("kind"), -1)


def _part(value: ast.expr) -> list[ast.expr]:
    return [value] if isinstance(value, ast.Constant) else [_hole()]


def patterns(value: ast.expr) -> list[str]:
    """Return patterns of the names that an expression can have.

    A variable has none: it is a parameter, or a field of a `Part`, and the calls that pass it are
    checked.
    """
    if isinstance(value, ast.IfExp):
        return patterns(value.body) + patterns(value.orelse)
    if isinstance(value, ast.Constant):
        return [re.escape(str(value.value))]
    if isinstance(value, ast.JoinedStr):
        return [
            "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z_]+"
                for part in value.values
            )
        ]
    assert isinstance(value, ast.Name | ast.Attribute), ast.unparse(value)
    return []


def test_every_recorded_action_is_in_the_table() -> None:
    count = 0
    for path in sorted(OPERATIONS.rglob("*.py")):
        for line, value in recorded(path):
            for pattern in patterns(value):
                count += 1
                assert any(re.fullmatch(pattern, name) for name in ACTIONS), f"{path}:{line}"
    assert count > 30


def test_unknown_actions_are_refused(panel: object) -> None:
    with pytest.raises(ValueError, match="let_go_on"):
        audit.record(actor=AUTOMATION, action="module.let_go_on")
