"""A BTCPay Server of the tests: one store, in the wire format of the Greenfield API."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

from puqpanel.sdk.testing import Provider, Reply, Seen

STORE, KEY, SECRET = "StoreA1", "token-of-the-tests", "webhook-secret"
RECEIVED = 1793613600  # 2 November 2026, 10:00 UTC
FAR = 4102444800
PERMISSIONS = [
    f"btcpay.store.{name}:{STORE}"
    for name in (
        "cancreateinvoice",
        "canviewinvoices",
        "canmanagepullpayments",
        "webhooks.canmodifywebhooks",
    )
]


def settings(server: Provider | str) -> dict[str, Any]:
    """Return the settings of a gateway for a server."""
    url = server if isinstance(server, str) else server.url
    secrets = {"api_key": KEY, "webhook_secret": SECRET, "previous_webhook_secret": ""}
    return {"server": url, "store_id": STORE, **secrets}


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Return the header that signs a webhook."""
    return {"BTCPay-Sig": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def payment(id: str, value: str, status: str = "Settled", at: int = RECEIVED) -> dict[str, Any]:
    """Return a payment as an invoice's payment methods list it."""
    return {
        "id": id,
        "receivedDate": at,
        "value": value,
        "fee": "0.0",
        "status": status,
        "destination": "bcrt1q…",
    }


class BtcPayServer(Provider):
    """The server with its invoices, payment methods, pull payments and payouts."""

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, dict[str, Any]] = {}
        self.methods: dict[str, list[dict[str, Any]]] = {}
        self.pulls: dict[str, dict[str, Any]] = {}
        self.claims: dict[str, list[dict[str, Any]]] = {}
        self.hooks: list[dict[str, Any]] = []
        self.permissions = PERMISSIONS

    def add_invoice(
        self, *payments: dict[str, Any], rate: str = "50000", kind: str = "BTC-CHAIN", **more: Any
    ) -> dict[str, Any]:
        """Add an invoice with payments by one method."""
        id = f"Inv{len(self.store) + 1}"
        self.store[id] = {
            "id": id,
            "storeId": STORE,
            "amount": "21.90",
            "currency": "EUR",
            "type": "Standard",
            "checkoutLink": f"{self.url}/i/{id}",
            "createdTime": RECEIVED,
            "expirationTime": FAR,
            "monitoringExpiration": FAR,
            "status": "New",
            "additionalStatus": "None",
            "metadata": {"orderId": "0192-a"},
            "archived": False,
            **more,
        }
        method = {"paymentMethodId": kind, "currency": "BTC", "rate": rate}
        self.methods[id] = [method | {"payments": list(payments)}]
        return self.store[id]

    def work(self, request: Seen) -> Reply:
        """Return what the server returns."""
        if request.headers.get("authorization") != f"token {KEY}":
            problem = {"code": "unauthenticated", "message": "Authentication is required"}
            return Reply.of(problem, 401)
        path, query = request.path, dict(request.query)
        if path == "/api/v1/api-keys/current":
            return Reply.of({"apiKey": KEY, "label": "x", "permissions": self.permissions})
        if match := re.fullmatch(r"/api/v1/pull-payments/(\w+)(/payouts)?", path):
            found: Any = self.claims if match[2] else self.pulls
            return Reply.of(found[match[1]]) if match[1] in found else Reply.of({}, 404)
        rest = path.removeprefix(f"/api/v1/stores/{STORE}")
        if rest == path:
            return Reply.of({"code": "store-not-found", "message": "Unknown store"}, 404)
        if rest == "/webhooks":
            return Reply.of(self.hooks)
        if rest == "/pull-payments":
            return Reply.of(list(self.pulls.values()))
        if rest == "/invoices":
            return self._create(request.json) if request.method == "POST" else self._find(query)
        match = re.fullmatch(r"/invoices/(\w+)(/payment-methods|/refund)?", rest)
        if match is None or match[1] not in self.store:
            return Reply.of({"code": "invoice-not-found", "message": "Unknown invoice"}, 404)
        if match[2] == "/refund":
            return self._refund(request.json)
        return Reply.of(self.methods[match[1]] if match[2] else self.store[match[1]])

    def _find(self, query: dict[str, str]) -> Reply:
        order = query.get("orderId")
        found = [
            one
            for one in reversed(self.store.values())
            if order is None or one["metadata"].get("orderId") == order
        ]
        return Reply.of(found)

    def _create(self, body: dict[str, Any]) -> Reply:
        if float(body["amount"]) > 1_000_000:
            return Reply.of([{"path": "amount", "message": "The amount is too high"}], 422)
        wanted = {name: body[name] for name in ("amount", "currency", "metadata")}
        return Reply.of(self.add_invoice(**wanted))

    def _refund(self, body: dict[str, Any]) -> Reply:
        if body["refundVariant"] != "Custom" or not body["payoutMethodId"]:
            return Reply.of([{"path": "refundVariant", "message": "Invalid"}], 422)
        id = f"Pull{len(self.pulls) + 1}"
        self.claims[id] = []
        self.pulls[id] = {
            "id": id,
            "name": body["name"],
            "description": body["description"],
            "amount": body["customAmount"],
            "currency": body["customCurrency"],
            "archived": False,
            "autoApproveClaims": False,
            "viewLink": f"{self.url}/pull-payments/{id}",
        }
        return Reply.of(self.pulls[id])


def event(kind: str, **more: Any) -> bytes:
    """Return the body of a webhook."""
    shared: dict[str, Any] = {"deliveryId": "d", "originalDeliveryId": "d", "isRedelivery": False}
    return json.dumps(
        {**shared, "type": kind, "timestamp": RECEIVED, "storeId": STORE, **more}
    ).encode()
