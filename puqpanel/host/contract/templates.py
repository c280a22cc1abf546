"""Names of a module's templates and the files they stand for."""

from __future__ import annotations

import re
from pathlib import Path

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def relative(template: str) -> str:
    """Return a template's path under views/: `client_area.general` → client_area/general.html."""
    return template.removesuffix(".html").replace(".", "/") + ".html"


def file(folder: Path | None, template: str) -> Path | None:
    """Return the file of a template named with dots; None if there is none under views/."""
    return inside(folder, relative(template))


def inside(folder: Path | None, path: str) -> Path | None:
    """Return a file under views/; links are followed, and must not lead out of the module."""
    if folder is None or not all(_SEGMENT.fullmatch(segment) for segment in path.split("/")):
        return None
    try:
        root = (folder / "views").resolve()
        target = (root / path).resolve()
        contained = root.is_relative_to(folder.resolve()) and target.is_relative_to(root)
        return target if contained and target.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None
