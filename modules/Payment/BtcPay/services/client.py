"""The thin client: the requests of this module to the Greenfield API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

from puqpanel.sdk import ExternalServiceError, __, http


class Refused(ExternalServiceError):
    """BTCPay Server understood the request and refused it; a repetition changes nothing."""


class Client:
    """A store with the settings of a gateway; a context manager."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        server, key = str(settings.get("server") or ""), str(settings.get("api_key") or "")
        store = str(settings.get("store_id") or "")
        if not (server and key and store):
            raise ExternalServiceError(__("The gateway has no server, store or API key."))
        self.store = f"/api/v1/stores/{quote(store, safe='')}"
        self.session = http.session(server, headers={"Authorization": "token " + key})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def permissions(self) -> list[str]:
        """Return the permissions of the API key."""
        found = self._object("GET", "/api/v1/api-keys/current").get("permissions")
        return [str(one) for one in found] if isinstance(found, list) else []

    def webhooks(self) -> list[dict[str, Any]]:
        """Return the webhooks of the store."""
        return self._list(f"{self.store}/webhooks")

    def invoices(self, **query: Any) -> list[dict[str, Any]]:
        """Return invoices of the store, newest first."""
        return self._list(f"{self.store}/invoices", query)

    def create_invoice(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an invoice; BTCPay Server has no idempotency keys."""
        return self._object("POST", f"{self.store}/invoices", json=body)

    def invoice(self, id: str) -> dict[str, Any]:
        """Return an invoice."""
        return self._object("GET", self._invoice(id))

    def payment_methods(self, id: str) -> list[dict[str, Any]]:
        """Return the payment methods of an invoice with all payments, also double spent ones."""
        query = {"onlyAccountedPayments": "false"}
        return self._list(f"{self._invoice(id)}/payment-methods", query)

    def create_refund(self, id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create the pull payment with which the client claims a refund."""
        return self._object("POST", f"{self._invoice(id)}/refund", json=body)

    def pull_payments(self) -> list[dict[str, Any]]:
        """Return the pull payments of the store."""
        return self._list(f"{self.store}/pull-payments", {"includeArchived": "true"})

    def pull_payment(self, id: str) -> dict[str, Any]:
        """Return a pull payment."""
        return self._object("GET", f"/api/v1/pull-payments/{quote(id, safe='')}")

    def payouts(self, id: str) -> list[dict[str, Any]]:
        """Return the claims on a pull payment."""
        path = f"/api/v1/pull-payments/{quote(id, safe='')}/payouts"
        return self._list(path, {"includeCancelled": "true"})

    def _invoice(self, id: str) -> str:
        return f"{self.store}/invoices/{quote(id, safe='')}"

    def _object(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return dict(self._send(method, path, dict, **options))

    def _list(self, path: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        found = self._send("GET", path, list, params=query)
        if not all(isinstance(one, dict) for one in found):
            raise ExternalServiceError(__("BTCPay Server's response could not be read."))
        return list(found)

    def _send(self, method: str, path: str, expected: type, **options: Any) -> Any:
        answer = self.session.request(method, path, **options)
        if answer.ok:
            if not isinstance(answer.data, expected):
                raise ExternalServiceError(__("BTCPay Server's response could not be read."))
            return answer.data
        code = answer.http_code
        if code == 401:
            raise Refused(__("BTCPay Server does not accept the API key."), code)
        if code == 403:
            raise Refused(
                __("The API key lacks a permission: :problem", {"problem": _problem(answer.data)}),
                code,
            )
        if code == 404:
            raise Refused(__("BTCPay Server does not know this: check the store ID."), code)
        if code in (400, 422):
            text = __("BTCPay Server refused: :problem", {"problem": _problem(answer.data)})
            raise Refused(text, code)
        raise ExternalServiceError(answer.error, code)


def _problem(data: Any) -> str:
    """Return the text of a ProblemDetails, or of the errors of a validation."""
    problems = data if isinstance(data, list) else [data]
    texts = [
        str(one.get("message") or one.get("code")) for one in problems if isinstance(one, dict)
    ]
    return "; ".join(texts)[:300] or __("no reason given")
