"""Reports of gateways: counted once in any order, matched, parked, refunded, disputed."""

from __future__ import annotations

import itertools
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, UserError
from puqpanel.domain.money import Money
from puqpanel.domain.payment_states import RefundStatus
from puqpanel.host.contract.payments import DisputeReport, PaymentReport, RefundReport
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, ConfiguredModule, Document, Payment, PaymentAttempt, Refund
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import (
    attempts,
    credit_notes,
    documents,
    issuing,
    parked_payments,
    payment_reports,
    payments,
    refunds,
)
from puqpanel.operations.billing.awaited_payments import documents_awaiting_payment
from puqpanel.operations.billing.refund_reports import UnknownPaymentError
from tests.operations.billing.conftest import STAFF, credit_of, lines
from tests.operations.billing.test_issuing import problems
from tests.operations.billing.test_payments import beside


@pytest.fixture
def gateway(panel: Any) -> str:
    return make_gateway()


def make_gateway() -> str:
    with transaction() as current:
        row = ConfiguredModule(type="Payment", name="Coin", title="Coin", active=True, data={})
        current.add(row)
        current.flush()
        return row.uuid


def attempt(gateway: str, *rows: Document, save_method: bool = False) -> PaymentAttempt:
    """Open an attempt without asking whether the gateway is offered."""
    found = [documents.find_document(row.uuid) for row in rows]
    with transaction():
        module = session().scalars(
            sa.select(ConfiguredModule).where(ConfiguredModule.uuid == gateway)
        )
        return attempts._insert(
            module.one(), found[0].client, found, attempts.check_together(found), save_method
        )


def report(status: str = "succeeded", amount: str = "123.00", **more: Any) -> PaymentReport:
    values = {"outside_id": "pi_1", "currency": "EUR", **more}
    return PaymentReport(status=status, amount=Decimal(amount), **values)


def refund_report(status: str = "succeeded", amount: str = "123.00", **more: Any) -> RefundReport:
    values = {"payment": "pi_1", "outside_id": "re_1", "currency": "EUR", **more}
    return RefundReport(status=status, amount=Decimal(amount), **values)


def status(document: Document) -> str:
    session().expire_all()
    return documents.find_document(document.uuid).status


def rows() -> list[tuple[str, int]]:
    session().expire_all()
    found = session().scalars(sa.select(Payment).order_by(Payment.id))
    return [(row.status, row.minor) for row in found]


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["pending", "succeeded", "failed", "cancelled"]))
)
def test_every_order_of_events_ends_the_same(gateway, invoice, order):
    document = invoice("100")
    started = attempt(gateway, document)
    for each in order:
        payment_reports.record_payment(gateway, report(each, attempt=started.uuid))
        payment_reports.record_payment(gateway, report(each, attempt=started.uuid))
    assert rows() == [("succeeded", 12300)]
    assert status(document) == "paid"
    assert attempts.find_attempt(started.uuid).status == "succeeded"
    assert problems() == []


def test_an_abandoned_payment_leaves_the_document_payable(gateway, invoice):
    document = invoice("100")
    started = attempt(gateway, document)
    payment_reports.record_payment(gateway, report("pending", attempt=started.uuid))
    assert attempts.awaited_payment(document) is not None
    payment_reports.record_payment(gateway, report("cancelled", attempt=started.uuid))
    assert attempts.awaited_payment(document) is None
    assert status(document) == "issued"
    payment_reports.record_payment(gateway, report(attempt=started.uuid, outside_id="pi_2"))
    assert status(document) == "paid"
    assert problems() == []


def test_fees_are_posted_once_even_if_they_are_known_later(gateway, invoice):
    started = attempt(gateway, invoice("100"))
    payment_reports.record_payment(gateway, report(attempt=started.uuid))
    for _ in range(2):
        later = report(attempt=started.uuid, fee=Decimal("2.134"))
        payment_reports.record_payment(gateway, later)
    payment = session().scalars(sa.select(Payment)).one()
    assert payment.fee_minor == 213
    assert problems() == []


def test_too_little_too_much_and_late(gateway, invoice, client):
    document = invoice("100")
    started = attempt(gateway, document)
    payment_reports.record_payment(gateway, report(amount="23.00", attempt=started.uuid))
    assert status(document) == "partly_paid"
    assert attempts.find_attempt(started.uuid).status == "open"
    more = report(amount="150.00", attempt=started.uuid, outside_id="pi_2")
    payment_reports.record_payment(gateway, more)
    assert (status(document), credit_of(client)) == ("paid", Money(5000, "EUR"))
    late = report(amount="1.00", attempt=started.uuid, outside_id="pi_3")
    payment_reports.record_payment(gateway, late)
    assert credit_of(client) == Money(5100, "EUR")
    assert problems() == []


