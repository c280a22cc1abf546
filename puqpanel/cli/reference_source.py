"""Signatures and docstrings from the source code.

They are read from the syntax tree instead of the objects, so that the reference is the same on
every Python version.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDTH = 100
_SECTION = re.compile(
    r"(?:^|(?<=[.\s]))(Args|Returns|Yields|Raises|Attributes|Class attributes):", re.MULTILINE
)
_KINDS = {
    "property": "property",
    "cached_property": "property",
    "classmethod": "class method",
    "staticmethod": "static method",
}
"""Decorator → kind of member."""
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Doc:
    """A parsed docstring.

    Args:
        text: Everything outside the sections.
        sections: Section name, such as `Args` or `Returns` → text.
    """

    text: str
    sections: dict[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """A public function of a class.

    Args:
        name: The name.
        kind: `method`, `property`, `class method` or `static method`.
        signature: The signature in the source code, without `self`.
        doc: The docstring.
    """

    name: str
    kind: str
    signature: str
    doc: Doc


def tree_of(value: Any) -> ast.AST:
    """Return the syntax tree of a class or function."""
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(value)))).body[0]


def doc_of(text: str | None) -> Doc:
    """Parse a docstring; sections may be blocks or single lines."""
    whole = inspect.cleandoc(text or "")
    matches = list(_SECTION.finditer(whole))
    if not matches:
        return Doc(flowed(whole), {})
    ends = [match.start() for match in matches[1:]] + [len(whole)]
    sections = {
        match[1]: _section(whole[match.end() : end])
        for match, end in zip(matches, ends, strict=True)
    }
    head = whole[: matches[0].start()]
    last = matches[-1]
    # Text after a one-line section and a blank line does not belong to the section.
    body, blank, rest = whole[last.end() :].partition("\n\n")
    if blank and not rest.startswith(" ") and not body.startswith("\n"):
        sections[last[1]] = _section(body)
        head = f"{head.rstrip()}\n\n{rest}"
    return Doc(flowed(head), sections)


def _section(text: str) -> str:
    body = inspect.cleandoc(text)
    if text.startswith("\n") and _ENTRY.match(body):
        entries = [" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", body)]
        return "\n".join(
            f"* {_ENTRY.sub(lambda match: _named(match[1]), entry, count=1)}" for entry in entries
        )
    return flowed(body)


def _named(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ")) + ": "


def flowed(text: str) -> str:
    """Join each paragraph to one line; indented code keeps its lines."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        dedented = textwrap.dedent(part)
        code = all(line.startswith("    ") for line in part.splitlines())
        parts.append(
            f"```python\n{dedented}\n```" if code and part.strip() else " ".join(part.split())
        )
    return "\n\n".join(part for part in parts if part)


def signature(node: ast.FunctionDef, name: str = "", *, bound: bool = True) -> str:
    """Return a signature such as `name(a, b=1) -> str`, on several lines if it is long.

    Args:
        node: The function.
        name: Name to show; by default, its own.
        bound: Leave out `self` or `cls`.
    """
    arguments = list(_arguments(node.args))
    if bound and arguments and arguments[0] in ("self", "cls"):
        arguments = [argument for argument in arguments[1:] if argument != "/"]
    returns = f" -> {_plain(node.returns)}" if node.returns is not None else ""
    return call(name or node.name, arguments, returns)


def call(name: str, arguments: list[str], returns: str = "") -> str:
    """Return `name(a, b)`, on several lines if it is long."""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"){returns}"


def _plain(node: ast.expr | None) -> str:
    return ast.unparse(node).strip("'\"") if node is not None else ""


def _arguments(args: ast.arguments) -> Iterator[str]:
    ordered = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [
        *([None] * (len(ordered) - len(args.defaults))),
        *args.defaults,
    ]
    for position, (argument, default) in enumerate(zip(ordered, defaults, strict=True)):
        yield _argument(argument, default)
        if args.posonlyargs and position == len(args.posonlyargs) - 1:
            yield "/"
    if args.vararg:
        yield f"*{_argument(args.vararg, None)}"
    elif args.kwonlyargs:
        yield "*"
    for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _argument(argument, default)
    if args.kwarg:
        yield f"**{_argument(args.kwarg, None)}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    text = argument.arg
    if argument.annotation is not None:
        text += f": {_plain(argument.annotation)}"
    if default is not None:
        equals = " = " if argument.annotation is not None else "="
        text += f"{equals}{ast.unparse(default)}"
    return text


def members(cls: type) -> list[Member]:
    """Return the public functions of a class and its bases in source order, each name once."""
    by_name: dict[str, Member] = {}
    for base in cls.__mro__:
        if not base.__module__.startswith("puqpanel."):
            continue
        tree = tree_of(base)
        assert isinstance(tree, ast.ClassDef)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                by_name.setdefault(node.name, _member(node))
    return list(by_name.values())


def _member(node: ast.FunctionDef) -> Member:
    decorators = map(ast.unparse, node.decorator_list)
    kind = next((_KINDS[name] for name in decorators if name in _KINDS), "method")
    if kind == "property":
        text = f"{node.name} -> {_plain(node.returns)}"
    else:
        text = signature(node, bound=kind != "static method")
    return Member(node.name, kind, text, doc_of(ast.get_docstring(node)))
