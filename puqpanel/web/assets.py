"""Static files of the panel and of its packages, served at /assets/{kit}/{version}/{name}.

Bootstrap comes from the package Bootstrap-Flask, Font Awesome from XStatic-Font-Awesome and htmx
from django-js-lib-htmx; none of them is in the repository or fetched from a CDN. URLs contain the
version, so browsers may cache a file for a year.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory, url_for

from puqpanel.web.guard import public

YEAR_SECONDS = 365 * 24 * 3600
SCRIPTS = (
    "dom",
    "timezone",
    "theme",
    "sidebar",
    "search",
    "menus",
    "bulk",
    "toasts",
    "errors",
    "inputs",
    "combobox",
    "matrix",
    "copy",
    "submit",
    "live",
)
"""The panel's scripts in load order; the others use helpers of `dom`."""
bp = Blueprint("assets", __name__)

# missing from the type table of minimal systems; under nosniff a font without its type is refused
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("font/ttf", ".ttf")
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True)
class Kit:
    """A folder of static files and the version in its URLs."""

    folder: Path
    version: str


def _package(module: str) -> Path:
    # not imported: some versions of XStatic's package import pkg_resources
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(
            f"The package {module} is not installed; run ./panel up again to install it."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(file.relative_to(folder).as_posix().encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:12]


@cache
def kits() -> dict[str, Kit]:
    """Return every kit by its name in URLs."""
    own = Path(__file__).parent / "static"
    return {
        "panel": Kit(own, _digest(own)),
        "bootstrap": Kit(
            _package("flask_bootstrap") / "static" / "bootstrap5",
            package_version("Bootstrap-Flask"),
        ),
        "icons": Kit(
            _package("xstatic.pkg.font_awesome") / "data", package_version("XStatic-Font-Awesome")
        ),
        "htmx": Kit(
            _package("js_lib_htmx") / "static" / "htmx", package_version("django-js-lib-htmx")
        ),
    }


def asset(kit: str, name: str) -> str:
    """Return the versioned URL of a static file.

    Args:
        kit: panel, bootstrap, icons or htmx.
        name: the path within the kit.
    """
    return url_for("assets.serve", kit=kit, version=kits()[kit].version, name=name)


@bp.get("/assets/<kit>/<version>/<path:name>")
@public
def serve(kit: str, version: str, name: str) -> Response:
    """Serve a file; the URL of an old version still works but is not cached."""
    current = kits().get(kit)
    if current is None:
        abort(404)
    fresh = version == current.version
    response = send_from_directory(
        current.folder, name, max_age=YEAR_SECONDS if fresh else 0, conditional=True
    )
    if fresh:
        response.cache_control.public = True
        response.cache_control.immutable = True
    return response


@bp.get("/favicon.ico")
@public
def favicon() -> Response:
    """Serve the logo to browsers that request /favicon.ico unasked."""
    return send_from_directory(kits()["panel"].folder, "mark.svg", max_age=YEAR_SECONDS // 52)
