"""Code excerpts in documentation pages.

A comment in a page names a file and optionally a definition in it; the code block after the
comment is replaced with the current source.
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
    """Return a page with all excerpts replaced by the current source.

    Args:
        text: The page.
        root: Directory that paths in the page are relative to.

    Raises:
        UserError: A file or definition does not exist.
    """

    def block(match: re.Match[str]) -> str:
        comment = match[0].partition("\n")[0]
        path = root / match["path"]
        if not path.is_file():
            raise UserError(f"A page includes {match['path']}, which does not exist.")
        source = path.read_text("utf-8")
        code = part(source, match["name"], match["path"]) if match["name"] else source
        return f"{comment}\n```{LANGUAGES.get(path.suffix, '')}\n{code.rstrip()}\n```\n"

    return MARK.sub(block, text)


def part(source: str, name: str, path: str = "") -> str:
    """Return the source of a function, class or assignment, including decorators.

    Args:
        source: The source of the file.
        name: Dotted name, such as `Minimal.create_job`.
        path: Path of the file, for the error message.

    Raises:
        UserError: There is no definition with this name.
    """
    nodes: list[ast.stmt] = ast.parse(source).body
    definition: ast.stmt | None = None
    for word in name.split("."):
        definition = next((node for node in nodes if word in _names(node)), None)
        if definition is None:
            raise UserError(f"A page includes {name} from {path}, which does not exist.")
        nodes = definition.body if isinstance(definition, ast.ClassDef) else []
    assert definition is not None
    decorators = getattr(definition, "decorator_list", [])
    first = min([definition.lineno, *(decorator.lineno for decorator in decorators)])
    return textwrap.dedent("\n".join(source.splitlines()[first - 1 : definition.end_lineno]))


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []
