"""Credit notes sum to their invoice, in however many pieces."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.errors import ConflictError, InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.infra.db import session
from puqpanel.models import Document
from puqpanel.operations.billing import (
    credit_notes,
    documents,
    issuing,
    payments,
    taxes,
    uncredited,
)
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.billing.taxes import RateValues
from puqpanel.operations.catalog import products
from puqpanel.operations.provisioning import services
from puqpanel.operations.system import currencies
from tests.operations.billing.conftest import STAFF, change, credit_of, lines
from tests.operations.billing.test_issuing import problems
from tests.overlap import overlap


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


def credit(document: Document, **options) -> Document:
    return credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Mistake", **options)


def sums(invoice: Document) -> tuple[int, int]:
    notes = session().scalars(sa.select(Document).where(Document.corrects_id == invoice.id))
    pairs = [(note.net_minor, note.tax_minor) for note in notes]
    return sum(net for net, _ in pairs), sum(tax for _, tax in pairs)


def by_tax(*found: Document) -> Counter:
    """Return the sums of each tax."""
    amounts: Counter = Counter()
    for document in found:
        for group in document.taxes:
            for tax in group.taxes:
                amounts[group.category, tax["name"], tax["rate"]] += tax["minor"]
    return amounts


def notes_of(invoice: Document) -> list[Document]:
    session().expire_all()
    notes = sa.select(Document).where(Document.corrects_id == invoice.id)
    return list(session().scalars(notes.order_by(Document.id)))


@pytest.fixture
def mixed(client, company):
    """An invoice of 123.00 at 23 % and -21.00 at 5 %."""
    draft = Draft([*lines("100"), *lines("-20", tax_class="reduced")])
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    return issuing.issue(actor=STAFF, uuid=draft.uuid)


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
        left = uncredited.creditable(document)
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


@pytest.mark.parametrize("parts", [(1, 2, 3, 4, 5, 6, 7), (1,) * 12, (333, 333), ()])
def test_amounts_sum_to_each_tax(client, company, parts):
    for position, (name, percent) in enumerate((("GST", "5"), ("QST", "9.975")), 1):
        values = RateValues("CA", name, Decimal(percent), date(2020, 1, 1), position=position)
        taxes.save_rate(actor=STAFF, uuid=None, values=values)
    rule = {"country": "CA", "region": "", "buyer_kind": "", "category": "S", "reason": ""}
    taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **rule)
    change(client, country="CA")
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10")))
    document = issuing.issue(actor=STAFF, uuid=draft.uuid)
    for minor in (*parts, document.total.minor - sum(parts)):
        assert credit(document, amount=eur(minor)).total == eur(minor)
    assert by_tax(*notes_of(document)) == by_tax(document)
    assert problems() == []


@pytest.mark.parametrize("parts", [(), (1,), (5000, 1, 5198), (10199,)])
def test_an_amount_is_taken_from_groups_of_either_sign(mixed, parts):
    for minor in (*parts, mixed.total.minor - sum(parts)):
        assert credit(mixed, amount=eur(minor)).total == eur(minor)
    assert documents.find_document(mixed.uuid).status == "credited"
    assert by_tax(*notes_of(mixed)) == by_tax(mixed)
    assert not any(uncredited.creditable(mixed).values())
    with pytest.raises(ConflictError, match="in full"):
        credit(mixed)
    assert problems() == []


def test_lines_are_credited_by_no_more_than_the_invoice(mixed):
    with pytest.raises(InvalidInput) as raised:
        credit(mixed, lines={0: eur(10000)})
    assert "only 102.00" in str(raised.value.errors["lines"][0])
    with pytest.raises(InvalidInput):
        credit(mixed, lines={1: eur(-2000)})
    credit(mixed, lines={0: eur(10000), 1: eur(-2000)})
    assert by_tax(*notes_of(mixed)) == by_tax(mixed)
    assert problems() == []


@pytest.mark.parametrize("seed", range(5))
def test_random_pieces_of_mixed_groups_sum_to_each_tax(mixed, seed):
    chance = random.Random(seed)
    for _ in range(6):
        rest = mixed.total.minor - sum(sums(mixed))
        part = chance.randint(1, rest // 2)
        if chance.random() < 0.5:
            credit(mixed, amount=eur(part))
        else:
            left = uncredited.creditable(mixed)[0]
            credit(mixed, lines={0: eur(min(left.minor, part * 100 // 123))})
    credit(mixed)
    assert by_tax(*notes_of(mixed)) == by_tax(mixed)
    assert sums(mixed) == (mixed.net_minor, mixed.tax_minor)
    assert problems() == []


def test_an_amount_reduces_discounts_too(invoice):
    document = invoice("100", "-20", "50")
    credit(document, amount=eur(12300))
    left = [money.minor for money in uncredited.creditable(document).values()]
    assert left == [2308, -462, 1154]
    credit(document, amount=eur(13 * 1230 - 12300))
    assert not any(uncredited.creditable(document).values())
    assert problems() == []


def test_periods_that_cost_nothing_are_free_after_a_whole_credit_note(client, company):
    """Hosting for a coupon of 100 %, and a domain: both can be charged again."""
    day = date(2026, 3, 1)
    span = Span(day, date(2026, 4, 1))
    product = products.save_product(actor=STAFF, uuid=None, name="VPS", price="10", currency="EUR")
    first, second = (
        services.create_service(
            actor=STAFF, client_uuid=client.uuid, product_uuid=product.uuid, name=name
        ).id
        for name in ("a.example", "b.example")
    )

    def line(key: int, price: int) -> Line:
        return Line(
            "Hosting",
            unit_price=Decimal(price),
            service_id=key,
            kind=ChargeKind.RECURRING,
            period=span,
        )

    def issued() -> Document:
        charged = [line(first, 10), line(first, -10), line(second, 10)]
        draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(charged))
        return issuing.issue(actor=STAFF, uuid=draft.uuid)

    credit_notes.credit(actor=STAFF, uuid=issued().uuid, reason="x")
    assert issued().status == "issued"
    assert problems() == []


def test_the_price_of_a_credited_line_fits_its_column(client, company):
    currencies.add_currency(actor=STAFF, code="JPY")
    for quantity, fits in ((1, True), (2, False)):
        two = [Line("Servers", unit_price=Decimal(9_000_000_000), quantity=Decimal(quantity))]
        create = {"actor": STAFF, "client_uuid": client.uuid, "currency": "JPY"}
        if fits:
            documents.create_draft(**create, draft=Draft(two))
        else:
            with pytest.raises(InvalidInput) as refused:
                documents.create_draft(**create, draft=Draft(two))
            assert "up to" in str(refused.value.errors[""][0])


def test_a_form_that_is_sent_twice_issues_one_credit_note(panel, invoice):
    document = invoice("100")
    uuid, found = document.uuid, []

    def send() -> None:
        note = credit_notes.credit(
            actor=STAFF, uuid=uuid, reason="x", amount=eur(200), token="a form"
        )
        found.append(note.number)

    assert overlap(panel, send, send) == (None, None)
    session().expire_all()
    assert (len(found), len(set(found)), len(notes_of(document))) == (2, 1, 1)
    assert problems() == []


def test_a_token_names_a_credit_note_of_its_own_invoice_only(invoice):
    first, other = invoice("100"), invoice("50")
    notes = [
        credit(document, amount=eur(100), token=token)
        for document in (first, other)
        for token in (first.uuid, other.uuid, "x" * 64, "\x00\u202e'", "")
    ]
    assert len({note.uuid for note in notes}) == 10
    assert [note.corrects_id for note in notes] == [first.id] * 5 + [other.id] * 5
    whole = credit(first, token="whole")
    assert credit(first, token="whole").uuid == whole.uuid
    with pytest.raises(ConflictError, match="in full"):
        credit(first, token="another")
    assert problems() == []


def test_an_invoice_of_zero_is_not_credited(invoice):
    for prices in (["0"], ["10", "-10"]):
        with pytest.raises(ConflictError, match="Nothing was charged on this invoice"):
            credit(invoice(*prices))
