"""Every raised event is declared, and every declared event is raised or marked as later."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from puqpanel.domain import events
from puqpanel.infra.settings import ROOT


def raised() -> dict[str, Path]:
    """Return the names passed to `raise_event` as patterns, with `[a-z_]+` for f-string values."""
    patterns: dict[str, Path] = {}
    for path in (ROOT / "puqpanel").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "raise_event"):
                continue
            name = node.args[0]
            if isinstance(name, ast.Constant):
                patterns[re.escape(name.value)] = path
            elif isinstance(name, ast.JoinedStr):
                patterns[
                    "".join(
                        re.escape(part.value) if isinstance(part, ast.Constant) else "[a-z_]+"
                        for part in name.values
                    )
                ] = path
    return patterns


def test_raised_events_are_declared() -> None:
    patterns = raised()
    assert len(patterns) > 10
    unknown = {
        pattern: path
        for pattern, path in patterns.items()
        if not any(re.fullmatch(pattern, name) for name in events.EVENTS)
    }
    assert not unknown


def test_declared_events_are_raised() -> None:
    patterns = raised()
    silent = {
        name
        for name in events.EVENTS
        if not any(re.fullmatch(pattern, name) for pattern in patterns)
    }
    assert silent == events.LATER


def test_suggestions_for_unknown_event_names() -> None:
    assert "did you mean service.create_failed?" in events.missing("service.create_fail")
    assert events.missing("cloud.account.created") == ""
