"""What anybody may open: the first page. Health is answered where the app is put together."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug import Response

from puqpanel.web.guard import public

bp = Blueprint("public", __name__)


@bp.get("/")
@public
def index() -> Response:
    """Customers are most of those who come; staff know their address."""
    return redirect(url_for("client.home.index"))
