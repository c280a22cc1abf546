"""GET /brand.css and /brand/logo: the firm's colours and logo.

Their URLs name what they return, so that browsers may keep it and a change shows at once.
"""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, request

from puqpanel.operations.system import files, settings
from puqpanel.web import brand
from puqpanel.web.assets import YEAR_SECONDS
from puqpanel.web.guard import public

LOGO_CSP = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
bp = Blueprint("brand", __name__)


@bp.get("/brand.css")
@public
def sheet() -> Response:
    """Return the firm's colours; an empty style sheet if it has none."""
    colour = settings.text("firm.colour")
    response = make_response(brand.sheet(colour) if colour else "")
    response.mimetype = "text/css"
    return _kept(response, f"#{request.args.get('colour', '')}" == colour)


@bp.get("/brand/logo")
@public
def logo() -> Response:
    """Return the firm's logo."""
    digest = settings.text("firm.logo")
    file = files.find_file(digest) if digest else None
    if file is None:
        abort(404)
    response = make_response(file.content)
    response.mimetype = file.content_type
    response.headers["Content-Security-Policy"] = LOGO_CSP
    response.headers["Content-Disposition"] = "inline"
    return _kept(response, request.args.get("digest") == digest)


def _kept(response: Response, current: bool) -> Response:
    """Let browsers keep a response whose URL names its content."""
    if current:
        response.cache_control.public = True
        response.cache_control.max_age = YEAR_SECONDS
        response.cache_control.immutable = True
    else:
        response.cache_control.no_store = True
    return response
