"""Gateway pages: configured modules of type Payment."""

from __future__ import annotations

from flask import make_response, render_template
from flask.typing import ResponseReturnValue

from puqpanel.domain.texts import _
from puqpanel.operations.modules import availability, module_settings
from puqpanel.web.admin.modules.configured_modules import Kind, Pages
from puqpanel.web.guard import actor

GATEWAY = Kind(
    type="Payment",
    singular="gateway",
    plural="gateways",
    icon="credit-card",
    description=_("Payment methods for clients. Each connects a module to a provider account."),
    title_help=_("Shown to customers, for example “Card” or “Bank transfer”."),
    order_help=_("Lists and menus use this order."),
    enabled_effect=_("Webhooks from its provider are accepted."),
    disabled_effect=_("Webhooks from its provider are rejected."),
    title=_("Gateways"),
    one=_("Gateway"),
    add=_("Add gateway"),
    rename=_("Rename gateway"),
    delete=_("Delete gateway"),
    enable=_("Enable gateway"),
    disable=_("Disable gateway"),
    no_module=_("No active payment module"),
    show_modules=_("Show payment modules"),
    activate_first=_("Activate a payment module to add a gateway."),
    none_yet=_("No gateways yet"),
    rejects=_("Requests are rejected until this gateway is enabled."),
)
ISOLATED = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action"
    " 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox allow-same-origin"
)
"""The policy of the preview: staff open it in their own session, so no script runs and no form
can be submitted.
"""


class GatewayPages(Pages):
    """The gateway pages, with a preview of what clients see."""

    template = "admin/modules/configured_modules/gateway.html"

    def preview(self, uuid: str) -> ResponseReturnValue:
        """Show what a client would see for a sample invoice, with everything inert."""
        instance = self.find(uuid)
        response = make_response(
            render_template(
                "admin/modules/configured_modules/preview.html",
                instance=instance,
                called=module_settings.preview(actor=actor(), gateway=instance),
                unavailable_reason=availability.unavailable_reason(instance.module),
                back=self.url("show", uuid),
            )
        )
        response.headers["Content-Security-Policy"] = ISOLATED
        return response


pages = GatewayPages(GATEWAY, __name__)
# requires the manage permission: the module may call its provider for the preview
pages.add_route("/<uuid>/preview", pages.preview, "manage", "GET")
bp = pages.bp
