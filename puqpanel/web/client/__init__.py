"""Customers' pages, one file a noun. What is not theirs is 404, as if it were not there."""

from __future__ import annotations

from flask import Blueprint

from puqpanel.web.client.accounts import auth
from puqpanel.web.client.oversight import home
from puqpanel.web.client.provisioning import services


def blueprint() -> Blueprint:
    """The blueprint of the whole area, its nouns nested in it (`client.services.index`)."""
    area = Blueprint("client", __name__, url_prefix="/client")
    for noun in (auth, home, services):
        area.register_blueprint(noun.bp)
    return area
