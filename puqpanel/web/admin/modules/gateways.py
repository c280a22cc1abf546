"""Gateway pages: configured modules of type Payment."""

from __future__ import annotations

from typing import Any

from flask import make_response, render_template
from flask.typing import ResponseReturnValue
from wtforms import SelectField

from puqpanel.domain.texts import Text
from puqpanel.models import ConfiguredModule
from puqpanel.operations.billing import gateways
from puqpanel.operations.billing.companies import companies
from puqpanel.operations.modules import availability, module_settings
from puqpanel.operations.system import currencies
from puqpanel.web.admin.modules.configured_modules import Kind, Pages
from puqpanel.web.fields import named_currencies
from puqpanel.web.forms import Form, MultiCheckboxField, _, choices, save_or_show
from puqpanel.web.guard import actor

GATEWAY = Kind(
    type="Payment",
    singular="gateway",
    plural="gateways",
    icon="credit-card",
    description=_("Payment methods for clients. Each connects a module to a provider account."),
    title_help=_("Shown to customers, for example “Card” or “Bank transfer”."),
    order_help=_("Lists and menus use this order."),
    enabled_effect=_("Customers can choose it."),
    disabled_effect=_("Customers can no longer choose it."),
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
    rejects=_("Customers can't choose this gateway until it is enabled."),
)
ISOLATED = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action"
    " 'none'; base-uri 'none'; frame-ancestors 'none'; sandbox allow-same-origin"
)
"""The policy of the preview: staff open it in their own session, so no script runs and no form
can be submitted.
"""


class TermsForm(Form):
    """For which documents a gateway is offered."""

    company = SelectField(
        _("Company"), description=_("Only documents of this company can be paid with it.")
    )
    currencies = MultiCheckboxField(
        _("Currencies"), description=_("Select none to offer it for all currencies.")
    )


class GatewayPages(Pages):
    """The gateway pages, with who is offered a gateway and a preview of what clients see."""

    template = "admin/modules/configured_modules/gateway.html"

    def terms(self, instance: ConfiguredModule) -> str:
        """Return the company and the currencies that a gateway is offered for."""
        company, codes = gateways.terms(instance)
        return " · ".join(part for part in (company, ", ".join(codes)) if part)

    def extra_context(self, instance: ConfiguredModule) -> dict[str, Any]:
        """Return for which documents a gateway is offered."""
        company, codes = gateways.terms(instance)
        return {"only_company": company, "only_currencies": codes}

    def availability(self, uuid: str) -> ResponseReturnValue:
        """Choose for which documents a gateway is offered."""
        instance = self.find(uuid)
        sellers = {row.id: row for row in companies()}
        only = sellers.get(instance.company_id or 0)
        codes = instance.currencies.split()
        form = TermsForm(data={"company": only.uuid if only else "", "currencies": codes})
        form.company.choices = choices(
            [("", _("All companies")), *((row.uuid, row.name) for row in sellers.values())]
        )
        offered = dict.fromkeys([*currencies.enabled_codes(), *codes])
        form.currencies.choices = choices(named_currencies(offered))

        def save() -> tuple[Text, str]:
            gateways.save_terms(
                actor=actor(),
                uuid=uuid,
                company_uuid=form.company.data or "",
                codes=form.currencies.data or [],
            )
            return _("Availability saved."), self.url("show", uuid)

        return save_or_show(
            form,
            save,
            title=_("Availability of %(title)s", title=instance.title),
            crumbs=self.crumbs(instance),
            label=_("Save availability"),
            consequence=_("Payments that were started before can still be completed."),
            wide=("currencies",),
        )

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
pages.add_route("/<uuid>/availability", pages.availability, "manage", "GET", "POST")
bp = pages.bp
