"""Finds the texts of a module that people read, for its catalogs.

These are the texts in `__()`, `n__()` and `noop__()`, and those that the panel and the forms
translate themselves: labels, descriptions, choices and messages of fields, the name and
description in config.py, and the texts of permissions, sidebar entries, tabs and schedules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from jinja2 import Environment, TemplateSyntaxError, nodes

from puqpanel.domain.errors import UserError
from puqpanel.host.checks.source import LARGEST, Code, Source, entry, last_name, parse, text_of

SINGULAR, PLURAL = ("__", "noop__"), "n__"
FIELD_TEXTS = ("label", "description", "message", "placeholder")
DECLARED = (
    ({"title", "link"}, ("title",)),
    ({"key", "name", "description"}, ("name", "description")),
    ({"name", "template"}, ("name",)),
    ({"name", "method", "cron"}, ("name",)),
    ({"name", "method", "every"}, ("name",)),
)
"""Dictionaries with these keys hold texts under those."""
_WITHOUT_TEXTS = ("lang/", "tests/", "migrations/", "views/assets/")
VALIDATORS = {
    "AnyOf",
    "DataRequired",
    "Email",
    "EqualTo",
    "InputRequired",
    "IPAddress",
    "Length",
    "MacAddress",
    "NoneOf",
    "NumberRange",
    "Regexp",
    "URL",
    "UUID",
}


@dataclass(frozen=True)
class Found:
    """A text in the code.

    Args:
        path: the file in the module.
        line: counted from 1.
        text: the text; with a plural, its singular.
        plural: the text for other numbers than one; empty if there is none.
    """

    path: str
    line: int
    text: str
    plural: str = ""


class Unparsable(UserError):
    """A file of a module cannot be parsed, so that its texts are unknown."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(
            f"{path}:{line}: {reason.rstrip('.')}. Its texts cannot be read; nothing was changed."
        )


def extract(source: Source) -> list[Found]:
    """Return the texts of a module, in the order of its files.

    Raises:
        Unparsable: a file cannot be parsed, and may have texts.
    """
    found: list[Found] = []
    for path in source.skipped:
        if not path.startswith(_WITHOUT_TEXTS):
            raise Unparsable(path, 1, f"The file is larger than {LARGEST // 1024} KB")
    for path, text in sorted(source.templates.items()):
        if not path.startswith(_WITHOUT_TEXTS):
            found += _in_template(path, text)
    for code in sorted(source.own, key=lambda code: code.path):
        if not code.path.startswith(_WITHOUT_TEXTS):
            if code.tree is None:
                raise _reason(source, code)
            found += _in_code(code)
    return found


def _reason(source: Source, code: Code) -> Unparsable:
    try:
        parse((source.folder / code.path).read_bytes())
    except SyntaxError as error:
        return Unparsable(code.path, error.lineno or 1, error.msg)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        return Unparsable(code.path, 1, str(error) or type(error).__name__)
    return Unparsable(code.path, 1, "The file has changed meanwhile")


def _in_template(path: str, text: str) -> Iterator[Found]:
    if "\ufffd" in text:
        raise Unparsable(path, text[: text.index("\ufffd")].count("\n") + 1, "It is not UTF-8")
    try:
        tree = Environment(extensions=["jinja2.ext.do"]).parse(text)  # noqa: S701 # not rendered
    except TemplateSyntaxError as error:
        raise Unparsable(path, error.lineno, error.message or "Syntax error") from error
    except RecursionError as error:
        raise Unparsable(path, 1, "The template is nested too deeply") from error
    for call in tree.find_all(nodes.Call):
        name = call.node.name if isinstance(call.node, nodes.Name) else ""
        texts = [list(_template_strings(argument)) for argument in call.args]
        if name in SINGULAR and texts:
            yield from (Found(path, call.lineno, text) for text in texts[0])
        elif name == PLURAL and len(texts) > 1 and texts[0] and texts[1]:
            yield Found(path, call.lineno, texts[0][0], texts[1][0])


def _template_strings(node: nodes.Node | None) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _template_strings(node.expr1)
        yield from _template_strings(node.expr2)


def _in_code(code: Code) -> Iterator[Found]:
    for node in code.nodes:
        if isinstance(node, ast.Call):
            yield from _in_call(code, node)
        elif isinstance(node, ast.Dict):
            texts: Iterable[ast.expr | None] = ()
            keys = {text_of(key) for key in node.keys}
            for required, names in DECLARED:
                if required <= keys:
                    texts = [entry(node, name) for name in names]
                    break
            yield from _found(code, texts)
        elif isinstance(node, ast.Assign) and _is_config(code, node):
            config = cast(ast.Dict, node.value)
            yield from _found(code, [entry(config, key) for key in ("name", "description")])


def _is_config(code: Code, node: ast.Assign) -> bool:
    return (
        code.path == "config.py"
        and getattr(node.targets[0], "id", "") == "CONFIG"
        and isinstance(node.value, ast.Dict)
    )


def _in_call(code: Code, call: ast.Call) -> Iterator[Found]:
    name = last_name(call.func)
    if name in SINGULAR:
        yield from _found(code, call.args[:1])
    elif name == PLURAL and len(call.args) > 1:
        singular, plural = text_of(call.args[0]), text_of(call.args[1])
        if singular and plural:
            yield Found(code.path, call.lineno, singular, plural)
    elif name.endswith("Field") or name in VALIDATORS:
        options = {keyword.arg: keyword.value for keyword in call.keywords}
        yield from _found(code, [options.get(option) for option in FIELD_TEXTS])
        if name.endswith("Field"):
            yield from _found(code, call.args[:1])
            yield from _found(code, _labels(options.get("choices")))
            if isinstance(attributes := options.get("render_kw"), ast.Dict):
                yield from _found(code, [entry(attributes, "placeholder")])


def _labels(choices: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(choices, ast.Dict):
        yield from choices.values
    elif isinstance(choices, ast.List | ast.Tuple):
        for choice in choices.elts:
            if isinstance(choice, ast.Tuple) and len(choice.elts) > 1:
                yield choice.elts[1]


def _found(code: Code, expressions: Iterable[ast.expr | None]) -> Iterator[Found]:
    for expression in expressions:
        for text in strings(expression):
            yield Found(code.path, expression.lineno if expression else 1, text)


def strings(expression: ast.expr | None) -> Iterator[str]:
    """Yield the literal texts that an expression may have as its value."""
    if text := text_of(expression):
        yield text
    elif isinstance(expression, ast.IfExp):
        yield from strings(expression.body)
        yield from strings(expression.orelse)
