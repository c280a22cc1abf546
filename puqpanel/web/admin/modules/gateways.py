"""Gateways: the ways to pay, each a configured instance of a Payment module."""

from __future__ import annotations

from flask import make_response, render_template
from flask.typing import ResponseReturnValue

from puqpanel.operations.modules import availability, gateways
from puqpanel.web.admin.modules.configured_modules import Kind, Pages
from puqpanel.web.guard import actor

GATEWAY = Kind(
    type="Payment",
    one="gateway",
    many="gateways",
    icon="credit-card",
    says="A gateway is a way to pay: a payment module with an account at its provider.",
    called="As clients will see it, such as “Card” or “Bank transfer”.",
    order="Lists and choices show them in this order.",
    on="Its provider's messages are taken from now on.",
    off="Its provider's messages are refused from now on.",
)
ISOLATED = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action"
    " 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox allow-same-origin"
)
"""Nothing of the page runs and no form of it goes anywhere: it is looked at by staff, with
staff's session.
"""


class GatewayPages(Pages):
    """With a look at what clients see."""

    template = "admin/modules/configured_modules/gateway.html"

    def preview(self, uuid: str) -> ResponseReturnValue:
        """What a client would see, with a sample invoice, on a page where nothing works."""
        instance = self.find(uuid)
        called = gateways.preview(actor=actor(), gateway=instance)
        answer = make_response(
            render_template(
                "admin/modules/configured_modules/preview.html",
                instance=instance,
                called=called,
                held=availability.unavailable_reason(instance.module),
                back=self.url("show", uuid),
            )
        )
        answer.headers["Content-Security-Policy"] = ISOLATED
        return answer


pages = GatewayPages(GATEWAY, __name__)
pages.change("/<uuid>/preview", pages.preview, "GET")  # the module may ask its provider for it
bp = pages.bp
