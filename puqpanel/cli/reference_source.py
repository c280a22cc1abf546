"""What the sources say of a name: its signature as it is written there, and its docstring in parts.

Read from the syntax tree and not from the running objects, so that the reference is the same under
every Python.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

WIDE = 100
_SECTION = re.compile(
    r"(?:^|(?<=[.\s]))(Args|Returns|Raises|Attributes|Class attributes):", re.MULTILINE
)
_ENTRY = re.compile(r"^(\*{0,2}\w+(?:, \*{0,2}\w+)*): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Doc:
    """A docstring in parts.

    Args:
        text: what stands before the first section.
        sections: name (`Args`, `Returns`, `Raises`, `Attributes`) → text.
    """

    text: str
    sections: dict[str, str]


@dataclass(frozen=True, slots=True)
class Member:
    """A public function of a class.

    Args:
        name: its name.
        kind: method, property, class method or static method.
        signature: as written, without `self`.
        doc: its docstring.
    """

    name: str
    kind: str
    signature: str
    doc: Doc


def tree_of(thing: Any) -> ast.AST:
    """The syntax tree of one class or function."""
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))).body[0]


def doc_of(text: str | None) -> Doc:
    """A docstring in parts; block and one-line sections alike."""
    whole = inspect.cleandoc(text or "")
    found = list(_SECTION.finditer(whole))
    if not found:
        return Doc(flowed(whole), {})
    ends = [match.start() for match in found[1:]] + [len(whole)]
    sections = {
        match[1]: _section(whole[match.end() : end]) for match, end in zip(found, ends, strict=True)
    }
    head = whole[: found[0].start()]
    last = found[-1]
    # What follows a one-line section after a blank line belongs to the text again.
    body, blank, rest = whole[last.end() :].partition("\n\n")
    if blank and not rest.startswith(" ") and not body.startswith("\n"):
        sections[last[1]] = _section(body)
        head = f"{head.rstrip()}\n\n{rest}"
    return Doc(flowed(head), sections)


def _section(text: str) -> str:
    body = inspect.cleandoc(text)
    if text.startswith("\n") and _ENTRY.match(body):
        entries = re.split(r"\n(?=\S)", body)
        return "\n".join(
            f"* {_ENTRY.sub(lambda m: _named(m[1]), one, count=1)}"
            for one in (" ".join(e.split()) for e in entries)
        )
    return flowed(body)


def _named(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", ")) + ": "


def flowed(text: str) -> str:
    """Paragraphs on one line each; indented code keeps its lines."""
    parts = []
    for part in re.split(r"\n\s*\n", text.strip("\n")):
        dedented = textwrap.dedent(part)
        code = all(line.startswith("    ") for line in part.splitlines())
        parts.append(
            f"```python\n{dedented}\n```" if code and part.strip() else " ".join(part.split())
        )
    return "\n\n".join(part for part in parts if part)


def signature(node: ast.FunctionDef, name: str = "", *, bound: bool = True) -> str:
    """`name(a, b=1) -> str`, over several lines where it is long.

    Args:
        node: the function.
        name: what to call it; its own name unless given.
        bound: leave `self` or `cls` out.
    """
    arguments = list(_arguments(node.args))
    if bound and arguments and arguments[0] in ("self", "cls"):
        arguments = [one for one in arguments[1:] if one != "/"]
    called, answer = (
        name or node.name,
        (f" -> {_plain(node.returns)}" if node.returns is not None else ""),
    )
    line = f"{called}({', '.join(arguments)}){answer}"
    return (
        line
        if len(line) <= WIDE
        else f"{called}(\n" + "".join(f"    {one},\n" for one in arguments) + f"){answer}"
    )


def _plain(node: ast.expr | None) -> str:
    return ast.unparse(node).strip("'\"") if node is not None else ""


def _arguments(args: ast.arguments) -> Iterator[str]:
    ordered = [*args.posonlyargs, *args.args]
    defaults: list[ast.expr | None] = [
        *([None] * (len(ordered) - len(args.defaults))),
        *args.defaults,
    ]
    for place, (one, default) in enumerate(zip(ordered, defaults, strict=True)):
        yield _argument(one, default)
        if args.posonlyargs and place == len(args.posonlyargs) - 1:
            yield "/"
    if args.vararg:
        yield f"*{_argument(args.vararg, None)}"
    elif args.kwonlyargs:
        yield "*"
    for one, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _argument(one, default)
    if args.kwarg:
        yield f"**{_argument(args.kwarg, None)}"


def _argument(one: ast.arg, default: ast.expr | None) -> str:
    kind = f": {_plain(one.annotation)}" if one.annotation is not None else ""
    equals = " = " if kind else "="
    return f"{one.arg}{kind}" + (f"{equals}{ast.unparse(default)}" if default is not None else "")


def members(cls: type) -> list[Member]:
    """The public functions of a class and of those it is made of, as their sources order them;
    an override counts once.
    """
    found: dict[str, Member] = {}
    for one in cls.__mro__:
        if not one.__module__.startswith("puqpanel."):
            continue
        tree = tree_of(one)
        assert isinstance(tree, ast.ClassDef)
        for node in tree.body:
            if (
                isinstance(node, ast.FunctionDef)
                and not node.name.startswith("_")
                and node.name not in found
            ):
                found[node.name] = _member(node)
    return list(found.values())


def _member(node: ast.FunctionDef) -> Member:
    marks = {ast.unparse(mark) for mark in node.decorator_list}
    kind = (
        "property"
        if marks & {"property", "cached_property"}
        else (
            "class method"
            if "classmethod" in marks
            else "static method"
            if "staticmethod" in marks
            else "method"
        )
    )
    shown = (
        f"{node.name} -> {_plain(node.returns)}"
        if kind == "property"
        else signature(node, bound=kind != "static method")
    )
    return Member(node.name, kind, shown, doc_of(ast.get_docstring(node)))
