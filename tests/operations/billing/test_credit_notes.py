"""Credit notes sum to their invoice, in however many pieces."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.infra.db import session
from puqpanel.models import Document
from puqpanel.operations.billing import credit_notes, documents, issuing, payments
from tests.operations.billing.conftest import STAFF, credit_of
from tests.operations.billing.test_issuing import problems


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def credit(document: Document, **options) -> Document:
    return credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Mistake", **options)


def sums(invoice: Document) -> tuple[int, int]:
    notes = session().scalars(sa.select(Document).where(Document.corrects_id == invoice.id))
    pairs = [(note.net_minor, note.tax_minor) for note in notes]
    return sum(net for net, _ in pairs), sum(tax for _, tax in pairs)


def test_a_whole_credit_note_of_an_unpaid_invoice_leaves_nothing_to_pay(invoice, client):
    document = invoice("0.99", "0.99", "0.99", "0.99")
    note = credit(document)
    assert note.number.startswith("CN-")
    assert (note.net, note.tax) == (document.net, document.tax)
    assert (documents.find_document(document.uuid).status, credit_of(client)) == (
        "credited",
        eur(0),
    )
    with pytest.raises(ConflictError, match="in full"):
        credit(document)
    assert problems() == []


def test_what_was_paid_becomes_credit(invoice, client):
    document = invoice("100")
    payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash", amount=eur(10000))
    credit(document, amount=eur(6150))
    assert credit_of(client) == eur(6150 - 2300)
    credit(document)
    assert (sums(document), credit_of(client)) == ((10000, 2300), eur(10000))
    assert documents.find_document(document.uuid).status == "credited"
    assert problems() == []


def test_a_paid_invoice_is_credited_once_nothing_is_left(invoice):
    document = invoice("100")
    payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash")
    for minor, status in ((5000, "paid"), (7299, "paid"), (1, "credited")):
        credit(document, amount=eur(minor))
        session().expire_all()
        assert documents.find_document(document.uuid).status == status
    assert problems() == []


def test_four_lines_credited_one_by_one_sum_to_the_cent(invoice):
    document = invoice("0.99", "0.99", "0.99", "0.99")
    for at in range(4):
        credit(document, lines={at: eur(99)})
    assert sums(document) == (396, document.tax_minor)
    assert problems() == []


@pytest.mark.parametrize("seed", range(5))
def test_random_pieces_sum_to_the_invoice(invoice, seed):
    chance = random.Random(seed)
    document = invoice(*(f"{chance.randint(1, 9999) / 100:.2f}" for _ in range(5)))
    for _ in range(4):
        left = credit_notes.creditable(document)
        if chance.random() < 0.5:
            rest = document.total - Money(sum(sums(document)), "EUR")
            credit(document, amount=eur(chance.randint(1, max(1, rest.minor // 2))))
        elif open_lines := [at for at, money in left.items() if money]:
            at = chance.choice(open_lines)
            credit(document, lines={at: eur(chance.randint(1, left[at].minor))})
    if sum(sums(document)) < document.total.minor:
        credit(document)
    assert sums(document) == (document.net_minor, document.tax_minor)
    assert problems() == []


def test_more_than_is_left_is_refused(invoice):
    document = invoice("10", "20")
    with pytest.raises(InvalidInput):
        credit(document, amount=eur(3691))
    with pytest.raises(InvalidInput):
        credit(document, lines={0: eur(1001)})
    with pytest.raises(InvalidInput):
        credit(document, lines={7: eur(1)})
    credit(document, lines={0: eur(1000)})
    with pytest.raises(InvalidInput):
        credit(document, lines={0: eur(1)})
    with pytest.raises(InvalidInput):
        credit_notes.credit(actor=STAFF, uuid=document.uuid, reason=" ")
    assert problems() == []


def test_only_issued_invoices_are_credited(invoice):
    with pytest.raises(ConflictError, match="issued invoices"):
        credit(invoice("10", kind="proforma"))
    note = credit(invoice("10"))
    with pytest.raises(ConflictError, match="issued invoices"):
        credit(note)


def test_what_was_written_off_is_not_owed_to_the_client(invoice, client):
    document = invoice("100")
    issuing.write_off(actor=STAFF, uuid=document.uuid, reason="bankrupt")
    credit(document, amount=eur(2300))
    credit(document)
    assert credit_of(client) == eur(0)
    assert documents.find_document(document.uuid).status == "credited"
    assert problems() == []


def test_a_discount_is_credited_with_what_it_reduces(invoice):
    document = invoice("100", "-10")
    with pytest.raises(InvalidInput):
        credit(document, lines={0: eur(10000)})
    with pytest.raises(InvalidInput):
        credit(document, lines={1: eur(-1000)})
    credit(document, lines={0: eur(10000), 1: eur(-1000)})
    assert sums(document) == (9000, 2070)
    assert problems() == []


def test_an_amount_is_credited_exactly(invoice):
    document = invoice("10", "0.37")
    for minor in (1, 3, 8, 19, 100, 333):
        assert credit(document, amount=eur(minor)).total == eur(minor)
    credit(document)
    assert sums(document) == (document.net_minor, document.tax_minor)
    assert problems() == []
