"""What staff do with payments: assign parked ones, find their documents, keep gateways in use."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.host.contract.payments import DisputeReport
from puqpanel.infra.db import transaction
from puqpanel.models import PaymentMethod
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import (
    parked_payments,
    payment_reports,
    reconciliation,
    refunds,
    suggested_documents,
)
from puqpanel.operations.modules import configured_modules
from tests.operations.billing.conftest import STAFF
from tests.operations.billing.test_issuing import problems
from tests.operations.billing.test_payment_reports import (
    attempt,
    make_gateway,
    refund_report,
    report,
    status,
)


@pytest.fixture
def gateway(panel: Any) -> str:
    return make_gateway()


def eur(text: str) -> Money:
    return Money.from_major(Decimal(text), "EUR")


def test_the_fee_is_posted_once_a_payment_is_assigned(gateway, invoice, client):
    document = invoice("100")
    for _ in range(2):
        payment = payment_reports.record_payment(gateway, report(fee=Decimal("2.13")))
    assert payment.status == "parked"
    assert problems() == []
    parked_payments.assign(
        actor=STAFF, uuid=payment.uuid, client_uuid=client.uuid, documents=[document.uuid]
    )
    assert status(document) == "paid"
    payment_reports.record_payment(gateway, report(fee=Decimal("2.13")))
    (month,) = reconciliation.months(payment.received_on.year)
    assert (month.received, month.fees, month.balance) == (eur("123"), eur("2.13"), eur("120.87"))
    assert problems() == []


def test_documents_of_others_are_not_paid(gateway, invoice, client):
    document = invoice("100")
    payment = payment_reports.record_payment(gateway, report())
    other = clients.create_client(actor=STAFF, name="Other", email="o@example.org", currency="EUR")
    with pytest.raises(InvalidInput) as refused:
        parked_payments.assign(
            actor=STAFF, uuid=payment.uuid, client_uuid=other.uuid, documents=[document.uuid]
        )
    assert "one company issued" in str(refused.value.errors["documents"][0])
    assert refunds.find_payment(payment.uuid).status == "parked"
    assert refunds.find_payment(payment.uuid).client_id is None


def test_documents_are_suggested_by_number_and_by_amount(gateway, invoice):
    same, named, other = invoice("100"), invoice("10"), invoice("20")
    text = f"{other.number}, {named.number}"
    payment = payment_reports.record_payment(gateway, report(reference=text, amount="123.00"))
    found = suggested_documents.suggestions(payment)
    assert [row.document.id for row in found] == [other.id, named.id, same.id]
    payment = payment_reports.record_payment(
        gateway, report(reference=text, amount="12.30", outside_id="pi_2")
    )
    assert suggested_documents.suggestions(payment)[0].document.id == named.id
    paid = report(reference=same.number, outside_id="pi_3")
    payment_reports.record_payment(gateway, paid)
    payment = payment_reports.record_payment(gateway, report(outside_id="pi_4"))
    assert suggested_documents.suggestions(payment) == []


def test_a_payment_is_sent_back(gateway, invoice):
    payment = payment_reports.record_payment(gateway, report())
    with pytest.raises(InvalidInput):
        parked_payments.dismiss(actor=STAFF, uuid=payment.uuid, reason=" ", sent_back=True)
    parked_payments.dismiss(actor=STAFF, uuid=payment.uuid, reason="line 31", sent_back=True)
    # customers see the reason of a payment; what staff entered is in the activity log
    assert str(refunds.find_payment(payment.uuid).reason) == "Sent back to the payer."
    assert parked_payments.count() == 0


def test_a_gateway_in_use_is_not_deleted(gateway, invoice, client):
    by_attempt, by_method, unused = make_gateway(), make_gateway(), make_gateway()
    payment_reports.record_payment(gateway, report())
    attempt(by_attempt, invoice("100"))
    with transaction() as current:
        current.add(PaymentMethod(gateway=by_method, client_id=client.id, outside_id="pm_1"))
    for uuid in (gateway, by_attempt, by_method):
        with pytest.raises(ConflictError, match="Disable it instead"):
            configured_modules.delete_instance(actor=STAFF, uuid=uuid)
    configured_modules.delete_instance(actor=STAFF, uuid=unused)
    left = {row.uuid for row in configured_modules.list_instances("Payment")}
    assert left == {gateway, by_attempt, by_method}


def test_reconciliation_reads_the_ledger_by_month(gateway, invoice):
    first, second = invoice("100"), invoice("100")
    for at, document in enumerate((first, second)):
        paid = report(invoice=document.uuid, outside_id=f"pi_{at}", paid_on=date(2025, 5, 3))
        payment_reports.record_payment(gateway, paid)
    payment_reports.record_all(
        gateway,
        [
            refund_report(payment="pi_0", amount="23.00"),
            DisputeReport("pi_1", "dp_1", "open", Decimal("123.00"), "EUR", withdrawn=True),
        ],
    )
    (may,) = reconciliation.months(2025)
    assert (may.month, may.received, may.balance) == (date(2025, 5, 1), eur("246"), eur("246"))
    year = reconciliation.years()[0]
    assert 2025 in reconciliation.years()
    (later,) = reconciliation.months(year)
    assert (later.received, later.refunds, later.disputes) == (eur("0"), eur("23"), eur("123"))
    assert later.balance == eur("100")
    won = DisputeReport("pi_1", "dp_1", "won", Decimal("123.00"), "EUR", withdrawn=False)
    payment_reports.record_all(gateway, [won])
    (later,) = reconciliation.months(year)
    assert (later.disputes, later.balance) == (eur("0"), eur("223"))
