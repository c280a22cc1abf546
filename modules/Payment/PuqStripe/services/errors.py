"""Errors of Stripe: refused for good, or perhaps done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from puqpanel.sdk import ExternalServiceError, __


class Refused(ExternalServiceError):
    """Stripe refused a request for good: nothing happened, and a repetition changes nothing.

    Attributes:
        param: the parameter that it refused.
        status: the HTTP status.
        intent: the PaymentIntent that was refused, of a declined charge.
    """

    def __init__(self, message: str, error: stripe.StripeError) -> None:
        super().__init__(message, error.http_status or 0)
        self.param = str(getattr(error, "param", "") or "")
        self.status = error.http_status or 0
        body = error.json_body if isinstance(error.json_body, Mapping) else {}
        details = body.get("error")
        intent = details.get("payment_intent") if isinstance(details, Mapping) else None
        self.intent: dict[str, Any] | None = intent if isinstance(intent, dict) else None


def failure(error: stripe.StripeError, key: str) -> ExternalServiceError:
    """Return an error of the SDK as one of the panel, with a text that staff can act on.

    Args:
        error: the error.
        key: the secret key, which the text must not contain.
    """
    status, said = error.http_status or 0, ""
    if isinstance(error, stripe.APIConnectionError) or error.error:
        said = " ".join(str(error.user_message or "").split())[:300].replace(key, "…")
    details = {"status": status, "said": said}
    if isinstance(error, stripe.APIConnectionError):
        return ExternalServiceError(__("Stripe did not answer. :said", details))
    if status == 401:
        return ExternalServiceError(__("Stripe refused the secret key. :said", details), status)
    if status == 403:
        return ExternalServiceError(
            __("The secret key may not do this at Stripe. :said", details), status
        )
    if status == 429 or isinstance(error, stripe.RateLimitError):
        return ExternalServiceError(
            __("Stripe refused the request, because there were too many. :said", details),
            status,
        )
    repeated = isinstance(error, stripe.IdempotencyError)
    if status in (400, 402, 404) and error.error and not repeated:
        return Refused(__("Stripe refused the request: :said", details), error)
    return ExternalServiceError(
        __("Stripe failed with HTTP :status. :said", details).strip(), status
    )
