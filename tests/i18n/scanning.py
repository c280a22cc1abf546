"""Finds texts in templates and Python code that are not passed to a translation function."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

HUMAN_ATTRIBUTES = ("placeholder", "title", "alt", "aria-label", "aria-description", "label")
SILENT_TAGS = ("script", "style", "code", "pre")
_TRANS = re.compile(r"\{%-?\s*trans\b.*?\bendtrans\s*-?%\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]*[a-zà-öø-ÿ][^\W\d_]+")
_TEXT = re.compile(r"[A-ZÀ-Þ“„(]?[^\W\d_]*[a-zà-öø-ÿ]")
Found = tuple[int, str]


class _Visible(HTMLParser):
    """Collects what people read in HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Found] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT_TAGS
        names = dict(attrs)
        human = [names.get(name) for name in HUMAN_ATTRIBUTES]
        if tag == "input" and names.get("type") in ("submit", "button", "reset"):
            human.append(names.get("value"))
        for value in human:
            self.handle_data(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT_TAGS and self._silent > 0

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        if not self._silent and _WORD.search(text):
            lines = data[: len(data) - len(data.lstrip())].count("\n")
            self.found.append((self.getpos()[0] + lines, text))


def unwrapped_in_template(
    source: str, functions: Collection[str], exempt: Collection[str] = ()
) -> list[Found]:
    """Return line and text of what is not translated in a template.

    Looks at the text between tags, at attributes that people read, and at literals in expressions
    that look like a label or a sentence.

    Args:
        source: the template.
        functions: names of the translation functions; `{% trans %}` is always one.
        exempt: texts that are the same in each language, such as names of products.
    """
    visible = _Visible()
    blank = _TRANS.sub(lambda match: "\n" * match[0].count("\n"), source)
    visible.feed(_TAG.sub(lambda match: "\n" * match[0].count("\n"), blank))
    visible.close()
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"])
    literals = _literals(environment.parse(source), functions)
    return sorted(
        (line, text)
        for line, text in [*visible.found, *literals]
        if text not in exempt and text.strip(" .,:;·–—…()") not in exempt
    )


def _literals(node: nodes.Node, functions: Collection[str]) -> Iterator[Found]:
    for child in node.iter_child_nodes():
        if _is_translation(child, functions):
            continue
        if isinstance(child, nodes.Const) and isinstance(child.value, str):
            if is_text(child.value):
                yield child.lineno, child.value
        elif not isinstance(child, nodes.Test | nodes.Compare):
            yield from _literals(child, functions)


def _is_translation(node: nodes.Node, functions: Collection[str]) -> bool:
    if not isinstance(node, nodes.Call):
        return False
    return isinstance(node.node, nodes.Name) and node.node.name in functions


def is_text(literal: str) -> bool:
    """Return whether a literal looks like a label or a sentence, and not like a name in code."""
    text = literal.strip()
    if not _TEXT.match(text) or "://" in text:
        return False
    if text[0].isupper() or text[0] in "“„(":
        return True
    return " " in text and text[-1] in ".?!…"


def unwrapped_in_python(
    source: str, translated: Collection[str], exempt: Collection[str] = ()
) -> list[Found]:
    """Return line and text of the sentences in Python code that are not translated.

    A sentence is a literal of several words that starts with a capital letter, or an f-string with
    words. Docstrings, and arguments of logging functions, are not looked at.

    Args:
        source: the code.
        translated: the texts that are translated.
        exempt: texts that are not shown to people.
    """
    found: list[Found] = []
    _visit(ast.parse(source), found)
    return [(line, text) for line, text in found if text not in translated and text not in exempt]


def _visit(node: ast.AST, found: list[Found]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(child, ast.Call) and _called(child).startswith(("log_", "debug", "compile")):
            continue
        if isinstance(child, ast.JoinedStr):
            parts = [
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in child.values
            ]
            text = "".join(parts)
            if re.search(r"[a-z]{2,} [a-z{]|[}] [a-z]{2,}|[a-z]{2}[.?!]$", text):
                found.append((child.lineno, text))
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            if re.match(r"[A-ZÀ-Þ“].*[a-z].* .*[a-z]{2}|[A-Z][a-z]+.*[a-z][.?!…]$", child.value):
                found.append((child.lineno, child.value))
            continue
        _visit(child, found)


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))
