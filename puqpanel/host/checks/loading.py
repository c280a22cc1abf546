"""What the loader says of a module, as findings with a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from puqpanel.host.checks import calls
from puqpanel.host.checks.finding import Problem, Rule, Severity, add
from puqpanel.host.checks.source import Source, find_line
from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module, unload

_PLACE = re.compile(r"\(?(?<![\w./-])([\w./-]+\.(?:py|html)):(\d+)\)?")
_QUOTED = re.compile(r"“([^“”]+)”")

add(
    Rule(
        "refused",
        Severity.REFUSED,
        "A module that breaks a load rule is not loaded, and the Modules page shows this message.",
        "",
    ),
    Rule(
        "tab-without-variables",
        Severity.WARNING,
        "Each tab has a template and a method that returns its variables. Without"
        " variables_{tab}(), the template gets only the service data.",
        "Define variables_{tab}(), even if it returns {}.",
    ),
    Rule(
        "undeclared-permission",
        Severity.WARNING,
        "A permission that is used but not declared has no name or description on the role page,"
        " so staff can't tell what it allows.",
        "Add it to admin_permissions().",
    ),
    Rule(
        "load-warning",
        Severity.WARNING,
        "The module loads, but something in it is probably unintended.",
        "",
    ),
)


def load(source: Source) -> Iterator[tuple[str, Problem]]:
    """Imports the module and yields (rule id, place) of what the loader says.

    Runs the module's code: only in a process that may be lost.
    """
    try:
        loaded = load_module(source.folder, source.type, source.name)
    except Refused as refusal:
        yield "refused", _placed(source, str(refusal))
        return
    for warning in loaded.warnings:
        if "what looks like a secret" in warning:
            continue  # a rule of its own finds it, with its line
        known = (
            "tab-without-variables"
            if "has no variables_" in warning
            else "undeclared-permission"
            if "does not declare" in warning
            else "load-warning"
        )
        yield known, _placed(source, warning)
    for rule_id, problem in calls.wrong_calls(source, loaded):
        if not source.silenced(problem.file, problem.line, rule_id):
            yield rule_id, problem
    unload(loaded.package)


def _placed(source: Source, sentence: str) -> Problem:
    """The file and line that a sentence is about: as it says, or where what it quotes stands."""
    found = _PLACE.search(sentence)
    if found and found[1] in source.files:
        return Problem(found[1], int(found[2]), sentence)
    named = next((path for path in ("config.py", "hooks.py") if path in sentence), source.main)
    named = next(
        (
            path
            for path in sorted(source.files)
            if path.endswith(".py") and "/" in path and Path(path).name in sentence
        ),
        named,
    )
    code = source.file(named)
    if code is None:
        return Problem(named if named in source.files else source.main, 1, sentence)
    lines = [
        find_line(code.text, f"{mark}{quoted}{mark}")
        for quoted in _QUOTED.findall(sentence)
        for mark in "\"'"
    ]
    return Problem(named, next((line for line in lines if line > 1), 1), sentence)
