"""What the base class of Payment modules does through the panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

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
