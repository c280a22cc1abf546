"""Files of modules, from `views/assets` of those that are loaded, at
/modules/{Type}/{Name}/assets/{path}. Anybody may have them.

`asset("css/x.css")` in a module's template is the address with the file's mark in it, so that a
browser may keep it for a year.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, abort, has_request_context, request, send_file

from puqpanel.host import calls, registry
from puqpanel.web import assets
from puqpanel.web.guard import public

YEAR, SHORT = 365 * 24 * 3600, 300
KINDS = {
    "css": "text/css",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "map": "application/json",
    "json": "application/json",
    "txt": "text/plain",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "ico": "image/x-icon",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
}
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; sandbox"
)
"""For a file that is opened by itself: an SVG is drawn, and nothing in it runs."""
_PART = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_@+. -]*")
bp = Blueprint("module_assets", __name__)


def find(key: str, name: str) -> Path | None:
    """A file of a module by its path under views/assets; None where there is none, or it is of no
    kind that is served.

    Args:
        key: the module's, `Payment/SamplePayment`.
        name: as it stands in the address. No part of it leads out, links included.
    """
    module = registry.current().get(key)
    if module is None or not all(_PART.fullmatch(part) for part in name.split("/")):
        return None
    try:
        folder = module.folder.resolve()
        base = (folder / "views" / "assets").resolve()
        path = (base / name).resolve()
        inside = base.is_relative_to(folder) and path.is_relative_to(base) and path.is_file()
    except (OSError, RuntimeError, ValueError):
        return None
    return path if inside and _kind(path) and _kind(Path(name)) else None


def mark(path: Path) -> str:
    """What tells one content of a file from another."""
    state = path.stat()
    return _mark(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2048)
def _mark(path: Path, _changed: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _kind(path: Path) -> str:
    return KINDS.get(path.suffix[1:].lower(), "")


def address(key: str, name: str) -> str:
    """The address of a file of a module, with its mark; without one where there is no such file."""
    root = request.script_root if has_request_context() else ""
    where, path = f"{root}/modules/{key}/assets/{quote(name)}", find(key, name)
    return where if path is None else f"{where}?v={mark(path)}"


def lent(name: str, of_the_panel: str = "") -> str:
    """`asset()` in a module's templates: one of its own files, or with two words one of the
    panel's.
    """
    if of_the_panel:
        return assets.asset(name, of_the_panel)
    call = calls.context.get()
    return address(call.key if call else "", name)


@bp.get("/modules/<type>/<module>/assets/<path:name>")
@public
def serve(type: str, module: str, name: str) -> Response:
    """One file; 304 where the browser has it already."""
    path = find(f"{type}/{module}", name)
    if path is None:
        abort(404)
    known = mark(path)
    fresh = request.args.get("v") == known
    answer = send_file(
        path, mimetype=_kind(path), etag=known, max_age=YEAR if fresh else SHORT, conditional=True
    )
    answer.cache_control.public = True
    answer.cache_control.no_cache = None
    if fresh:
        answer.cache_control.immutable = True
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer
