"""The table of audit actions: the names of entries of the audit log, with their descriptions.

An action that is also an event of the panel has the name and the description of the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from puqpanel.domain.events import EVENTS
from puqpanel.domain.permissions import (
    DOCUMENTS_VIEW,
    ORDERS_VIEW,
    PAYMENTS_VIEW,
    SERVICES_VIEW,
)
from puqpanel.domain.service_states import VERBS

_EVENTS = (
    "staff.failed_authorization",
    "user.failed_authorization",
    "service.provision_status_changed",
    "module.activated",
    "module.updated",
    "module.deactivated",
    "module.failing",
)
_OWN = {
    "automation.approved": "What a stopped run of automation would do was approved.",
    "automation.dismissed": "What a stopped run of automation would do was dismissed.",
    "client.address_deleted": "A billing address of a client was deleted.",
    "client.address_saved": "A billing address of a client was added or changed.",
    "client.contact_deleted": "A contact of a client was deleted.",
    "client.contact_saved": "A contact of a client was added or changed.",
    "client.created": "A client was created.",
    "client.invitation_withdrawn": "An invitation to a client was withdrawn.",
    "client.spending_cap_set": "The monthly spending cap of a client for prepaid services was set.",
    "client.updated": "A client was changed.",
    "client.user_added": "A user was added to a client.",
    "client.user_invited": "A person was invited to become a user of a client.",
    "client.user_permissions_changed": "The permissions of a user of a client changed.",
    "client.user_removed": "A user was removed from a client.",
    "client.vat_checked": "A VAT number of a client was confirmed or refused.",
    "client.view_ended": "A staff member stopped viewing the client area as a user.",
    "client.view_request": "A staff member sent a form while viewing the client area as a user.",
    "client.view_started": "A staff member started to view the client area as a user.",
    "company.created": "A company was created.",
    "company.logo_failed": "A PDF was made without the logo of the company, as it failed.",
    "company.series_changed": "A number series of a company was changed.",
    "company.template_changed": "The PDF template of a company was changed.",
    "company.template_failed": "A PDF was made by the shipped template, as the company's failed.",
    "company.updated": "A company was changed.",
    "coupon.created": "A coupon was created.",
    "coupon.ended": "A coupon was ended.",
    "coupon.updated": "A coupon was changed.",
    "currency.base_changed": "Another currency became the base.",
    "currency.created": "A currency was added.",
    "currency.updated": "A currency was changed.",
    "document.cancelled": "A proforma was cancelled.",
    "document.created": "A draft of a document was created.",
    "document.deleted": "A draft of a document was deleted.",
    "document.issued": "A document was issued.",
    "document.link_renewed": "The public link of a document was renewed.",
    "document.paid": "A payment was allocated to a document.",
    "document.unpaid": "A refund or dispute took back what had paid a document.",
    "document.updated": "A draft of a document was changed.",
    "document.written_off": "An unpaid invoice was written off.",
    "module.page_submitted": "A form or an action of a module's page was submitted.",
    "module.purged": "The data of a module were deleted.",
    "module.reloaded": "A module was reloaded.",
    "module.resumed": "The circuit breaker of a module closed.",
    "option_group.created": "An option group was created.",
    "option_group.updated": "An option group, its options or their prices were changed.",
    "order.accepted": "An order that waited was accepted.",
    "order.cancelled": "An order was cancelled.",
    "order.deleted": "A draft of an order was deleted.",
    "order.drafted": "A draft of an order was created.",
    "order.fraud_cleared": "The fraud mark of an order was removed.",
    "order.marked_as_fraud": "An order was marked as fraud.",
    "order.offer_accepted": "An offer was accepted.",
    "order.offer_declined": "An offer was declined.",
    "order.offer_expired": "An offer expired.",
    "order.offer_link_replaced": "An offer got a new link.",
    "order.offer_withdrawn": "An offer was withdrawn.",
    "order.offered": "A draft of an order was offered to the client.",
    "order.placed": "An order was placed.",
    "order.updated": "The products of a draft of an order were changed.",
    "payment.assigned": "Staff assigned a parked payment to a client.",
    "payment.check_requested": "Staff asked the gateway about a payment.",
    "payment.credit_refunded": "Credit was paid back to a client.",
    "payment.dismissed": "Staff closed a parked payment.",
    "payment.dispute_failed": "A dispute was won, and the payment came back.",
    "payment.dispute_pending": "A payer disputed a payment.",
    "payment.dispute_succeeded": "A dispute was lost.",
    "payment.not_allocated": "A payment could not pay its document, and stays credit.",
    "payment.parked": "A payment arrived that belongs to no client or document.",
    "payment.recorded": "A payment was recorded.",
    "payment.refund_decided": "Staff entered the outcome of a refund.",
    "payment.refund_failed": "A refund failed, and its amount is credit again.",
    "payment.refund_pending": "A refund is pending at the gateway.",
    "payment.refund_requested": "Staff requested a refund.",
    "payment.refund_succeeded": "A payment was refunded.",
    "payment.refund_unknown": "The gateway did not confirm a refund yet.",
    "payment.not_charged": "Staff found out that a charge was not made.",
    "payment_method.automatic": "A payment method was chosen to pay automatically, or no longer.",
    "payment_method.removed": "A client removed a payment method.",
    "payment_method.saved": "A payment method was saved.",
    "payment_method.switched_off": "A payment method is no longer charged.",
    "payout.failed": "A payout did not arrive at the bank.",
    "payout.paid": "A gateway paid out to the bank account of a company.",
    "payout.pending": "A payout of a gateway is on its way.",
    "payout.removed": "Staff removed a payout that was recorded by mistake.",
    "product.configured": "The module settings of a product changed.",
    "product.created": "A product was created.",
    "product.options_changed": "Other option groups were assigned to a product.",
    "product.priced": "Prices of a product changed.",
    "product.updated": "A product was changed.",
    "product_group.created": "A product group was created.",
    "product_group.deleted": "A product group was deleted.",
    "product_group.updated": "A product group was changed.",
    "role.deleted": "A role was deleted.",
    "role.saved": "A role was created or changed.",
    "schedule.paused": "A scheduled job was paused.",
    "schedule.resumed": "A scheduled job was resumed.",
    "schedule.run": "A scheduled job was run manually.",
    "service.change_requested": "A change of a service's product, options or period was requested.",
    "service.change_withdrawn": "A change of a service was taken back or dropped.",
    "service.changed": "A service got another product, other options or another billing period.",
    "service.charged_until_set": "Staff set until which day a service is charged.",
    "service.configured": "The module settings of a service changed.",
    "service.created": "A service was sold.",
    "service.created_again": "Staff recreated a service that no longer exists at its provider.",
    "service.ended": "A cancelled service ended before it was provisioned.",
    "service.ending_requested": "The end of a service was requested.",
    "service.ending_withdrawn": "The request to end a service was taken back.",
    "service.fraud_lifted": "The fraud mark of a service was lifted.",
    "service.fraud_marked": "A service was marked as fraud.",
    "service.job_failed": "A job of a service failed, or no task was left of it.",
    "service.price_overridden": "Staff gave a service a price of its own.",
    "service.product_changed": "A service got another product.",
    "service.product_kept": "A change of the product of a service was reverted.",
    "service.pushed_again": "Staff reapplied the panel state of a service at its provider.",
    "service.refreshed": "Staff requested a refresh of a service from its provider.",
    "service.renamed": "A service was renamed.",
    "service.renewal_refused": "A service that was due could not be charged for its next period.",
    "service.taken_over": "Staff accepted the provider state of a service.",
    "service.transferred": "A service was transferred to another client.",
    "settings.changed": "Settings of the panel changed.",
    "setup.changed": "The first setup was started, continued or finished.",
    "staff.created": "A staff account was created.",
    "staff.updated": "A staff account was changed.",
    "staff.view_default_changed": "A staff member changed the view that a list opens with.",
    "staff.view_deleted": "A staff member deleted a saved view of a list.",
    "staff.view_renamed": "A staff member renamed a saved view of a list.",
    "staff.view_saved": "A staff member saved a view of a list.",
    "tax.rate_deleted": "A tax rate was deleted.",
    "tax.rate_saved": "A tax rate was added or changed.",
    "tax.rates_loaded": "VAT rates of the EU were loaded.",
    "tax.rule_deleted": "A tax rule of a company was deleted.",
    "tax.rule_saved": "A tax rule of a company was added or changed.",
    "task.cancelled": "A task was cancelled.",
    "task.retried": "A task was retried.",
}
_ACCOUNT = {
    "password_changed": "changed their password.",
    "password_refused": "entered a wrong current password.",
    "password_set": "was given a password by staff.",
    "preferences_changed": "changed their language or time zone.",
    "sessions_ended": "had sessions ended.",
    "signed_in": "signed in.",
    "signed_out": "signed out.",
}
_CONFIGURED = {
    "configured": "was configured.",
    "created": "was created.",
    "deleted": "was deleted.",
    "moved": "was moved in the order.",
    "offered": "was made available to other companies or currencies.",
    "renamed": "was renamed.",
    "switched_off": "was disabled.",
    "switched_on": "was enabled.",
}
_STAGES = ("requested", "refused", "succeeded", "failed")

ACTIONS: Mapping[str, str] = MappingProxyType(
    {name: EVENTS[name].description for name in _EVENTS}
    | _OWN
    | {
        f"{kind}.{act}": f"{who} {text}"
        for kind, who in (("staff", "A staff member"), ("user", "A customer's user"))
        for act, text in _ACCOUNT.items()
    }
    | {
        f"{kind}.{act}": f"A {kind} {text}"
        for kind in ("gateway", "sender")
        for act, text in _CONFIGURED.items()
    }
    | {
        f"service.{verb.key}_{stage}": f"{verb.noun.source} {stage} for a service."
        for verb in VERBS.values()
        for stage in _STAGES
    }
)
"""Name → description."""
REQUIRED: Mapping[str, str] = MappingProxyType(
    {
        "document": DOCUMENTS_VIEW,
        "order": ORDERS_VIEW,
        "payment": PAYMENTS_VIEW,
        "payment_method": PAYMENTS_VIEW,
        "service": SERVICES_VIEW,
    }
)
"""Noun of an action → permission without which timelines of other objects leave its entries out."""
