"""Static files of modules, from `views/assets`, at /modules/{Type}/{Name}/assets/{path}.

The files are public. In a module's template, `asset("css/x.css")` returns a URL with a hash of the
file's content, so that browsers can cache it for a year.
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

YEAR_SECONDS, SHORT_SECONDS = 365 * 24 * 3600, 300
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
"""For files opened on their own: an SVG is displayed, but its scripts don't run."""
_PART = re.compile(r"[A-Za-z0-9_@-][A-Za-z0-9_@+. -]*")
bp = Blueprint("module_assets", __name__)


def find(key: str, name: str) -> Path | None:
    """Return a file of an active module; None if it is missing or its type is not served.

    Args:
        key: the module's key, `Payment/SamplePayment`.
        name: the path below `views/assets`; it can't leave that folder, not even by a symlink.
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
    return path if inside and _mime_type(path) and _mime_type(Path(name)) else None


def content_hash(path: Path) -> str:
    """Return a hash of a file's content."""
    state = path.stat()
    return _hash(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2048)
def _hash(path: Path, _modified_ns: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _mime_type(path: Path) -> str:
    return KINDS.get(path.suffix[1:].lower(), "")


def address(key: str, name: str) -> str:
    """Return the URL of a module's file, with its content hash if the file exists."""
    root = request.script_root if has_request_context() else ""
    url, path = f"{root}/modules/{key}/assets/{quote(name)}", find(key, name)
    return url if path is None else f"{url}?v={content_hash(path)}"


def lent(name: str, panel_file: str = "") -> str:
    """Implement `asset()` of module templates: `asset(name)` or `asset("panel", name)`."""
    if panel_file:
        return assets.asset(name, panel_file)
    call = calls.context.get()
    return address(call.key if call else "", name)


@bp.get("/modules/<type>/<module>/assets/<path:name>")
@public
def serve(type: str, module: str, name: str) -> Response:
    """Serve a file; 304 if the browser has it in its cache."""
    path = find(f"{type}/{module}", name)
    if path is None:
        abort(404)
    etag = content_hash(path)
    fresh = request.args.get("v") == etag
    response = send_file(
        path,
        mimetype=_mime_type(path),
        etag=etag,
        max_age=YEAR_SECONDS if fresh else SHORT_SECONDS,
        conditional=True,
    )
    response.cache_control.public = True
    response.cache_control.no_cache = None
    if fresh:
        response.cache_control.immutable = True
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
