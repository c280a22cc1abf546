"""The panel's and its packages' static files, served at /assets/{kit}/{version}/{name}.

Bootstrap comes from Bootstrap-Flask's package, Font Awesome from XStatic-Font-Awesome, htmx from
django-js-lib-htmx: nothing of theirs is in the repository and nothing is fetched from elsewhere.
The version stands in the address, so a browser may keep a file for a year.
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

YEAR = 365 * 24 * 3600
bp = Blueprint("assets", __name__)

# what the standard table of a bare machine does not know; without it a font would be refused under
# nosniff
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("font/ttf", ".ttf")
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True)
class Kit:
    """One folder of static files and the version it is served under."""

    folder: Path
    version: str


def _package(module: str) -> Path:
    # looked up, not imported: XStatic's package pulls in pkg_resources on some versions
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError(
            f"The package {module} is not installed; run ./panel up again to install it."
        )
    return Path(next(iter(found.submodule_search_locations)))


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(file.relative_to(folder).as_posix().encode())
        total.update(file.read_bytes())
    return total.hexdigest()[:12]


@cache
def kits() -> dict[str, Kit]:
    """Every folder that is served, by the name it has in addresses."""
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
    """The address of a static file, with the version of its kit in it.

    Args:
        kit: panel, bootstrap, icons or htmx.
        name: the path within it.
    """
    return url_for("assets.serve", kit=kit, version=kits()[kit].version, name=name)


@bp.get("/assets/<kit>/<version>/<path:name>")
@public
def serve(kit: str, version: str, name: str) -> Response:
    """One file.

    `send_from_directory` refuses what leaves the folder; an old version's address is answered but
    not kept.
    """
    found = kits().get(kit)
    if found is None:
        abort(404)
    fresh = version == found.version
    answer = send_from_directory(found.folder, name, max_age=YEAR if fresh else 0, conditional=True)
    if fresh:
        answer.cache_control.public = True
        answer.cache_control.immutable = True
    return answer


@bp.get("/favicon.ico")
@public
def favicon() -> Response:
    """The mark, for browsers that ask without being told where."""
    return send_from_directory(kits()["panel"].folder, "mark.svg", max_age=YEAR // 52)
