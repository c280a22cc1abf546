"""A module's folder as text and syntax trees; nothing of it is run here."""

from __future__ import annotations

import ast
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from puqpanel.host.contract.names import python_name, vendor_name

LARGEST = 512 * 1024
MOST = 2000
JINJA_TAG = re.compile(
    r"\{%(?:[^%{]|%(?!\})|\{(?!%))*+%\}"
    r"|\{\{(?:[^{}]|\}(?!\})|\{(?!\{))*+\}\}"
    r"|\{#(?:[^#{]|#(?!\})|\{(?!#))*+#\}"
)
_OFF = re.compile(r"(?:#|\{#)\s*check:\s*off\b([^\n#}]*)")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Kind = type[ast.AST]


@dataclass
class Code:
    """One Python file. `tree` is None where it has a syntax error."""

    path: str
    text: str
    tree: ast.Module | None

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, parents before children."""
        return list(ast.walk(self.tree)) if self.tree else []

    def all(self, *kinds: Kind) -> Iterator[Any]:
        """Every node of some kinds."""
        return (node for node in self.nodes if isinstance(node, kinds))


@dataclass
class Source:
    """A module as it lies on the disk."""

    folder: Path
    type: str
    name: str
    code: list[Code] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)

    @property
    def main(self) -> str:
        """The file of the module's class."""
        return f"{self.name}.py"

    @property
    def own(self) -> list[Code]:
        """The module's code without its tests and migrations."""
        return [code for code in self.code if not code.path.startswith(("tests/", "migrations/"))]

    def all(self, *kinds: Kind) -> Iterator[tuple[Code, Any]]:
        """Every node of some kinds in the module's own code, with its file."""
        return ((code, node) for code in self.own for node in code.all(*kinds))

    def file(self, path: str) -> Code | None:
        """One Python file of it."""
        return next((code for code in self.code if code.path == path), None)

    @cached_property
    def module_class(self) -> ast.ClassDef | None:
        """The module's class, as far as it is written down in the main file."""
        code = self.file(self.main)
        return (
            next((node for node in code.all(ast.ClassDef) if node.name == self.name), None)
            if code
            else None
        )

    @cached_property
    def methods(self) -> dict[str, Function]:
        """The methods that the class defines, and those of base classes in the module's own
        files, by their Python names.
        """
        classes = {node.name: node for code in self.own for node in code.all(ast.ClassDef)}
        found: dict[str, Function] = {}
        waiting, seen = [self.name], set()
        while waiting:
            name = waiting.pop(0)
            if name in seen or name not in classes:
                continue
            seen.add(name)
            for node in classes[name].body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found.setdefault(python_name(node.name), node)
            waiting += [last_name(base) for base in classes[name].bases]
        return found

    def in_its_style(self, name: str) -> str:
        """A documented name in the spelling that most documented methods of the class have."""
        names = [function.name for function in self.methods.values()]
        vendor = sum(one != python_name(one) for one in names)
        python = sum(one != vendor_name(one) for one in names)
        return vendor_name(name) if vendor > python else name

    def where(self, function: ast.AST) -> str:
        """The file that a node stands in."""
        return next((code.path for code in self.own if function in code.nodes), self.main)

    @cached_property
    def has_languages(self) -> bool:
        """Whether it brings translations."""
        return any(
            path.startswith("lang/") and path.endswith((".py", ".po")) for path in self.files
        )

    def silenced(self, path: str, line: int, rule: str) -> bool:
        """Whether the line says `# check: off` with the rule's id, or with none."""
        code = self.file(path)
        lines = (code.text if code else self.templates.get(path, "")).splitlines()
        found = _OFF.search(lines[line - 1]) if 0 < line <= len(lines) else None
        if not found:
            return False
        named = re.findall(r"[a-z][a-z-]+", found[1])
        return not named or rule in named


def read(folder: Path, type: str, name: str) -> Source:
    """Reads a module's folder: ordinary files only, up to half a megabyte each; links that lead
    out are left alone.
    """
    source, root = Source(folder, type, name), os.path.realpath(folder)
    for base, folders, files in os.walk(folder):
        folders[:] = sorted(
            one for one in folders if one != "__pycache__" and not one.startswith(".")
        )
        for file in sorted(files):
            full = Path(base) / file
            path = full.relative_to(folder).as_posix()
            if (
                len(source.files) >= MOST
                or not os.path.realpath(full).startswith(root + os.sep)
                or not full.is_file()
            ):
                continue
            source.files.add(path)
            if full.suffix not in (".py", ".html"):
                continue
            if full.stat().st_size > LARGEST:
                source.skipped.append(path)
            else:
                text = full.read_text("utf-8", "replace")
                if full.suffix == ".py":
                    source.code.append(Code(path, text, _tree(full.read_bytes())))
                elif path.startswith("views/"):
                    source.templates[path] = text
    return source


def parse(code: bytes) -> ast.Module:
    """Return the syntax tree of a Python file, without warnings about its text.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it cannot be parsed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code)


def _tree(code: bytes) -> ast.Module | None:
    try:
        return parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`, of `c`, and of a call of either; empty for anything else."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    return (
        node.attr
        if isinstance(node, ast.Attribute)
        else node.id
        if isinstance(node, ast.Name)
        else ""
    )


def dotted(node: ast.AST) -> str:
    """`requests.get` of a name or attribute; empty where it is neither."""
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return node.id if isinstance(node, ast.Name) else ""


def text_of(node: ast.AST | None) -> str | None:
    """The text of a literal; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def entry(node: ast.Dict, key: str) -> ast.expr | None:
    """The value under a literal key of a dictionary that is written out."""
    return next(
        (value for name, value in zip(node.keys, node.values, strict=True) if text_of(name) == key),
        None,
    )


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """An argument of a call, given by position or by name."""
    if len(call.args) > position:
        return call.args[position]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def inside(function: ast.AST) -> Iterator[ast.AST]:
    """Every node of a function without those of functions and classes within it."""
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def targets_of(node: ast.AST) -> list[ast.expr]:
    """What an assignment assigns to; nothing for any other node."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def line_of(text: str, offset: int) -> int:
    """The line of a place in a text."""
    return text.count("\n", 0, offset) + 1


def find_line(text: str, wanted: str) -> int:
    """The first line that holds a text; 1 where none does."""
    at = text.find(wanted) if wanted else -1
    return line_of(text, at) if at >= 0 else 1
