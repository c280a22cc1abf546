"""SamplePayment: the client's page, signed webhook messages, and forged or invalid ones."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from puqpanel.app import Panel
from puqpanel.host import calls, languages
from puqpanel.infra import addresses
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import ModuleLog
from puqpanel.operations.billing import companies
from puqpanel.operations.modules import configured_modules, module_settings
from puqpanel.sdk import Invoice
from tests.conftest import STAFF
from tests.fakes.faults import FaultyServer, Reply, Seen
from tests.sample import activate

SECRET = "sixteen letters, and more"
IBAN = "DE89370400440532013000"


class Bank(FaultyServer):
    """A bank service with one account."""

    iban = IBAN

    def work(self, request: Seen) -> Reply:
        """Return the account for the right API key."""
        return (
            Reply.of({"iban": self.iban})
            if request.headers.get("authorization") == "Bearer bank-key-1"
            else Reply(401)
        )


class Gateway:
    """A gateway of the module, and an invoice."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        companies.save_company(actor=STAFF, uuid=None, values={"name": "Firm", "country": "DE"})
        self.module = panel.registry.modules["Payment/SamplePayment"]
        self.uuid = configured_modules.create_instance(
            actor=STAFF, module_type="Payment", module=self.module.key, title="Transfer"
        ).uuid
        self.save()
        configured_modules.switch_instance(actor=STAFF, uuid=self.uuid, active=True)
        self.invoice = replace(
            Invoice.sample(), uuid="5f0c0000-0000-4000-8000-000000000000", number="2026/7"
        )

    def save(self, **more: str) -> None:
        module_settings.save_settings(
            actor=STAFF,
            uuid=self.uuid,
            data={"holder": "Firm <b>", "iban": IBAN, "bic": "", "webhook_secret": SECRET, **more},
        )

    def show(self, invoice: Invoice | None = None, **more: Any) -> str:
        called = calls.invoke(
            calls.Call(
                self.module,
                "get_client_area_html",
                ({"invoice": invoice or self.invoice, **more},),
                instance_uuid=self.uuid,
            )
        )
        assert called.ok, called.error
        return str(called.value)

    def rows(self) -> list[Any]:
        db.session.expire_all()
        release()
        return list(
            session().execute(
                sa.text(
                    "select reference, state, transaction_id, invoice_uuid from"
                    " mod_payment_samplepayment_transfers order by id"
                )
            )
        )

    def post_webhook(
        self,
        secret: str = SECRET,
        signature: str | None = None,
        body: bytes | None = None,
        **changed: Any,
    ) -> TestResponse:
        message = {
            "id": "tx-1",
            "reference": self.rows()[0].reference,
            "amount": "21.90",
            "currency": "EUR",
            "status": "received",
            **changed,
        }
        raw = json.dumps(message).encode() if body is None else body
        signed = (
            hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
            if signature is None
            else signature
        )
        answer = self.panel.test_client().post(
            f"/webhooks/Payment/SamplePayment/{self.uuid}",
            data=raw,
            content_type="application/json",
            headers={"X-Signature": f"sha256={signed}"},
        )
        answer.get_data()
        return answer

    def logged_payments(self) -> list[str]:
        release()
        return list(
            session().scalars(sa.select(ModuleLog.action).where(ModuleLog.action.like("payment %")))
        )


@pytest.fixture
def gateway(settings: Settings, app: Panel) -> Iterator[Gateway]:
    with app.app_context():
        activate(app, STAFF, "SamplePayment", "Payment")
    panel = Live(settings).ensure()
    assert panel.registry.modules["Payment/SamplePayment"].warnings == ()
    with panel.app_context():
        yield Gateway(panel)
    dismantle(panel)


def test_client_sees_a_stable_reference(gateway: Gateway) -> None:
    page = gateway.show()
    assert gateway.show() == page
    (row,) = gateway.rows()
    assert (
        row.reference in page
        and "21.90 EUR" in page
        and IBAN in page
        and "Firm &lt;b&gt;" in page
        and SECRET not in page
    )
    assert "/modules/Payment/SamplePayment/assets/css/transfer.css?v=" in page
    with languages.using("pl"):
        assert (
            "Zapłać przelewem" in gateway.show()
            and "Faktura 2026/7 zostanie oznaczona jako opłacona" in gateway.show()
        )
    assert "20.00 EUR" in gateway.show(replace(gateway.invoice, paid=Decimal("1.90")))
    assert len(gateway.rows()) == 1


