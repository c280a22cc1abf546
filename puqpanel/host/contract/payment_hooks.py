"""The hooks of gateways and senders, and those of Payment modules; see `hooks_table`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from puqpanel.host.contract.hook_facts import PAGE_ERROR, RESULT, SENT, WEB, WORKER, Fact

_MONEY = "handled by the module's code that calls it"
CONFIGURED: Mapping[str, Fact] = MappingProxyType(
    {
        "get_settings_page": Fact(
            "the page of a gateway or sender",
            "when it is rendered, and again with `self.errors` after a failed save",
            WEB,
            "HTML of the fields; the panel renders the surrounding form",
            PAGE_ERROR,
        ),
        "save_module_data": Fact(
            "the page of a gateway or sender",
            "when staff save it",
            WEB,
            f"{RESULT}; `data` is stored, encrypted",
            "an error keeps the saved data; `errors` are shown beside the fields",
            arguments=SENT,
        ),
        "test_connection": Fact(
            "the page of a gateway or sender",
            "when staff click *Test connection*, which is shown if the module defines this method",
            WEB,
            RESULT,
            "the message is shown to staff",
            signature="() -> Any",
            does="Test the saved settings.",
        ),
    }
)
PAYMENT: Mapping[str, Fact] = MappingProxyType(
    {
        **CONFIGURED,
        "get_client_area_html": Fact(
            "the page of a payment, through `show_attempt()`, unless the checkout has a `url`; and"
            " the gateway's page, through `preview_client_area()`, with a sample invoice",
            "when it is shown",
            WEB,
            "HTML",
            PAGE_ERROR,
        ),
        "preview_client_area": Fact(
            "the gateway's page",
            "when staff open the preview",
            WEB,
            "HTML",
            PAGE_ERROR,
        ),
        "get_return_url": Fact(
            "the module itself",
            "when it passes the provider the URL to return to after payment",
            "the caller's",
            "a URL",
            "none",
        ),
        "get_cancel_url": Fact(
            "the module itself",
            "when it passes the provider the URL to return to after cancellation",
            "the caller's",
            "a URL",
            "none",
        ),
        "on_payment_success": Fact(
            "the module itself, from `api_webhook_post`",
            "when a webhook reports it",
            WEB,
            RESULT,
            _MONEY,
        ),
        "on_payment_failed": Fact(
            "the module itself, from `api_webhook_post`",
            "when a webhook reports it",
            WEB,
            RESULT,
            _MONEY,
            arguments="`payload`: the provider's data, after its signature was verified",
        ),
        "start_payment": Fact(
            "the page on which a client pays, through `start_attempt()`",
            "when the client chooses the gateway",
            WEB,
            "a `Checkout`",
            "an exception: the client sees that the gateway is unavailable, and can try again with"
            " the same attempt",
        ),
        "verify_event": Fact(
            "the webhook of a module that defines `read_event`",
            "before the panel stores the event and answers",
            WEB,
            "True to accept it; anything else rejects it with 401",
            "an exception: 503, so that the provider repeats it",
        ),
        "read_event": Fact(
            "`PaymentEventJob`",
            "once an event is stored, and again until it was read",
            WORKER,
            "a list of reports; empty if the event does not matter",
            "the task is retried for an hour; then staff can have it read again",
        ),
        "observe_payment": Fact(
            "`PaymentPollJob`",
            "when a client returns, and at growing intervals while an outcome is awaited",
            WORKER,
            "a list of reports; empty if nothing happened",
            "the task fails, and the gateway is asked again later",
        ),
        "charge": Fact(
            "`ChargeJob`, through `charge_attempt()`",
            "before an invoice is due, if its client saved a method for automatic payments",
            WORKER,
            "a `PaymentReport`",
            "an exception: the outcome is unknown, and the call is repeated with the same key",
        ),
        "remove_method": Fact(
            "`RemoveMethodJob`",
            "after a client removed a saved method",
            WORKER,
            RESULT,
            "the task is retried; the panel does not charge the method any more",
        ),
        "refund": Fact(
            "`RefundJob`, through `refund_payment()`",
            "when staff refund a payment",
            WORKER,
            "a `RefundReport` or a result",
            "an exception, or an error without a code from 400 to 499: the outcome is unknown; the"
            " call is repeated with the same key if the module defines `read_event`",
        ),
        "start_attempt": Fact("the panel", "to call `start_payment`", WEB, "a `Checkout`", _MONEY),
        "show_attempt": Fact("the panel", "to call `get_client_area_html`", WEB, "HTML", _MONEY),
        "charge_attempt": Fact("the panel", "to call `charge`", WORKER, "a report", _MONEY),
        "refund_payment": Fact("the panel", "to call `refund`", WORKER, "as `refund`", _MONEY),
    }
)
