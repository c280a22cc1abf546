"""What the base class of Payment modules does through the panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from puqpanel.host.contract.payments import Report, reports_of
from puqpanel.host.contract.result import Result
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
    return {"status": "success"}


def report_payments(module: Payment, reports: Iterable[Report]) -> Result:
    """Record reports that a module made outside of a webhook.

    TODO: replace. This only logs them; the panel's operation that books reports belongs here.
    """
    for report in reports_of(list(reports)):
        module.log_info(
            "payment reported", {"gateway": module.instance_uuid, "report": asdict(report)}
        )
    return Result.success()