def test_sample_is_not_saved(gateway: Gateway) -> None:
    called = module_settings.preview(
        actor=STAFF, gateway=configured_modules.find_instance(gateway.uuid)
    )
    assert (
        called is not None
        and called.ok
        and "SAMPLE" in called.value
        and "21.90 EUR" in called.value
    )
    assert gateway.rows() == []


def test_valid_callback_records_the_payment(gateway: Gateway) -> None:
    gateway.show()
    answer = gateway.post_webhook()
    assert (answer.status_code, answer.json["success"]) == (200, True), answer.text
    (row,) = gateway.rows()
    assert (row.state, row.transaction_id) == ("paid", "tx-1")
    assert gateway.logged_payments() == ["payment succeeded"]
    assert gateway.post_webhook().status_code == 200
    assert gateway.post_webhook(status="returned").status_code == 200
    assert (
        gateway.rows()[0].state == "returned" and gateway.logged_payments()[-1] == "payment failed"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "another secret of a stranger"}, 401),
        ({"secret": ""}, 401),
        ({"signature": ""}, 401),
        ({"signature": "ż"}, 401),
        ({"signature": "0" * 64}, 401),
        ({"body": b"[]"}, 422),
        ({"body": b"\xff"}, 422),
        ({"body": b""}, 422),
        ({"body": b"null"}, 422),
        ({"amount": 21.9}, 422),
        ({"amount": "21.9e1"}, 422),
        ({"amount": "-21.90"}, 422),
        ({"id": ""}, 422),
        ({"status": "maybe"}, 422),
        ({"reference": "SPNOBODY"}, 404),
        ({"reference": "SP\x00"}, 422),
        ({"id": "tx\x00"}, 422),
    ],
)
def test_forged_or_invalid_callback_changes_nothing(
    gateway: Gateway, changes: dict[str, Any], code: int
) -> None:
    gateway.show()
    assert gateway.post_webhook(**changes).status_code == code
    assert gateway.rows()[0].state == "waiting" and gateway.logged_payments() == []


@pytest.mark.parametrize(
    "changed", [{"amount": "2190"}, {"amount": "21.89"}, {"currency": "USD"}, {"currency": "eur"}]
)
def test_what_arrived_is_reported_also_if_it_is_not_what_was_asked_for(
    gateway: Gateway, changed: dict[str, str]
) -> None:
    gateway.show()
    assert gateway.post_webhook(**changed).status_code == 200
    assert gateway.rows()[0].state == "paid"
    assert gateway.logged_payments() == ["payment succeeded"]


def test_signature_covers_the_raw_body(gateway: Gateway) -> None:
    gateway.show()
    raw = json.dumps(
        {
            "id": "tx-1",
            "reference": gateway.rows()[0].reference,
            "amount": "21.90",
            "currency": "EUR",
            "status": "received",
        }
    ).encode()
    signed = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
    assert gateway.post_webhook(body=raw + b" ", signature=signed).status_code == 401
    assert gateway.post_webhook(body=raw, signature=signed).status_code == 200


def test_callback_without_a_configured_secret_is_rejected(gateway: Gateway) -> None:
    gateway.show()
    with transaction():
        configured_modules.find_instance(gateway.uuid).data = {"holder": "Firm", "iban": IBAN}
    assert gateway.post_webhook(secret="").status_code == 401


def test_connection(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "No bank service is configured."
        in module_settings.test_connection(actor=STAFF, uuid=gateway.uuid).message
    )
    with Bank() as bank:
        gateway.save(bank_api=bank.url, api_key="bank-key-1")
        closed = module_settings.test_connection(actor=STAFF, uuid=gateway.uuid)
        assert not closed.ok and "not a public address" in closed.message
        monkeypatch.setattr(addresses, "_allowed", addresses.networks(["127.0.0.0/8"]))
        assert (
            module_settings.test_connection(actor=STAFF, uuid=gateway.uuid).message
            == "The bank service confirmed the account."
        )
        bank.iban = "DE00"
        assert (
            "another account"
            in module_settings.test_connection(actor=STAFF, uuid=gateway.uuid).message
        )
        bank.fail("garbage")
        assert not module_settings.test_connection(actor=STAFF, uuid=gateway.uuid).ok
        gateway.save(bank_api=bank.url, api_key="wrong-key-1")
        refused = module_settings.test_connection(actor=STAFF, uuid=gateway.uuid)
        assert not refused.ok and "401" in refused.message and "wrong-key-1" not in refused.message


def test_refund_is_not_supported(gateway: Gateway) -> None:
    called = calls.invoke(
        calls.Call(gateway.module, "refund", ("tx-1", Decimal("1.00")), instance_uuid=gateway.uuid)
    )
    assert (called.result.ok, called.result.message) == (
        False,
        "This payment module cannot refund.",
    )