def test_several_documents_are_paid_at_once(gateway, invoice):
    first, second = invoice("100"), invoice("10")
    started = attempt(gateway, first, second)
    assert started.amount == Money(13530, "EUR")
    payment_reports.record_payment(gateway, report(amount="135.30", attempt=started.uuid))
    assert (status(first), status(second)) == ("paid", "paid")
    assert problems() == []


@pytest.mark.parametrize(
    "changed",
    [
        {"currency": "USD"},
        {"attempt": "", "reference": "hello"},
        {"attempt": "", "invoice": "00000000-0000-4000-8000-000000000000"},
        {"attempt": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_what_cannot_be_matched_is_parked(gateway, invoice, client, company, changed):
    document = invoice("100")
    started = attempt(gateway, document)
    values = {"attempt": started.uuid, **changed}
    payment = payment_reports.record_payment(gateway, report(**values))
    assert (payment.status, status(document)) == ("parked", "issued")
    assert str(payment.reason)
    assert parked_payments.count() == 1
    assert problems() == []
    payment_reports.record_payment(gateway, report(**values))
    assert parked_payments.count() == 1
    parked_payments.assign(
        actor=STAFF,
        uuid=payment.uuid,
        client_uuid=client.uuid,
        company_uuid=company.uuid,
        documents=[document.uuid],
        reason="asked by phone",
    )
    expected = "issued" if changed == {"currency": "USD"} else "paid"
    assert status(document) == expected
    assert problems() == []
    with pytest.raises(ConflictError, match="not parked"):
        parked_payments.dismiss(actor=STAFF, uuid=payment.uuid, reason="again")


def test_an_attempt_of_another_gateway_is_parked(gateway, invoice):
    document = invoice("100")
    started = attempt(make_gateway(), document)
    payment = payment_reports.record_payment(gateway, report(attempt=started.uuid))
    assert (payment.status, status(document)) == ("parked", "issued")
    parked_payments.dismiss(actor=STAFF, uuid=payment.uuid, reason="sent back")
    again = payment_reports.record_payment(gateway, report(attempt=started.uuid))
    assert again.status == "closed"
    assert rows() == [("closed", 12300)]
    assert problems() == []


def test_the_text_of_the_payer_is_matched(gateway, invoice):
    first, second = invoice("100"), invoice("10")
    text = f"zapłata za {first.number}, dziękuję"
    payment_reports.record_payment(gateway, report(reference=text))
    assert status(first) == "paid"
    both = report(reference=f"{first.number} {second.number}", outside_id="pi_2")
    assert payment_reports.record_payment(gateway, both).status == "parked"
    assert status(second) == "issued"


@pytest.mark.parametrize("amount", ["0", "-1", "0.001"])
def test_amounts_that_no_payment_has_are_refused(gateway, invoice, amount):
    started = attempt(gateway, invoice("100"))
    with pytest.raises(UserError):
        payment_reports.record_payment(gateway, report(amount=amount, attempt=started.uuid))
    assert rows() == []


def test_deliveries_at_once_count_once(panel, gateway, invoice):
    document = invoice("100")
    started = attempt(gateway, document)
    arrived = report(attempt=started.uuid)
    beside(panel, [partial(payment_reports.record_payment, gateway, arrived)] * 8)
    assert rows() == [("succeeded", 12300)]
    assert status(document) == "paid"
    assert problems() == []


# Refunds


def paid(gateway: str, document: Document) -> Payment:
    started = attempt(gateway, document)
    return payment_reports.record_payment(gateway, report(attempt=started.uuid))


def test_staff_refund_what_was_credited(gateway, invoice, client):
    document = invoice("100")
    payment = paid(gateway, document)
    with pytest.raises(InvalidInput) as refused:
        refunds.request(
            actor=STAFF, payment_uuid=payment.uuid, amount=Money(100, "EUR"), reason="x"
        )
    assert "credit note" in str(refused.value.errors["amount"][0])
    credit_notes.credit(
        actor=STAFF, uuid=document.uuid, amount=Money(2300, "EUR"), reason="goodwill"
    )
    refund = refunds.request(
        actor=STAFF,
        payment_uuid=payment.uuid,
        amount=Money(2300, "EUR"),
        reason="goodwill",
        outside=True,
        token="one form",
    )
    again = refunds.request(
        actor=STAFF,
        payment_uuid=payment.uuid,
        amount=Money(2300, "EUR"),
        reason="goodwill",
        outside=True,
        token="one form",
    )
    assert (again.uuid, refund.status) == (refund.uuid, "succeeded")
    assert credit_of(client) == Money(0, "EUR")
    assert problems() == []


def test_a_refund_made_at_the_provider_makes_the_invoice_payable(gateway, invoice):
    document = invoice("100")
    paid(gateway, document)
    for _ in range(2):
        payment_reports.record_all(gateway, [refund_report(amount="23.00")])
    assert status(document) == "partly_paid"
    found = documents.find_document(document.uuid)
    assert found.open == Money(2300, "EUR")
    assert problems() == []
    payment_reports.record_all(gateway, [refund_report("failed", amount="23.00")])
    assert status(document) == "paid"
    assert problems() == []


def test_a_refund_before_its_payment_waits(gateway, invoice):
    document = invoice("100")
    started = attempt(gateway, document)
    with pytest.raises(UnknownPaymentError):
        payment_reports.record_all(gateway, [refund_report()])
    both = [refund_report(), report(attempt=started.uuid)]
    payment_reports.record_all(gateway, both)
    assert status(document) == "issued"
    assert problems() == []


def test_more_than_was_paid_cannot_be_refunded(gateway, invoice):
    paid(gateway, invoice("100"))
    payment_reports.record_all(gateway, [refund_report(amount="200.00")])
    refund = session().scalars(sa.select(Refund)).one()
    assert refund.minor == 12300
    with pytest.raises(ConflictError, match="More was refunded"):
        payment_reports.record_all(gateway, [refund_report(amount="1.00", outside_id="re_2")])
    assert problems() == []


def dispute(status: str, *, withdrawn: bool) -> DisputeReport:
    return DisputeReport("pi_1", "dp_1", status, Decimal("123.00"), "EUR", withdrawn)


def test_a_dispute_takes_the_money_and_gives_it_back_when_won(gateway, invoice):
    document = invoice("100")
    paid(gateway, document)
    payment_reports.record_all(gateway, [dispute("open", withdrawn=False)])
    assert status(document) == "paid"
    for _ in range(2):
        payment_reports.record_all(gateway, [dispute("open", withdrawn=True)])
    assert status(document) == "issued"
    assert problems() == []
    for _ in range(2):
        payment_reports.record_all(gateway, [dispute("won", withdrawn=False)])
    assert status(document) == "paid"
    assert problems() == []


def test_a_lost_dispute_stays_unpaid(gateway, invoice, client):
    document = invoice("100")
    paid(gateway, document)
    payment_reports.record_all(gateway, [dispute("lost", withdrawn=True)])
    assert status(document) == "issued"
    assert credit_of(client) == Money(0, "EUR")
    assert session().scalars(sa.select(Refund)).one().status == "succeeded"
    assert problems() == []
    actions = set(session().scalars(sa.select(Audit.action)))
    assert "payment.dispute_succeeded" in actions


def test_credit_is_taken_before_documents(gateway, invoice, client, company):
    document = invoice("100")
    paid(gateway, document)
    payments.receive(
        actor=STAFF,
        client_uuid=client.uuid,
        company=company,
        received=payments.Received(Money(10000, "EUR"), "bank", "t1"),
    )
    payment_reports.record_all(gateway, [refund_report()])
    assert status(document) == "partly_paid"
    assert documents.find_document(document.uuid).open == Money(2300, "EUR")
    assert credit_of(client) == Money(0, "EUR")
    assert problems() == []


@pytest.mark.parametrize("key", ["", "named"])
def test_a_refund_that_is_known_counts_once(gateway, invoice, client, key):
    document = invoice("100")
    payment = paid(gateway, document)
    credit_notes.credit(
        actor=STAFF, uuid=document.uuid, amount=Money(2300, "EUR"), reason="goodwill"
    )
    refund = refunds.request(
        actor=STAFF,
        payment_uuid=payment.uuid,
        amount=Money(2300, "EUR"),
        reason="goodwill",
        outside=True,
    )
    given = refund_report(amount="23.00", key=refund.uuid if key else "")
    for _ in range(3):
        payment_reports.record_all(gateway, [given])
    row = session().scalars(sa.select(Refund)).one()
    assert row.outside_id == "re_1"
    assert problems() == []


def test_a_refund_without_an_identifier_counts_once(gateway, invoice):
    document = invoice("100")
    paid(gateway, document)
    for _ in range(3):
        payment_reports.record_all(gateway, [refund_report(amount="23.00", outside_id="")])
    assert documents.find_document(document.uuid).open == Money(2300, "EUR")
    assert problems() == []


def test_a_refund_that_failed_and_succeeded_after_all_is_taken(gateway, invoice):
    document = invoice("100")
    paid(gateway, document)
    for each in ("pending", "failed", "succeeded", "succeeded", "failed"):
        payment_reports.record_all(gateway, [refund_report(each, amount="23.00")])
        assert problems() == []
    statuses = session().scalars(sa.select(Refund.status).order_by(Refund.id)).all()
    assert statuses == ["failed", "succeeded"]
    assert documents.find_document(document.uuid).open == Money(2300, "EUR")


def test_two_refunds_with_the_same_identifier_do_not_crash(gateway, invoice, client):
    document = invoice("100")
    payment = paid(gateway, document)
    credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="goodwill")
    made = [
        refunds.request(
            actor=STAFF,
            payment_uuid=payment.uuid,
            amount=Money(1000, "EUR"),
            reason="goodwill",
            outside=True,
        )
        for _ in range(2)
    ]
    for each in made:
        refunds.record_outcome(uuid=each.uuid, status=RefundStatus.SUCCEEDED, outside_id="same")
    assert problems() == []


def test_a_refund_in_another_currency_is_refused(gateway, invoice):
    paid(gateway, invoice("100"))
    with pytest.raises(ConflictError, match="is in EUR"):
        payment_reports.record_all(gateway, [refund_report(currency="USD")])


@pytest.mark.parametrize(
    "order",
    [
        [("open", False), ("open", True), ("won", True), ("open", True), ("open", False)],
        [("won", False), ("open", True), ("open", False)],
        [("open", True), ("open", False), ("won", False)],
    ],
)
def test_a_dispute_that_is_won_ends_paid_in_any_order(gateway, invoice, order):
    document = invoice("100")
    paid(gateway, document)
    for each, withdrawn in order:
        payment_reports.record_all(gateway, [dispute(each, withdrawn=withdrawn)])
        assert problems() == []
    assert status(document) == "paid"


@pytest.mark.parametrize(
    "order",
    [
        [("open", True), ("open", False), ("lost", True)],
        [("open", True), ("lost", False), ("open", False)],
        [("lost", True), ("open", True), ("open", False)],
    ],
)
def test_a_dispute_that_is_lost_ends_unpaid_in_any_order(gateway, invoice, order):
    document = invoice("100")
    paid(gateway, document)
    for each, withdrawn in order:
        payment_reports.record_all(gateway, [dispute(each, withdrawn=withdrawn)])
        assert problems() == []
    assert status(document) == "issued"


def test_a_won_dispute_pays_what_credit_had_paid(gateway, invoice, client, company):
    payment_reports.record_payment(gateway, report(invoice=invoice("10").uuid))
    document = invoice("90")
    payments.pay_from_credit(actor=STAFF, document_uuid=document.uuid)
    assert status(document) == "paid"
    payment_reports.record_all(gateway, [dispute("open", withdrawn=True)])
    assert status(document) == "issued"
    payment_reports.record_all(gateway, [dispute("won", withdrawn=False)])
    assert status(document) == "paid"
    assert problems() == []


def test_a_parked_payment_that_the_gateway_returned_is_closed(gateway, invoice):
    started = attempt(make_gateway(), invoice("100"))
    payment_reports.record_payment(gateway, report(attempt=started.uuid))
    with pytest.raises(ConflictError, match="Assign the parked payment"):
        payment_reports.record_all(gateway, [refund_report(amount="23.00")])
    payment_reports.record_all(gateway, [refund_report(), refund_report()])
    assert rows() == [("closed", 12300)]
    assert problems() == []


def test_a_payment_of_a_document_without_an_attempt_is_awaited(gateway, invoice):
    document = invoice("100")
    payment_reports.record_payment(gateway, report("pending", invoice=document.uuid))
    assert documents_awaiting_payment({document.id}) == {document.id}
    payment_reports.record_payment(gateway, report())
    assert status(document) == "paid"
    assert problems() == []


def test_a_payment_that_is_reported_for_another_client_is_parked(gateway, invoice, client):
    first = invoice("100")
    payment_reports.record_payment(gateway, report("pending", invoice=first.uuid))
    other = clients.create_client(
        actor=STAFF, name="Other", email="o@example.org", country="PL", currency="EUR"
    )
    draft = documents.create_draft(
        actor=STAFF, client_uuid=other.uuid, draft=documents.Draft(lines("100"))
    )
    second = issuing.issue(actor=STAFF, uuid=draft.uuid)
    payment = payment_reports.record_payment(gateway, report(invoice=second.uuid))
    assert payment.status == "parked"
    assert problems() == []


def test_too_many_decimals_are_parked(gateway, invoice):
    document = invoice("100")
    started = attempt(gateway, document)
    payment = payment_reports.record_payment(
        gateway, report(amount="123.005", attempt=started.uuid)
    )
    assert (payment.status, payment.minor) == ("parked", 12300)
    assert "123.005" in str(payment.reason)


def test_links_that_run_scripts_are_dropped(gateway, invoice):
    started = attempt(gateway, invoice("100"))
    given = report("pending", attempt=started.uuid, action_url="javascript:alert(1)")
    assert payment_reports.record_payment(gateway, given).action_url == ""
