"""Public pages, which need no sign-in."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug import Response

from puqpanel.web.guard import public
from puqpanel.web.public.billing import documents
from puqpanel.web.public.ordering import offers
from puqpanel.web.public.oversight import health, metrics
from puqpanel.web.public.system import brand

bp = Blueprint("public", __name__)
bp.register_blueprint(health.bp)
bp.register_blueprint(metrics.bp)
bp.register_blueprint(brand.bp)
bp.register_blueprint(documents.bp)
bp.register_blueprint(offers.bp)


@bp.get("/")
@public
def index() -> Response:
    """Redirect to the client area; staff use /admin."""
    return redirect(url_for("client.home.index"))
