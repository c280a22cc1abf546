"""Payments count once, pay documents, and become credit."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, Payment
from puqpanel.operations.billing import documents, issuing, payments
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.payments import Received
from tests.operations.billing.conftest import STAFF, credit_of, lines
from tests.operations.billing.test_issuing import problems


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def arrive(company, client, minor: int, *documents_: Any, outside_id: str = "", **more):
    return payments.receive(
        actor=STAFF,
        client_uuid=client.uuid,
        company=company,
        received=Received(Money(minor, more.pop("currency", "EUR")), "stripe", outside_id),
        documents=[document.uuid for document in documents_],
    )


def status(document) -> str:
    session().expire_all()
    return documents.find_document(document.uuid).status


def test_a_document_is_marked_paid_once(invoice, client):
    document = invoice("100")
    payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="bank statement 7")
    assert status(document) == "paid"
    with pytest.raises(ConflictError, match="Nothing is left"):
        payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="again")
    with pytest.raises(InvalidInput):
        payments.mark_paid(actor=STAFF, document_uuid=invoice("1").uuid, reason=" ")
    assert problems() == []


def test_the_identifier_of_a_payment_counts_once(invoice, client, company):
    document = invoice("100")
    first = arrive(company, client, 12300, document, outside_id="pi_1")
    assert arrive(company, client, 12300, document, outside_id="pi_1").id == first.id
    assert session().scalar(sa.select(sa.func.count(Payment.id))) == 1
    assert (status(document), credit_of(client)) == ("paid", eur(0))
    assert problems() == []


def test_a_part_stays_open_and_too_much_becomes_credit(invoice, client, company):
    first, second = invoice("100"), invoice("10")
    arrive(company, client, 2300, first)
    assert status(first) == "partly_paid"
    arrive(company, client, 12000, first, second)
    assert (status(first), status(second)) == ("paid", "paid")
    assert credit_of(client) == eur(2300 + 12000 - 12300 - 1230)
    assert problems() == []


def test_credit_pays_what_it_covers(invoice, client, company):
    document = invoice("100")
    with pytest.raises(ConflictError, match="has no credit"):
        payments.pay_from_credit(actor=STAFF, document_uuid=document.uuid)
    arrive(company, client, 5000)
    paid = payments.pay_from_credit(actor=STAFF, document_uuid=document.uuid)
    assert (paid, status(document), credit_of(client)) == (eur(5000), "partly_paid", eur(0))
    assert problems() == []


def test_other_currencies_and_clients_are_not_paid(invoice, client, company):
    document = invoice("100")
    arrive(company, client, 99999, document, currency="PLN")
    assert (status(document), credit_of(client, "PLN")) == ("issued", Money(99999, "PLN"))
    with pytest.raises(InvalidInput):
        arrive(company, client, 0, document)
    with pytest.raises(InvalidInput):
        arrive(company, client, -5, document)


def test_two_payers_at_once_pay_once(panel, invoice, client):
    document = invoice("100")
    results: list[str] = []

    def pay() -> None:
        try:
            payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash")
            results.append("paid")
        except ConflictError:
            results.append("refused")

    beside(panel, [pay] * 4)
    assert sorted(results) == ["paid", "refused", "refused", "refused"]
    assert (status(document), credit_of(client)) == ("paid", eur(0))
    assert problems() == []


def test_parallel_issues_with_failures_leave_no_gap(panel, client, company):
    uuids = [
        documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10"))).uuid
        for _ in range(20)
    ]

    def issue(uuid: str, fails: bool) -> None:
        with contextlib.suppress(ZeroDivisionError), transaction():
            issuing.issue(actor=STAFF, uuid=uuid)
            if fails:
                raise ZeroDivisionError

    beside(panel, [partial(issue, uuid, at % 3 == 0) for at, uuid in enumerate(uuids)])
    session().expire_all()
    counts = session().scalars(sa.select(Document.count).where(Document.number.is_not(None)))
    assert sorted(counts) == list(range(1, 14))
    assert problems() == []


def test_a_proforma_that_is_paid_in_parts_becomes_an_invoice(invoice, client):
    proforma = invoice("100", kind="proforma")
    for _ in range(2):
        payments.mark_paid(
            actor=STAFF, document_uuid=proforma.uuid, reason="cash", amount=eur(6150)
        )
    assert (status(proforma), credit_of(client)) == ("paid", eur(0))
    made = session().scalars(sa.select(Document).where(Document.origin_id == proforma.id)).one()
    assert (made.status, made.paid_minor) == ("paid", 12300)
    assert problems() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": eur(0)},
        {"amount": eur(10**13)},
        {"received_on": date(1900, 1, 1)},
        {"received_on": date(9999, 12, 31)},
    ],
)
def test_a_payment_that_cannot_be_is_refused(invoice, client, wrong):
    document = invoice("100")
    with pytest.raises(InvalidInput):
        payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash", **wrong)
    assert (status(document), credit_of(client)) == ("issued", eur(0))


def test_a_form_that_is_sent_twice_records_one_payment(invoice):
    document = invoice("100")
    for _ in range(2):
        payments.mark_paid(
            actor=STAFF, document_uuid=document.uuid, reason="x", amount=eur(5000), token="t"
        )
    assert session().scalar(sa.select(sa.func.count(Payment.id))) == 1


def test_money_that_arrives_stays_although_the_invoice_cannot_be_issued(
    invoice, client, company, monkeypatch
):
    proforma = invoice("100", kind="proforma")

    def refuse(*_args: Any) -> None:
        raise ConflictError("charged already")

    monkeypatch.setattr(payments, "seal", refuse)
    arrive(company, client, 12300, proforma, outside_id="pi_1")
    assert (status(proforma), credit_of(client)) == ("issued", eur(12300))
    assert problems() == []


def test_drafts_and_payments_at_once_do_not_deadlock(panel, invoice, client, company):
    unpaid = [invoice("10") for _ in range(4)]
    drafts = [
        documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("1"))).uuid
        for _ in range(4)
    ]
    works = [
        *(partial(arrive, company, client, 1230, each) for each in unpaid),
        *(partial(issuing.issue, actor=STAFF, uuid=uuid) for uuid in drafts[:2]),
        *(
            partial(documents.save_draft, actor=STAFF, uuid=uuid, draft=Draft(lines("2")))
            for uuid in drafts[2:]
        ),
    ]
    beside(panel, works)
    assert [status(each) for each in unpaid] == ["paid"] * 4
    assert problems() == []


def beside(panel: Any, works: Sequence[Callable[[], object]]) -> None:
    """Run functions at the same time, each with a session of its own."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        with panel.app_context():
            barrier.wait()
            work()

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(run, work)) for work in works
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
