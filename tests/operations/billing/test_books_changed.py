"""`puqpanel books check` finds what SQL changes, and names the document and the client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.domain.money import Money
from puqpanel.infra.db import session, transaction
from puqpanel.models import Charge, Document, LedgerEntry, Payment, Posting
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, credit, credit_notes, issuing, payments
from puqpanel.operations.billing.payments import Received
from tests.operations.billing.conftest import STAFF
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.test_orders import Choice, place, product  # noqa: F401
from tests.sample import SELLER

FIRST, SECOND = (datetime(2026, 1, day, 10, tzinfo=UTC) for day in (5, 7))
Rows = dict[str, Any]
Change = Callable[[Rows], list[Any]]


@pytest.fixture
def rows(client, company, invoice, product) -> Rows:  # noqa: F811
    """Documents in all states, a payment that stays credit, and their postings."""
    other = clients.create_client(
        actor=STAFF, name="Other", email="other@example.test", country="PL", currency="EUR"
    )
    seller = {**SELLER, "name": "Second", "country": "PL", "vat_number": ""}
    second = companies.save_company(
        actor=STAFF, uuid=None, values={**seller, "tax_number": "1234563218"}
    )
    rows: Rows = {"client": client, "other": other, "second": second}
    with time_machine.travel(FIRST, tick=False):
        rows["open"] = invoice("10", "5")
    with time_machine.travel(SECOND, tick=False):
        rows["paid"], rows["lost"] = invoice("20"), invoice("30")
        paid(rows["paid"])
        issuing.write_off(actor=STAFF, uuid=rows["lost"].uuid, reason="Insolvent")
        rows["note"] = noted(rows["open"], 100)
        rows["payment"] = payments.receive(
            actor=STAFF,
            client_uuid=client.uuid,
            company=company,
            received=Received(Money(7000, "EUR"), outside_id="surplus"),
        )
        credit.refund_credit(
            actor=STAFF,
            client_uuid=client.uuid,
            amount=Money(500, "EUR"),
            reason="Moved",
            token="r",
        )
        rows["proforma"] = invoice("40", kind="proforma")
        paid(rows["proforma"])
        rows["unpaid proforma"] = invoice("41", kind="proforma")
        order = place(client, Choice(product, "monthly"))
        rows["order"], rows["service"] = order.document, order.items[0].service
        paid(rows["order"])
        rows["refund"] = noted(rows["paid"], 1000)
    query = sa.select(Payment).where(Payment.allocations.any(document_id=rows["paid"].id))
    rows["allocated"] = session().scalars(query).one()
    ids = {name: sa.inspect(row).identity for name, row in rows.items()}
    session().expire_all()
    assert problems() == []
    return {name: session().get_one(type(rows[name]), each) for name, each in ids.items()}


def paid(document: Document) -> None:
    payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="Statement 1")


def noted(document: Document, minor: int) -> Document:
    amount = Money(minor, "EUR")
    return credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Outage", amount=amount)


def put(model: Any, name: str, **values: Any) -> Change:
    """Change columns of a row, or of the charges of a document."""

    def change(rows: Rows) -> list[Any]:
        column = Charge.document_id if model is Charge else model.id
        chosen = {key: rows[each].id for key, each in values.items() if key.endswith("_id")}
        return [sa.update(model).where(column == rows[name].id).values({**values, **chosen})]

    return change


def posting(key: str, rows: Rows) -> int:
    """Return the id of the posting of `invoice:open`, or of a key that names no row."""
    kind, _, name = key.partition(":")
    full = f"{kind}:{rows[name].uuid}" if name in rows else key
    return int(session().scalars(sa.select(Posting.id).where(Posting.key == full)).one())


def put_posting(key: str, **values: Any) -> Change:
    def change(rows: Rows) -> list[Any]:
        chosen = {name: rows[each].id for name, each in values.items() if name.endswith("_id")}
        where = Posting.id == posting(key, rows)
        return [sa.update(Posting).where(where).values({**values, **chosen})]

    return change


def put_entries(key: str, account: str = "", **values: Any) -> Change:
    def change(rows: Rows) -> list[Any]:
        chosen = {name: rows[each].id for name, each in values.items() if name.endswith("_id")}
        if "more" in values:
            chosen = {"minor": LedgerEntry.minor + values["more"]}
        where = LedgerEntry.posting_id == posting(key, rows)
        if account:
            where &= LedgerEntry.account == account
        return [sa.update(LedgerEntry).where(where).values(chosen)]

    return change


def remove(key: str, account: str = "") -> Change:
    """Delete a posting, or its entry on an account."""

    def change(rows: Rows) -> list[Any]:
        found = posting(key, rows)
        entries = sa.delete(LedgerEntry).where(LedgerEntry.posting_id == found)
        if account:
            return [entries.where(LedgerEntry.account == account)]
        return [entries, sa.delete(Posting).where(Posting.id == found)]

    return change


def invent(rows: Rows) -> list[Any]:
    """Give a client credit."""
    key, client = "credit_refund:free", rows["client"].id
    values = {"company_id": rows["open"].company_id, "client_id": client, "day": SECOND.date()}
    found = sa.select(Posting.id).where(Posting.key == key).scalar_subquery()
    entry = {"client_id": client, "gateway": "", "currency": "EUR", "posting_id": found}
    return [
        sa.insert(Posting).values(key=key, created_at=SECOND, **values),
        sa.insert(LedgerEntry).values(**entry, account="credit", minor=-5000),
        sa.insert(LedgerEntry).values(**entry, account="fees", minor=5000),
    ]


def charge_again(rows: Rows) -> list[Any]:
    values = {"service_id": rows["service"].id, "document_id": rows["open"].id, "currency": "EUR"}
    return [
        sa.insert(Charge).values(
            **values, kind="recurring", period_start=date(2026, 5, 1), amount_minor=9900
        )
    ]


def remove_payment(rows: Rows) -> list[Any]:
    where = Payment.id == rows["payment"].id
    return [*remove("payment::surplus")(rows), sa.delete(Payment).where(where)]


def both(*changes: Change) -> Change:
    return lambda rows: [statement for change in changes for statement in change(rows)]


NOT_POSTED = "It was not posted to the ledger."
OTHER_CLIENT = "It is posted to another client."
MISPLACED = "An entry of its posting has another client, company, currency or document."
UNEXPLAINED = "No document, payment or refund explains this posting."
PAYMENT = "payment of 70.00 EUR, 2026-01-07"
CASES: dict[str, tuple[Change, str, str]] = {
    "invoice to draft": (
        put(Document, "open", status="draft"),
        "open",
        "Its status is “draft”, but should be “partly_paid”.",
    ),
    "invoice to cancelled": (
        put(Document, "open", status="cancelled"),
        "open",
        "Its status is “cancelled”, but should be “partly_paid”.",
    ),
    "invoice to written off": (
        put(Document, "open", status="written_off"),
        "open",
        "Its status is “written_off”, but should be “partly_paid”.",
    ),
    "paid proforma to issued": (
        put(Document, "proforma", status="issued"),
        "proforma",
        "Its status is “issued”, but should be “paid”.",
    ),
    "open proforma to paid": (
        put(Document, "unpaid proforma", status="paid"),
        "unpaid proforma",
        "Its status is “paid”, but should be “issued”.",
    ),
    "open proforma paid": (
        put(Document, "unpaid proforma", status="paid", paid_minor=5043),
        "unpaid proforma",
        "What was paid on it does not agree with its invoice.",
    ),
    "invoice and entries to another client": (
        both(
            put(Document, "open", client_id="other"), put_entries("invoice:open", client_id="other")
        ),
        "open",
        OTHER_CLIENT,
    ),
    "credit to another client": (
        put_entries("payment::surplus", client_id="other"),
        "payment::surplus",
        MISPLACED,
    ),
    "posting to another client": (
        put_posting("invoice:open", client_id="other"),
        "open",
        OTHER_CLIENT,
    ),
    "credit note unposted": (remove("credit_note:refund"), "refund", NOT_POSTED),
    "refund unposted": (
        remove("credit_refund:r"),
        "",
        "0 refunds of credit are in the books, but 1 in the activity log.",
    ),
    "payment and posting deleted": (
        remove_payment,
        "",
        "3 payments are in the books, but 4 in the activity log.",
    ),
    "payment to another client": (
        put(Payment, "payment", client_id="other"),
        PAYMENT,
        OTHER_CLIENT,
    ),
    "allocated payment to another client": (
        put(Payment, "allocated", client_id="other"),
        "paid",
        "A payment of another client or currency was allocated to it.",
    ),
    "payment to failed": (
        put(Payment, "payment", status="failed"),
        "payment::surplus",
        UNEXPLAINED,
    ),
    "income to tax": (
        both(
            put_entries("invoice:open", "income", more=-100),
            put_entries("invoice:open", "tax", more=100),
        ),
        "open",
        "Its posting has -16.00 EUR on the account “income”, but should have -15.00 EUR.",
    ),
    "credit note raised": (
        both(
            put_entries("credit_note:refund", "credit", more=-100),
            put_entries("credit_note:refund", "income", more=100),
        ),
        "refund",
        "Its posting has 9.13 EUR on the account “income”, but should have 8.13 EUR.",
    ),
    "write-off raised": (
        both(
            put_entries("write_off:lost", "write_off", more=100),
            put_entries("write_off:lost", "receivable", more=-100),
        ),
        "lost",
        "Its posting has -37.90 EUR on the account “receivable”, but should have -36.90 EUR.",
    ),
    "day of an invoice": (
        put_posting("invoice:open", day=date(2025, 1, 1)),
        "open",
        "It is dated 5 Jan 2026, but posted on 1 Jan 2025.",
    ),
    "days swapped": (
        both(
            put_posting("invoice:open", day=SECOND.date()),
            put_posting("invoice:paid", day=FIRST.date()),
        ),
        "paid",
        "It is dated 7 Jan 2026, but posted on 5 Jan 2026.",
    ),
    "day of a payment": (
        put_posting("payment::surplus", day=date(2025, 1, 1)),
        PAYMENT,
        "It is dated 7 Jan 2026, but posted on 1 Jan 2025.",
    ),
    "day of a refund": (
        put_posting("credit_refund:r", day=date(2025, 1, 1)),
        "credit_refund:r",
        "It is posted on 1 Jan 2025, but was written on 7 Jan 2026.",
    ),
    "payment to another company": (
        put_posting("payment::surplus", company_id="second"),
        PAYMENT,
        "It is posted in another company's books.",
    ),
    "invented credit": (invent, "credit_refund:free", UNEXPLAINED),
    "charge reversed": (
        put(Charge, "order", live=None),
        "order",
        "The charge of “{service}” was reversed without a credit note.",
    ),
    "charge changed": (
        put(Charge, "order", amount_minor=1),
        "order",
        "“{service}” is {price} on its lines, but 0.01 EUR was charged.",
    ),
    "charge of other days": (
        put(Charge, "order", period_start=date(2020, 1, 1), period_end=date(2020, 2, 1)),
        "order",
        "“{service}” is charged for other days than those of its lines.",
    ),
    "charge without a line": (
        charge_again,
        "open",
        "“{service}” is charged, but is on none of its lines.",
    ),
    "entry deleted": (
        remove("invoice:open", "income"),
        "open",
        "The entries of its posting sum to 15.00 EUR.",
    ),
}


@pytest.mark.postgresql
@pytest.mark.mariadb
@pytest.mark.parametrize("name", CASES)
def test_a_change_by_sql_is_found(rows: Rows, name: str) -> None:
    change, subject, text = CASES[name]
    price = session().scalar(sa.select(sa.func.max(Charge.amount_minor)))
    text = text.format(service=rows["service"].name, price=Money(price, "EUR"))
    subject = rows[subject].number if subject in rows else subject
    owners = [rows["client"].name, rows["other"].name]
    subjects = {f"{subject}, {owner}" if subject else owner for owner in owners}
    with transaction() as current:
        for statement in change(rows):
            current.execute(statement)
    session().expire_all()
    assert subjects & {about for about, problem in problems() if problem == text}
