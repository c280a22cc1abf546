"""What a check finds, and the rules that look for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from puqpanel.host.checks.source import Source


class Severity(StrEnum):
    """How much a finding matters, the gravest first."""

    REFUSED = "refused"
    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


GRAVE = frozenset({Severity.REFUSED, Severity.ERROR})


@dataclass(frozen=True, slots=True)
class Spot:
    """One place that breaks a rule, as the rule's function says it.

    Args:
        file: path within the module's folder.
        line: from 1.
        says: one sentence of what is wrong there.
        mend: what to do, where the rule's own words do not fit.
        severity: where it is not the rule's.
    """

    file: str
    line: int
    says: str
    mend: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth a look, in the shape of `module check --json`; these keys stay.

    Args:
        module: `Product/MyCloudService`.
        rule: the rule's id.
        severity: how much it matters.
        file, line: where; the path is within the module's folder.
        says: what is wrong.
        mend: what to do.
    """

    module: str
    rule: str
    severity: Severity
    file: str
    line: int
    says: str
    mend: str


Look = Callable[["Source"], Iterator[Spot]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Args:
        id: short, with dashes; stands in findings, and in `# check: off id` on a line that is right
            as it is.
        severity: of its findings.
        why: what goes wrong otherwise; the documentation is made of these.
        mend: what to do.
        look: finds the places; None where the loader finds them.
    """

    id: str
    severity: Severity
    why: str
    mend: str
    look: Look | None = None


RULES: dict[str, Rule] = {}
"""Every rule by its id, in the order of the documentation."""


def rule(id: str, severity: Severity, mend: str) -> Callable[[Look], Look]:
    """Makes a function a rule; its docstring says why the rule is there."""

    def keep(look: Look) -> Look:
        add(Rule(id, severity, " ".join((inspect.getdoc(look) or "").split()), mend, look))
        return look

    return keep


def add(*rules: Rule) -> None:
    """Adds rules to the table."""
    RULES.update((made.id, made) for made in rules)
