"""Static files of the panel and of its packages, served at /assets/{kit}/{version}/{name}.

Bootstrap comes from the package Bootstrap-Flask, Font Awesome from XStatic-Font-Awesome and htmx
from django-js-lib-htmx; none of them is in the repository or fetched from a CDN. URLs contain the
version, so browsers may cache a file for a year.
"""

from __future__ import annotations

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import version as package_version
from importlib.util import find_spec
from pathlib import Path

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    request,
    send_file,
    send_from_directory,
    url_for,
)

from puqpanel.web import precompressed
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
    "redirect",
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
PACKAGED = (
    ("bootstrap", "css/bootstrap.min.css"),
    ("bootstrap", "js/bootstrap.min.js"),
    ("bootstrap", "umd/popper.min.js"),
    ("htmx", "htmx.min.js"),
    ("icons", "css/all.min.css"),
)
"""Files of packages that pages name, which have compressed copies like all files of the panel."""
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
    return _url(kit, name, request.script_root)


@lru_cache(maxsize=512)
def _url(kit: str, name: str, prefix: str) -> str:
    """Return the URL below the prefix of this request's URLs."""
    return url_for("assets.serve", kit=kit, version=kits()[kit].version, name=name)


@bp.get("/assets/<kit>/<version>/<path:name>")
@public
def serve(kit: str, version: str, name: str) -> Response:
    """Serve a file; the URL of an old version still works but is not cached."""
    current = kits().get(kit)
    if current is None:
        abort(404)
    fresh = version == current.version
    response = _compressed(kit, version, name) if fresh else None
    if response is None:
        response = send_from_directory(
            current.folder, name, max_age=YEAR_SECONDS if fresh else 0, conditional=True
        )
    if name.endswith(precompressed.TYPES):
        response.vary.add("Accept-Encoding")
    if fresh:
        response.cache_control.public = True
        response.cache_control.immutable = True
    return response


@cache
def compressible() -> dict[tuple[str, str, str], Path]:
    """Return the files with compressed copies by kit, version and name."""
    own = kits()["panel"].folder
    names = [
        *PACKAGED,
        *(
            ("panel", path.relative_to(own).as_posix())
            for path in own.rglob("*")
            if path.name.endswith(precompressed.TYPES)
        ),
    ]
    return {(kit, kits()[kit].version, name): kits()[kit].folder / name for kit, name in names}


def _compressed(kit: str, version: str, name: str) -> Response | None:
    """Return the copy that the client prefers; None if it accepts none or there is none."""
    if (kit, version, name) not in compressible():
        return None
    instance = Path(current_app.instance_path)
    for encoding in precompressed.accepted(request.accept_encodings):
        copy = precompressed.copy_of(instance, kit, version, name, encoding)
        try:
            response = send_file(
                copy,
                mimetype=mimetypes.guess_type(name)[0],
                max_age=YEAR_SECONDS,
                conditional=True,
            )
        except OSError:
            continue
        response.headers["Content-Encoding"] = encoding
        return response
    return None


@bp.get("/favicon.ico")
@public
def favicon() -> Response:
    """Serve the logo to browsers that request /favicon.ico unasked."""
    return send_from_directory(kits()["panel"].folder, "mark.svg", max_age=YEAR_SECONDS // 52)
