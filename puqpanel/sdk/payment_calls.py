"""What the base class of Payment modules does through the panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from puqpanel.domain.errors import UserError
from puqpanel.host.contract.payments import Report, reports_of
from puqpanel.host.contract.result import Result
from puqpanel.operations.billing import payment_reports
from puqpanel.sdk import payment_payloads
from puqpanel.sdk.texts import __

if TYPE_CHECKING:
    from puqpanel.sdk.payment import Payment


def pay_button(url: str) -> Markup:
    """Return a link to the provider's page that looks like a button."""
    return Markup('<a class="btn btn-primary" href="{}">{}</a>').format(
        url, __("Continue to payment")
    )


def record_payload(module: Payment, payload: Mapping[str, Any], *, succeeded: bool) -> Any:
    """Record a payment that a module read from its own webhook."""
    action = "payment succeeded" if succeeded else "payment failed"
    module.log_info(action, {"gateway": module.instance_uuid, "payload": dict(payload)})
    if not module.instance_uuid:
        return {"status": "success"}  # no gateway: a test of the module's own
    try:
        report = payment_payloads.read(payload, succeeded=succeeded)
    except ValueError as error:
        if not succeeded:
            return {"status": "success"}  # nothing to book, and the log has it
        return {
            "status": "error",
            "message": f"The payment was not recorded: {error}.",
            "code": 422,
        }
    return report_payments(module, [report]).as_dict()


def report_payments(module: Payment, reports: Iterable[Report]) -> Result:
    """Record reports that a module made outside of a webhook that the panel stored."""
    try:
        payment_reports.record_all(module.instance_uuid, reports_of(list(reports)))
    except ValueError as error:
        return Result.error(f"The payment was not recorded: {error}.", code=422)
    except UserError as error:
        return Result.error(str(error.text), code=409)
    return Result.success()
