"""A module's templates: their names, the files that they stand for, and their syntax."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, TemplateSyntaxError

from puqpanel.host.contract.refusal import Refused, describe
from puqpanel.host.sanitize import sentence

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_JINJA = Environment(autoescape=True)


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


def check_syntax(folder: Path) -> None:
    """Parse all templates of a module.

    Raises:
        Refused: one cannot be parsed; names its file and line.
    """
    views = folder / "views"
    for path in sorted(views.rglob("*.html")):
        name = path.relative_to(views).as_posix()
        if inside(folder, name) is None or name.startswith("assets/"):
            continue
        try:
            _JINJA.parse(path.read_text("utf-8"))
        except TemplateSyntaxError as error:
            what = sentence(error.message or "", 300).removesuffix(".")
            raise Refused(
                f"views/{name} has a syntax error: {what} (views/{name}:{error.lineno})."
            ) from error
        except (OSError, UnicodeError, RecursionError) as error:
            raise Refused(f"views/{name} cannot be parsed: {describe(error)}.") from error
