"""The checker behind `puqpanel module check`: what a module would be refused for, and what is worth
a second look.

One file a group of rules. A rule is a function over the module's text and syntax trees; its
docstring says why it is there, and the documentation is generated from these (`RULES`: id,
severity, why, fix). Called by the command line and by tests; nothing here needs a database.
"""

from pathlib import Path

from puqpanel.host.checks import (
    answers,
    calls,
    complete,
    database,
    declared,
    hazards,
    imports,
    loading,
    returns,
    running,
    secrets,
    spelling,
    templates,
    texts,
)
from puqpanel.host.checks.finding import ERRORS, RULES, Finding, Problem, Rule, Severity
from puqpanel.host.checks.inspection import check, static
from puqpanel.host.checks.source import Source, read


def drops_data(folder: Path, type: str, name: str) -> bool:
    """Return whether a module's `deactivate()` drops tables or their rows."""
    return any(database.deactivate_drops_data(read(folder, type, name)))


__all__ = [
    "ERRORS",
    "RULES",
    "Finding",
    "Problem",
    "Rule",
    "Severity",
    "Source",
    "check",
    "drops_data",
    "read",
    "static",
]
GROUPS = (
    loading,
    calls,
    declared,
    returns,
    answers,
    spelling,
    secrets,
    hazards,
    running,
    database,
    imports,
    templates,
    texts,
    complete,
)
"""The files that the rules stand in."""
