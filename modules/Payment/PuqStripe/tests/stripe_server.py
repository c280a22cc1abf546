"""A Stripe of the tests: the requests that this module sends, with Stripe's wire format.

Bodies are forms with nested names, responses JSON with errors in `error`; a POST with a known
idempotency key returns the saved response, and another body under the same key is refused.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import re
import time
from typing import Any

from puqpanel.sdk.testing import Provider, Reply, Seen

KEY = "sk_test_51Seed0000000000000000"
SECRET, OLD_SECRET = "whsec_current0000000000000000", "whsec_previous000000000000000"
SETTINGS = {
    "sandbox": True,
    "secret_key": KEY,
    "webhook_secret": SECRET,
    "previous_webhook_secret": OLD_SECRET,
}
CREATED = 1_796_083_200
DECLINED = {"code": "card_declined", "message": "Your card was declined."}
AUTHENTICATE = {
    "code": "authentication_required",
    "decline_code": "authentication_required",
    "message": "Your card was declined. This transaction requires authentication.",
}


def card(method: str, customer: str | None, **changed: Any) -> dict[str, Any]:
    """Return a payment method that is a card."""
    details = {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031}
    return {
        "id": method,
        "object": "payment_method",
        "type": "card",
        "customer": customer,
        "card": {**details, **changed},
    }


def signed(body: bytes, *secrets: str, at: float | None = None) -> dict[str, str]:
    """Return the headers of a webhook, with a signature for each secret."""
    moment = str(int(time.time() if at is None else at))
    signatures = [
        hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        for secret in secrets or (SECRET,)
    ]
    value = ",".join([f"t={moment}", *(f"v1={text}" for text in signatures), "v0=0"])
    return {"Content-Type": "application/json", "Stripe-Signature": value}


def event(name: str, item: dict[str, Any]) -> bytes:
    """Return the body of a webhook."""
    data = {"object": "event", "id": "evt_1", "type": name, "data": {"object": item}}
    return json.dumps(data).encode()


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return a form with nested names, such as `a[b][0]`, as dictionaries."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        *parents, last = re.findall(r"[^\[\]]+", name)
        branch = tree
        for part in parents:
            branch = branch.setdefault(part, {})
        branch[last] = value
    return tree


def failed(status: int, message: str, **details: Any) -> Reply:
    """Return an error response."""
    error = {"type": "invalid_request_error", "message": message, **details}
    return Reply.of({"error": error}, status)


class StripeServer(Provider):
    """One Stripe account in the sandbox.

    Attributes:
        objects: everything by id.
        account: the account of the key.
        decline: the error with which charges without the client are declined.
        intent_status: the status of the others.
        refund_status: the status of new refunds.
        answer: a body to send instead of every response.
        forbidden: first parts of paths that the key may not use.
        done: the forms of POST requests that did something.
    """

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, dict[str, Any]] = {}
        self.saved: dict[str, tuple[bytes, Reply]] = {}
        self.done: list[dict[str, Any]] = []
        self.answer: bytes | None = None
        self.decline: dict[str, Any] | None = None
        self.intent_status = "succeeded"
        self.refund_status = "succeeded"
        self.forbidden: set[str] = set()
        self.account = {
            "id": "acct_1",
            "object": "account",
            "charges_enabled": True,
            "settings": {"dashboard": {"display_name": "Lumen"}},
        }

    def work(self, request: Seen) -> Reply:
        """Return the response of a healthy Stripe."""
        if self.answer is not None:
            return Reply(200, self.answer, {"Content-Type": "application/json"})
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return failed(401, "Invalid API Key provided: sk_test_****0000")
        path = request.path.removeprefix("/v1/")
        if path.partition("/")[0] in self.forbidden:
            return failed(403, "The provided key does not have the required permissions.")
        if request.method == "GET":
            return self.read(path, nested(request.query))
        key = request.headers["idempotency-key"]
        if key in self.saved:
            body, reply = self.saved[key]
            if body != request.body:
                text = "Keys for idempotent requests can only be used with the same parameters."
                return failed(400, text, type="idempotency_error")
            return reply
        form = nested(request.form)
        reply = self.write(path, form)
        if reply.status in (200, 402):
            self.saved[key] = request.body, reply
            self.done.append({"path": path, **form})
        return reply

    def read(self, path: str, query: dict[str, Any]) -> Reply:
        """Answer a GET request."""
        if path == "account":
            return Reply.of(self.account)
        kind, _, outside_id = path.removeprefix("checkout/").partition("/")
        if outside_id:
            item = self.objects.get(outside_id)
            if item is None:
                return failed(404, f"No such object: '{outside_id}'", code="resource_missing")
            return Reply.of(self.shown(item, list(query.get("expand", {}).values())))
        kinds = {"payment_intents": "payment_intent", "refunds": "refund", "disputes": "dispute"}
        kind = kinds.get(kind, "webhook_endpoint")
        fields = {name: query[name] for name in ("customer", "payment_intent") if name in query}
        expand = [text.removeprefix("data.") for text in query.get("expand", {}).values()]
        found = [
            self.shown(item, expand)
            for item in reversed(self.objects.values())
            if item["object"] == kind
            and all(item.get(name) == value for name, value in fields.items())
        ]
        return Reply.of({"object": "list", "data": found, "has_more": False, "url": f"/v1/{path}"})

    def write(self, path: str, form: dict[str, Any]) -> Reply:
        """Answer a POST request."""
        if path == "checkout/sessions":
            return self.create_session(form)
        if path == "payment_intents":
            return self.create_intent(form)
        if path == "refunds":
            return self.create_refund(form)
        method = self.objects.get(path.split("/")[1])
        if method is None:
            return failed(404, "No such PaymentMethod", code="resource_missing")
        if method["customer"] is None:
            return failed(400, "The payment method you provided is not attached to a customer.")
        method["customer"] = None
        return Reply.of(method)

    def create_session(self, form: dict[str, Any]) -> Reply:
        """Create a Checkout Session."""
        customer = form.get("customer")
        if customer and customer not in self.objects:
            return failed(400, f"No such customer: '{customer}'", param="customer")
        price = form["line_items"]["0"]["price_data"]
        session = self.keep(
            "cs_test_",
            {
                "object": "checkout.session",
                "status": "open",
                "payment_status": "unpaid",
                "payment_intent": None,
                "amount_total": int(price["unit_amount"]),
                "currency": price["currency"],
                "client_reference_id": form["client_reference_id"],
                "metadata": form["metadata"],
                "customer": customer,
                "expires_at": CREATED + 86_400,
            },
        )
        session["url"] = f"https://checkout.stripe.com/c/pay/{session['id']}#fid"
        session["form"] = form
        return Reply.of(session)

    def create_intent(self, form: dict[str, Any]) -> Reply:
        """Create and confirm a PaymentIntent without the client."""
        if form["customer"] not in self.objects:
            return failed(400, f"No such customer: '{form['customer']}'", param="customer")
        intent = self.new_intent(
            int(form["amount"]), form["currency"], form["metadata"], form["customer"]
        )
        intent["payment_method"] = form["payment_method"]
        if self.decline:
            intent.update(status="requires_payment_method", last_payment_error=self.decline)
            details = {"type": "card_error", **self.decline, "payment_intent": intent}
            return Reply.of({"error": details}, 402)
        self.settle_intent(intent, self.intent_status)
        return Reply.of(self.shown(intent, list(form.get("expand", {}).values())))

    def create_refund(self, form: dict[str, Any]) -> Reply:
        """Refund a part of a PaymentIntent."""
        intent = self.objects.get(form["payment_intent"])
        if intent is None:
            return failed(404, "No such payment_intent", code="resource_missing")
        charge, amount = self.objects[intent["latest_charge"]], int(form["amount"])
        if charge["amount_refunded"] + amount > intent["amount_received"]:
            return failed(400, "Refund amount is greater than unrefunded amount on charge")
        charge["amount_refunded"] += amount
        refund = {
            "object": "refund",
            "status": self.refund_status,
            "amount": amount,
            "currency": intent["currency"],
            "charge": charge["id"],
            "payment_intent": intent["id"],
            "metadata": form.get("metadata", {}),
        }
        if self.refund_status == "failed":
            refund["failure_reason"] = "lost_or_stolen_card"
        return Reply.of(self.keep("re_", refund))

    # What happens at Stripe

    def pay(self, session_id: str, status: str = "succeeded", **changed: Any) -> dict[str, Any]:
        """Let the client pay a session; the PaymentIntent gets this status."""
        session = self.objects[session_id]
        data = session["form"]["payment_intent_data"]
        if data.get("setup_future_usage") and not session["customer"]:
            session["customer"] = self.keep("cus_", {"object": "customer"})["id"]
        intent = self.objects.get(session["payment_intent"] or "") or self.new_intent(
            session["amount_total"], session["currency"], data["metadata"], session["customer"]
        )
        intent["setup_future_usage"] = data.get("setup_future_usage")
        session["payment_intent"] = intent["id"]
        if status in ("succeeded", "processing"):
            session["status"] = "complete"
        if status == "succeeded":
            session["payment_status"] = "paid"
        if not intent["payment_method"]:
            method = card("", session["customer"])
            intent["payment_method"] = self.keep("pm_", method)["id"]
        self.settle_intent(intent, status)
        intent.update(changed)
        return intent

    def expire(self, session_id: str) -> None:
        """Let a session expire."""
        session = self.objects[session_id]
        session["status"] = "expired"
        if session["payment_intent"]:
            self.objects[session["payment_intent"]]["status"] = "canceled"

    def dispute(self, intent: str, status: str, *moved: int) -> dict[str, Any]:
        """Open a dispute of a whole payment."""
        paid = self.objects[intent]
        self.objects[paid["latest_charge"]]["disputed"] = True
        return self.keep(
            "du_",
            {
                "object": "dispute",
                "status": status,
                "reason": "fraudulent",
                "amount": paid["amount"],
                "currency": paid["currency"],
                "payment_intent": intent,
                "balance_transactions": [{"amount": amount} for amount in moved],
            },
        )

    def new_intent(
        self, amount: int, currency: str, metadata: Any, customer: str | None
    ) -> dict[str, Any]:
        """Create a PaymentIntent."""
        intent = {
            "object": "payment_intent",
            "status": "requires_payment_method",
            "amount": amount,
            "amount_received": 0,
            "currency": currency,
            "metadata": metadata,
            "customer": customer,
            "latest_charge": None,
            "payment_method": None,
            "last_payment_error": None,
            "next_action": None,
            "client_secret": "pi_1_secret_neverlogged",
        }
        return self.keep("pi_", intent)

    def settle_intent(self, intent: dict[str, Any], status: str) -> None:
        """Give a PaymentIntent a status, and a charge with its fee if it succeeds."""
        intent["status"] = status
        if status != "succeeded":
            return
        intent["amount_received"] = intent["amount"]
        fee = {
            "object": "balance_transaction",
            "fee": 62,
            "currency": intent["currency"],
            "created": int(time.time()),
        }
        charge = {
            "object": "charge",
            "amount_refunded": 0,
            "disputed": False,
            "balance_transaction": self.keep("txn_", fee)["id"],
            "billing_details": {"name": "Ada Lovelace", "email": "ada@example.test"},
            "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
        }
        intent["latest_charge"] = self.keep("ch_", charge)["id"]

    def keep(self, prefix: str, item: dict[str, Any]) -> dict[str, Any]:
        """Store an object under a new id."""
        item["id"] = f"{prefix}{len(self.objects) + 1}"
        self.objects[item["id"]] = item
        return item

    def shown(self, item: dict[str, Any], expand: list[str]) -> dict[str, Any]:
        """Return an object with the fields expanded that a request names."""
        copied = copy.deepcopy(item)
        for path in sorted(expand):
            branch = copied
            *parents, last = path.split(".")
            for part in parents:
                value = branch.get(part)
                if isinstance(value, str):
                    value = branch[part] = copy.deepcopy(self.objects[value])
                branch = value if isinstance(value, dict) else {}
            if isinstance(branch.get(last), str):
                branch[last] = copy.deepcopy(self.objects[branch[last]])
        return copied
