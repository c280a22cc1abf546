"""The customer's first page."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.money import PERIODS
from puqpanel.operations.provisioning import services
from puqpanel.web.guard import current_customer, customer

bp = Blueprint("home", __name__)
ALIVE = ("pending", "active", "suspended", "fraud")


@bp.get("/")
@customer
def index() -> ResponseReturnValue:
    """What the customer has, and what needs them."""
    me = current_customer()
    mine = services.services_of(me.id)
    alive, ended = (
        [one for one in mine if one.status in ALIVE],
        [one for one in mine if one.status not in ALIVE],
    )
    return render_template(
        "client/oversight/home.html", me=me, alive=alive, ended=ended, periods=PERIODS
    )
