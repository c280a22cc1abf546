"""Bank transfer: clients see where to pay and under which reference; the bank's service says by
webhook when the money is there.

Read this file first; it names every other file of the module.
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

from .forms import SettingsForm, iban_is_right
from .models.transfers import Transfer, awaited, note_outcome

SIGNATURE = "X-Signature"
MESSAGE = {
    "id": "required|string|max:100|regex:/^[!-~]+$/",
    "reference": "required|alpha_dash|max:20",
    "amount": r"required|string|regex:/^\d{1,9}(\.\d{1,2})?$/",
    "currency": "required|string|min:3|max:3",
    "status": "required|in:received,returned",
}


class SamplePayment(Payment):
    """A gateway for each bank account."""

    # 1. What staff fill in for a gateway: the panel draws the form, checks it, and stores the
    # answers encrypted.
    # During every call they are in self.module_data, and the gateway's uuid is in
    # self.instance_uuid.

    SettingsForm = SettingsForm

    # 2. What a client sees on an invoice.

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """The account, the amount and the reference; views/client_area/pay.html draws them."""
        invoice: Invoice = (data or {})["invoice"]
        # Staff may look at this page with an invoice that nobody has: nothing is kept for that.
        reference = (
            "SAMPLE"
            if (data or {}).get("sample")
            else awaited(self.instance_uuid, invoice).reference
        )
        return self.view(
            "client_area.pay",
            {"invoice": invoice, "reference": reference, "account": self.module_data},
        )

    # 3. What the bank's service tells us. Anybody can call this address: the signature says whether
    # it is the bank.

    def api_webhook_post(self, request: Request) -> Any:
        """A transfer came, or went back. Told twice, it leaves the same."""
        if not self._signed(request):
            return json_error(__("The signature is missing or wrong."), 401)
        # Only the body is signed; what stands in the address is not, so request.all() would be
        # wrong here.
        body = request.get_json(silent=True)
        check = Validator.make(body if isinstance(body, dict) else {}, MESSAGE)
        if check.fails():
            return json_error(__("The message is not complete."), 422, check.errors)
        said = check.validated()
        transfer = Transfer.find(self.instance_uuid, said["reference"])
        if transfer is None:
            return json_error(__("Nobody pays under this reference."), 404)
        amount = Decimal(said["amount"])
        if (amount, said["currency"]) != (transfer.amount, transfer.currency):
            self.log_error("wrong amount", said, f"awaited: {transfer.amount} {transfer.currency}")
            return json_error(__("This is not the amount that is awaited."), 422)
        payment = {
            "invoice_uuid": transfer.invoice_uuid,
            "transaction_id": said["id"],
            "amount": amount,
            "currency": said["currency"],
            "reference": transfer.reference,
        }
        received = said["status"] == "received"
        # The panel first: when it fails, the bank tells us again, and nothing is lost.
        result = Result.of(
            self.on_payment_success(payment) if received else self.on_payment_failed(payment)
        )
        if not result.ok:
            return json_error(result.message, 500)
        note_outcome(transfer, "paid" if received else "returned", said["id"])
        return json_success(message=__("Noted."))

    def _signed(self, request: Request) -> bool:
        """Whether the header holds the HMAC-SHA256 of the body, byte for byte as it came, under
        the gateway's secret.
        """
        secret = str(self.module_data.get("webhook_secret") or "")
        if not secret:
            return False  # an empty key would let anybody sign
        wanted = hmac.new(secret.encode(), request.get_data(), hashlib.sha256).hexdigest()
        given = request.headers.get(SIGNATURE, "").removeprefix("sha256=")
        return hmac.compare_digest(wanted.encode(), given.encode())

    # 4. Whether what is stored works: staff press “Test connection” and read this sentence.

    def test_connection(self) -> Result:
        """Asks the bank's service for the account, where there is one to ask."""
        if not iban_is_right(str(self.module_data.get("iban") or "")):
            return Result.error(__("The IBAN is not right."))
        address = self.module_data.get("bank_api")
        if not address:
            return Result.success(__("The IBAN is right. There is no bank service to ask."))
        with http.session(
            address, bearer=self.module_data.get("api_key"), policy=http.public_only()
        ) as bank:
            answer = bank.get("/account")
        if not answer.ok:
            return Result.error(answer.error)
        told = answer.data.get("iban") if isinstance(answer.data, dict) else None
        if told != self.module_data["iban"]:
            return Result.error(__("The bank's service answers for another account."))
        return Result.success(__("The bank's service knows this account."))
