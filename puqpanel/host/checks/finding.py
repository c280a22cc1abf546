"""Findings of `module check`, and the rules that produce them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from puqpanel.host.checks.source import Source


class Severity(StrEnum):
    """How serious a finding is, the most serious first."""

    REFUSED = "refused"
    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


ERRORS = frozenset({Severity.REFUSED, Severity.ERROR})


@dataclass(frozen=True, slots=True)
class Problem:
    """One place that breaks a rule, as the rule's function yields it.

    Args:
        file: path within the module's folder.
        line: from 1.
        message: what is wrong, in one sentence.
        fix: what to do; empty takes the rule's.
        severity: None takes the rule's.
    """

    file: str
    line: int
    message: str
    fix: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; its fields are the keys of `module check --json`.

    Args:
        module: `Product/MyCloudService`.
        rule: the rule's id.
        severity: how serious it is.
        file: path within the module's folder.
        line: from 1.
        message: what is wrong.
        fix: what to do.
    """

    module: str
    rule: str
    severity: Severity
    file: str
    line: int
    message: str
    fix: str


Look = Callable[["Source"], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        id: short, with dashes; `# check: off id` suppresses its findings on a line.
        severity: of its findings.
        why: what happens otherwise; the documentation is generated from it.
        fix: what to do; empty if the message says it.
        look: yields the problems; None if the loader reports them.
    """

    id: str
    severity: Severity
    why: str
    fix: str
    look: Look | None = None


RULES: dict[str, Rule] = {}
"""Every rule by its id, in the order of the documentation."""


def rule(id: str, severity: Severity, fix: str) -> Callable[[Look], Look]:
    """Declare a function as a rule; its docstring becomes the rule's reason."""

    def keep(look: Look) -> Look:
        add(Rule(id, severity, " ".join((inspect.getdoc(look) or "").split()), fix, look))
        return look

    return keep


def add(*rules: Rule) -> None:
    """Add rules to the table."""
    RULES.update((rule.id, rule) for rule in rules)
