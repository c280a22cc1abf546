"""Code in the documentation that stands under the path of its file: put into a folder as the
reader is told to, step by step.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"^(?P<how>Add to the end of |Replace the imports of"
    r" |)`(?P<path>modules/[\w./-]+)`:?\n\n```\w+\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One block. `how` is empty for a whole file."""

    how: str
    path: str
    code: str

    def put(self, root: Path) -> None:
        """Does what the reader is told to."""
        file = root / self.path
        if not self.how:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.code, "utf-8")
            return
        text = file.read_text("utf-8")
        if self.how.startswith("Add"):
            file.write_text(f"{text.rstrip()}\n\n{self.code}", "utf-8")
            return
        lines = text.splitlines(keepends=True)
        imports = [
            node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        last = imports[-1].end_lineno
        file.write_text(
            "".join([*lines[: imports[0].lineno - 1], self.code, *lines[last:]]), "utf-8"
        )


def blocks(text: str) -> list[Block]:
    """All blocks of a text, in order."""
    return [Block(match["how"], match["path"], match["code"]) for match in BLOCK.finditer(text)]


def steps(page: Path) -> Iterator[tuple[str, list[Block]]]:
    """The page's sections that have blocks: heading, and the blocks in order."""
    for part in re.split(r"^## ", page.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        heading = part.partition("\n")[0]
        if found := blocks(part):
            yield heading, found
