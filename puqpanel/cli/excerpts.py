"""Code of real files in the documentation: a comment names the file and what of it, the block
after it is filled in.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from puqpanel.domain.errors import UserError
from puqpanel.infra.settings import ROOT

MARK = re.compile(
    r"^<!-- code: (?P<path>[\w./-]+?)(?:::(?P<name>[\w.]+))? -->\n(?:```\w*\n.*?^```\n)?",
    re.MULTILINE | re.DOTALL,
)
LANGUAGES = {".py": "python", ".html": "html", ".js": "javascript", ".css": "css"}


def fill(text: str, root: Path = ROOT) -> str:
    """A page with the code after each mark as it is in the file now.

    Args:
        text: the page.
        root: what the paths begin at.

    Raises:
        UserError: a file or a name in it is not there.
    """

    def block(match: re.Match[str]) -> str:
        first = match[0].partition("\n")[0]
        path = root / match["path"]
        if not path.is_file():
            raise UserError(f"The documentation shows {match['path']}, which is not there.")
        source = path.read_text("utf-8")
        code = part(source, match["name"], match["path"]) if match["name"] else source
        return f"{first}\n```{LANGUAGES.get(path.suffix, '')}\n{code.rstrip()}\n```\n"

    return MARK.sub(block, text)


def part(source: str, name: str, path: str = "") -> str:
    """The source of one function, class or assignment, with its decorators.

    Args:
        source: of the file.
        name: dotted, `Minimal.create_job`.
        path: of the file, for the error.

    Raises:
        UserError: there is nothing of that name.
    """
    nodes: list[ast.stmt] = ast.parse(source).body
    found: ast.stmt | None = None
    for word in name.split("."):
        found = next((node for node in nodes if word in _names(node)), None)
        if found is None:
            raise UserError(f"The documentation shows {name} of {path}, which is not there.")
        nodes = found.body if isinstance(found, ast.ClassDef) else []
    assert found is not None
    marks = getattr(found, "decorator_list", [])
    first = min([found.lineno, *(mark.lineno for mark in marks)])
    return textwrap.dedent("\n".join(source.splitlines()[first - 1 : found.end_lineno]))


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return (
        [node.target.id]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        else []
    )
