"""Bank transfer: clients see an account and a reference; staff import the bank's statements.

Read this file first; it refers to every other file of the module.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from puqpanel.sdk import Checkout, Payment, PaymentAttempt, Result, __, n__, now, transfer_image

from .forms.settings import SettingsForm
from .models.transfers import expected_transfer
from .services import booking
from .services.accounts import Account, account_for, parse_accounts

VIEW, MANAGE = "view-statements", "manage-statements"
SAMPLE_REFERENCE = "BT00000000"


class BankTransfer(Payment):
    """A gateway with an account for each currency."""

    SettingsForm = SettingsForm

    # Paying

    def start_payment(self, attempt: PaymentAttempt) -> Checkout:
        """Return the reference of the attempt's documents: always the same for them."""
        transfer = expected_transfer(self.instance_uuid, attempt)
        days = int(self.module_data.get("days") or 7)
        return Checkout(
            outside_id=transfer.reference,
            data={"reference": transfer.reference},
            expires_at=now() + timedelta(days=days),
        )

    def get_client_area_html(self, data: Mapping[str, Any] | None = None) -> str:
        """Return the account, the amount, the reference and a QR code."""
        data = data or {}
        invoice, attempt = data["invoice"], data.get("attempt")
        amount = attempt.amount if attempt else invoice.due_amount
        currency = attempt.currency if attempt else invoice.client.currency.code
        reference = SAMPLE_REFERENCE if data.get("sample") else invoice.number
        if attempt is not None and attempt.outside_id:
            reference = attempt.outside_id
        account = account_for(self.accounts(), currency)
        if account is None:
            return ""
        image = transfer_image(
            holder=account.holder,
            iban=account.compact if account.is_iban else "",
            bic=account.bic,
            amount=amount,
            currency=currency,
            reference=reference,
        )
        shown = {"account": account, "amount": amount, "currency": currency, "image": image}
        return self.view("client_area.pay", shown | {"reference": reference})

    def observe_payment(self, outside_id: str) -> Any:
        """Return the lines that staff confirmed for a reference; the bank is not asked."""
        return booking.reports_for(outside_id)

    def test_connection(self) -> Result:
        """Check the accounts; there is nothing to connect to."""
        try:
            accounts = parse_accounts(str(self.module_data.get("accounts") or ""))
        except ValueError as error:
            return Result.error(str(error))
        currencies = ", ".join(account.currency for account in accounts)
        return Result.success(
            __("The accounts for :currencies are valid.", {"currencies": currencies})
        )

    def accounts(self) -> list[Account]:
        """Return the accounts of the settings; none if they are invalid."""
        try:
            return parse_accounts(str(self.module_data.get("accounts") or ""))
        except ValueError:
            return []

    # The import of statements, in controllers/.

    def admin_permissions(self) -> list[dict[str, Any]]:
        """Return the permissions to view and to import and match statements."""
        return [
            {
                "name": "View bank statements",
                "key": VIEW,
                "description": "View imported statements and incoming transfers",
            },
            {
                "name": "Manage bank statements",
                "key": MANAGE,
                "description": "Import statements, and confirm or ignore incoming transfers",
            },
        ]

    def admin_sidebar(self) -> list[dict[str, Any]]:
        """Return the list of incoming transfers."""
        return [
            {
                "title": "Bank statements",
                "link": "lines",
                "active_links": ["lines", "import", "columns"],
                "permission": VIEW,
                "icon": "fas fa-building-columns",
            }
        ]

    def admin_web_routes(self) -> list[dict[str, Any]]:
        """Return the list with its decisions, the import, and the columns of CSV files."""
        return [
            _route("get", "lines", "lines", "lines", VIEW),
            _route("post", "lines", "lines.decide", "decide"),
            _route("get", "import", "import", "import_form"),
            _route("post", "import", "import.submit", "import_submit"),
            _route("get", "import/{id}", "columns", "columns_form"),
            _route("post", "import/{id}", "columns.submit", "columns_submit"),
        ]

    def scheduler(self) -> list[dict[str, Any]]:
        """Return the schedule: report confirmed transfers that could not be booked at once."""
        return [
            {
                "name": "Book confirmed bank transfers",
                "method": "book",
                "every": "15m",
                "timeout": 300,
            }
        ]

    def book(self) -> dict[str, Any]:
        """Report confirmed lines to the panel."""
        counts = booking.send({one.instance_uuid: one for one in self.instances()})
        message = n__(":count transfer booked.", ":count transfers booked.", counts["booked"])
        return {"status": "success", "message": message, "data": counts}


def _route(
    method: str, uri: str, name: str, action: str, permission: str = MANAGE
) -> dict[str, Any]:
    return {
        "method": method,
        "uri": uri,
        "name": name,
        "controller": f"StatementsController@{action}",
        "permission": permission,
    }
