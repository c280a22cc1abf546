"""Ask a gateway about a payment now, because staff want to know."""

from __future__ import annotations

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.permissions import PAYMENTS_MANAGE
from puqpanel.domain.principals import Principal
from puqpanel.domain.texts import _
from puqpanel.infra.db import transaction
from puqpanel.models import Payment
from puqpanel.operations.billing import gateways, payment_polls
from puqpanel.operations.billing.refunds import find_payment
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.system import audit


def can_check(payment: Payment) -> bool:
    """Return whether the gateway of a payment can be asked about it."""
    found = configured_modules.list_instances(gateways.TYPE) if payment.gateway else ()
    return any(
        row.uuid == payment.gateway and gateways.supports(row, "observe_payment") for row in found
    )


@transaction()
def request(*, actor: Principal, uuid: str) -> None:
    """Add the task that asks the gateway about a payment.

    Raises:
        ConflictError: the gateway can't be asked.
    """
    actor.require(PAYMENTS_MANAGE)
    payment = find_payment(uuid)
    if not can_check(payment):
        raise ConflictError(_("The gateway of this payment can't be asked about it."))
    payment_polls.request(payment)
    audit.record(
        actor=actor,
        action="payment.check_requested",
        subject_type="payment",
        subject_uuid=payment.uuid,
        summary=_("Check at the gateway requested."),
    )
