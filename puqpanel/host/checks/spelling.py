"""Rules about names: the two spellings, hooks that are nearly spelt right, and the rules of the
validator.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from puqpanel.domain.suggestions import did_you_mean, nearest
from puqpanel.host.checks.finding import Problem, Severity, rule
from puqpanel.host.checks.source import Code, Source, argument, dotted, text_of
from puqpanel.host.contract.hooks_table import HOOKS, OFFERED
from puqpanel.host.contract.names import NAMES, python_name, vendor_name

VALIDATOR = frozenset(
    {
        "required",
        "nullable",
        "string",
        "integer",
        "boolean",
        "email",
        "ip",
        "alpha_dash",
        "in",
        "regex",
        "min",
        "max",
    }
)
"""The validator's rules; a test holds them against the validator itself, which stands a floor
higher.
"""

_BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">"}


@rule("vendor-spelling", Severity.HINT, "Use the Python name; both work.")
def vendor_spelling(source: Source) -> Iterator[Problem]:
    """Ported modules run with the vendor's names.

    The Python names are those that the documentation and other modules use and editors complete.
    """
    for code in source.own:
        # the first line of each name: a later entry of a dictionary replaces an earlier one
        lines = {name: line for line, name in sorted(_spelt(code), reverse=True)}
        for name, line in lines.items():
            plain = python_name(name)
            if plain != name:
                yield Problem(
                    code.path, line, f"{name} is {plain} in Python.", f"Use {plain}; both work."
                )


def _spelt(code: Code) -> Iterator[tuple[int, str]]:
    for node in code.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("puqpanel.sdk"):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name in NAMES)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if text_of(key) in NAMES:
                    yield node.lineno, text_of(key) or ""
                if text_of(key) == "method" and text_of(value) in NAMES:
                    yield value.lineno, text_of(value) or ""


@rule(
    "misspelt-hook",
    Severity.WARNING,
    "Correct the name, or call the method from your own code.",
)
def misspelt_hook(source: Source) -> Iterator[Problem]:
    """Hooks are called by name.

    A method with a misspelt hook name is never called, and the default applies.
    """
    if source.type not in HOOKS:
        return
    hooks = {
        name
        for table in (HOOKS["Module"], HOOKS[source.type])
        for name in table
        if "{" not in name and name.islower()
    }
    near = {hook.replace("_", ""): hook for hook in hooks} | _LIKELY
    used = {name for code in source.own for node in code.nodes for name in _named(node)}
    for name, method in source.methods.items():
        if (
            name in hooks | OFFERED[source.type] | OFFERED["Module"]
            or name in used
            or method.name in used
            or name.startswith("_")
        ):
            continue
        found = nearest(name.replace("_", "").lower(), near, 0.12)
        if found and near[found] in hooks - source.methods.keys():
            hook = near[found]
            meant = hook if method.name == method.name.lower() else vendor_name(hook)
            yield Problem(
                source.where(method),
                method.lineno,
                f"{method.name}() is not a hook and is never called. Did you mean {meant}()?",
            )


_LIKELY = {
    "terminate": "termination",
    "terminatejob": "termination_job",
    "cancel": "cancellation",
    "canceljob": "cancellation_job",
    "schedule": "scheduler",
}


def _named(node: ast.AST) -> Iterator[str]:
    """Names that a method can be reached by: `self.x`, and a text such as in a schedule, a task
    or a route.
    """
    if isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value.rpartition("@")[2]


@rule(
    "unknown-validator-rule", Severity.ERROR, "Valid rules: " + ", ".join(sorted(VALIDATOR)) + "."
)
def unknown_validator_rule(source: Source) -> Iterator[Problem]:
    """An unknown rule raises an exception on submit, so the form can't be saved."""
    for code, node in source.all(ast.Call):
        rules = argument(node, 1, "rules")
        if dotted(node.func) not in ("Validator.make", "Validator") or not isinstance(
            rules, ast.Dict
        ):
            continue
        for key, value in zip(rules.keys, rules.values, strict=True):
            for part in _parts(value):
                name, _, bound = part.partition(":")
                if name not in VALIDATOR:
                    near = nearest(name, sorted(VALIDATOR), 0.4)
                    yield Problem(
                        code.path,
                        value.lineno,
                        f"“{name}” of the field {text_of(key) or '?'} is not a"
                        " validator rule." + did_you_mean(near),
                    )
                elif name in ("in", "regex", "min", "max") and not bound:
                    yield Problem(
                        code.path,
                        value.lineno,
                        f"“{name}” of the field {text_of(key) or '?'} needs a value.",
                        f"Use {name}:….",
                    )


def _parts(value: ast.expr) -> list[str]:
    """The single rules of a text or a list; what is worked out is left out."""
    if isinstance(value, ast.List | ast.Tuple):
        return [text.strip() for text in map(text_of, value.elts) if text and text.strip()]
    text = text_of(value)
    if text is None:
        return []
    # a pattern may hold anything, bars included, so what follows it is looked at only after its
    # last delimiter
    before, found, after = text.partition("regex:")
    closing = _BRACKETS.get(after[:1], after[:1])
    rest = after[1:].rpartition(closing)[2].split("|")[1:] if closing else []
    parts = [*before.split("|"), *(["regex:" + after[:1]] if found else []), *rest]
    return [part.strip() for part in parts if part.strip()]
