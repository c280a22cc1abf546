"""Bank transfer: clients see the account and a reference; the bank's webhook reports the money.

Read this file first; it refers to every other file of the module.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from puqpanel.sdk import (
    Invoice,
    Payment,
    Request,
    Result,
    Validator,
    __,
    http,
    json_error,
    json_success,
)

from .forms import SettingsForm, is_valid_iban
from .models.transfers import Transfer, expected_transfer, record_outcome

SIGNATURE_HEADER = "X-Signature"
RULES = {
    "id": "required|string|max:100|regex:/^[!-~]+$/",
    "reference": "required|alpha_dash|max:20",
    "amount": r"required|string|regex:/^\d{1,9}(\.\d{1,2})?$/",
    "currency": "required|string|min:3|max:3",
    "status": "required|in:received,returned",
}


class SamplePayment(Payment):
    """A gateway for each bank account."""

    # 1. The settings of a gateway: the panel renders the form, validates it, and stores the values
    # encrypted. During every call they are in self.module_data, and the gateway's uuid is in
    # self.instance_uuid.

    SettingsForm = SettingsForm

    # 2. What a client sees on an invoice.

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """Return the account, the amount and the reference, from views/client_area/pay.html."""
        data = data or {}
        invoice: Invoice = data["invoice"]
        if data.get("sample"):
            reference = "SAMPLE"  # a preview for staff, which stores nothing
        else:
            reference = expected_transfer(self.instance_uuid, invoice).reference
        return self.view(
            "client_area.pay",
            {"invoice": invoice, "reference": reference, "account": self.module_data},
        )

    # 3. The webhook. Anyone can call this address, so the signature must prove that the bank did.

    def api_webhook_post(self, request: Request) -> Any:
        """Record that a transfer arrived or was returned; repeated calls have no further effect."""
        if not self._has_valid_signature(request):
            return json_error(__("Missing or invalid signature."), 401)
        # The signature covers the body only, so request.all() with the query string is unsafe here.
        body = request.get_json(silent=True)
        validator = Validator.make(body if isinstance(body, dict) else {}, RULES)
        if validator.fails():
            return json_error(__("Invalid message."), 422, validator.errors)
        message = validator.validated()
        transfer = Transfer.find(self.instance_uuid, message["reference"])
        if transfer is None:
            return json_error(__("Unknown reference."), 404)
        # Report what arrived, also if it is not what was expected: the money is in the account.
        # The panel pays a part, adds a surplus to the credit, and parks another currency.
        payment = {
            "invoice_uuid": transfer.invoice_uuid,
            "transaction_id": message["id"],
            "amount": Decimal(message["amount"]),
            "currency": message["currency"],
            "reference": transfer.reference,
        }
        # Tell the panel first: if that fails, the bank repeats its message and nothing is lost.
        if message["status"] == "received":
            state, result = "paid", Result.of(self.on_payment_success(payment))
        else:
            state, result = "returned", Result.of(self.on_payment_failed(payment))
        if not result.ok:
            return json_error(result.message, 500)
        record_outcome(transfer, state, message["id"])
        return json_success(message=__("Transfer recorded."))

    def _has_valid_signature(self, request: Request) -> bool:
        """Return whether the header has the HMAC-SHA256 of the raw body under the secret."""
        secret = str(self.module_data.get("webhook_secret") or "")
        if not secret:
            return False  # with an empty key, anyone could sign
        expected = hmac.new(secret.encode(), request.get_data(), hashlib.sha256).hexdigest()
        signature = request.headers.get(SIGNATURE_HEADER, "").removeprefix("sha256=")
        return hmac.compare_digest(expected.encode(), signature.encode())

    # 4. Test connection: staff click the button and read this message.

    def test_connection(self) -> Result:
        """Check the IBAN, and request the account from the bank service if one is configured."""
        iban, url = self.module_data.get("iban"), self.module_data.get("bank_api")
        if not is_valid_iban(str(iban or "")):
            return Result.error(__("Invalid IBAN."))
        if not url:
            return Result.success(__("The IBAN is valid. No bank service is configured."))
        api_key = self.module_data.get("api_key")
        with http.session(url, bearer=api_key, policy=http.public_only()) as bank:
            response = bank.get("/account")
        if not response.ok:
            return Result.error(response.error)
        account = response.data if isinstance(response.data, dict) else {}
        if account.get("iban") != iban:
            return Result.error(__("The bank service returned another account."))
        return Result.success(__("The bank service confirmed the account."))
