"""A module's templates: their names, the files that they stand for, and their syntax."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import jinja2
from jinja2 import Environment, TemplateSyntaxError

from puqpanel.host.contract.refusal import Refused, describe
from puqpanel.host.sanitize import sentence
from puqpanel.infra import code_cache

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
    segments = path.split("/")
    if folder is None or not all(_SEGMENT.fullmatch(segment) for segment in segments):
        return None
    parts = list(accumulate(("views", *segments), os.path.join, initial=str(folder)))[1:]
    try:
        if any(map(os.path.islink, parts)):
            root = (folder / "views").resolve()
            target = (root / path).resolve()
            if not root.is_relative_to(folder.resolve()) or not target.is_relative_to(root):
                return None
        else:
            target = Path(parts[-1])
        return target if os.path.isfile(target) else None
    except (OSError, RuntimeError, ValueError):
        return None


def check_syntax(folder: Path) -> None:
    """Parse all templates of a module, unless they are those that were parsed last.

    Raises:
        Refused: one cannot be parsed; names its file and line.
    """
    sources = dict(_sources(folder))
    if not sources:
        return
    views = str(folder / "views")
    content = b"".join(
        f"{name}\0{len(source)}\0".encode() + source for name, source in sources.items()
    )
    content = f"{jinja2.__version__}\0".encode() + content
    if code_cache.find(views, content):
        return
    for name, source in sources.items():
        try:
            _JINJA.parse(source.decode())
        except TemplateSyntaxError as error:
            what = sentence(error.message or "", 300).removesuffix(".")
            raise Refused(
                f"views/{name} has a syntax error: {what} (views/{name}:{error.lineno})."
            ) from error
        except (UnicodeError, RecursionError) as error:
            raise Refused(f"views/{name} cannot be parsed: {describe(error)}.") from error
    code_cache.keep(views, content, True)


def _sources(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each template, in order.

    Raises:
        Refused: one cannot be read.
    """
    for name in sorted(_names(f"{folder}/views")):
        if inside(folder, name) is None or name.startswith("assets/"):
            continue
        try:
            with open(f"{folder}/views/{name}", "rb") as file:
                yield name, file.read()
        except OSError as error:
            raise Refused(f"views/{name} cannot be parsed: {describe(error)}.") from error


def _names(folder: str, prefix: str = "") -> Iterator[str]:
    """Yield the path of each template below a folder; links to folders are not followed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _names(entry.path, f"{prefix}{entry.name}/")
            elif entry.name.endswith(".html"):
                yield f"{prefix}{entry.name}"
