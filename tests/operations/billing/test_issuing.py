"""Issued documents: numbers without gaps, seals, taxes, and the ledger."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.domain.errors import ConflictError, InvalidInput, PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, LedgerEntry, Series
from puqpanel.operations.billing import books, companies, documents, issuing, payments, sealing
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import Draft
from tests.operations.billing.conftest import STAFF, change, credit_of, lines


def problems() -> list[tuple[str, str]]:
    found = [*books.check(), *books.verify()]
    return [(each.subject, str(each.text)) for step in found for each in step.problems]


def test_an_invoice_is_numbered_taxed_sealed_and_posted(invoice):
    first, second = invoice("9.99", "5"), invoice("1")
    year = datetime.now(UTC).year
    assert [first.number, second.number] == [f"INV-{year}-00001", f"INV-{year}-00002"]
    assert (str(first.net), str(first.tax), str(first.total)) == (
        "14.99 EUR",
        "3.45 EUR",
        "18.44 EUR",
    )
    assert second.before == first.digest
    entries = session().scalars(sa.select(LedgerEntry).where(LedgerEntry.document_id == first.id))
    assert [entry.minor for entry in entries] == [1844]
    assert problems() == []


def test_an_issued_document_stays_the_same_whatever_changes(invoice, client, company):
    document = invoice("10")
    before = content(documents.find_document(document.uuid))
    change(client, name="Renamed", street="Elsewhere 1", country="DE", currency="PLN")
    companies.save_company(
        actor=STAFF, uuid=company.uuid, values={"name": "Other Ltd", "country": "PL", "iban": ""}
    )
    session().expire_all()
    assert content(documents.find_document(document.uuid)) == before
    assert problems() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET notes = 'x' WHERE number LIKE '%2'",
        "UPDATE documents SET net_minor = net_minor + 1 WHERE number LIKE '%2'",
        "UPDATE document_lines SET description = 'x' WHERE document_id = (SELECT max(id) FROM documents)",
        "UPDATE documents SET number = 'INV-9' WHERE number LIKE '%2'",
        "UPDATE documents SET issued_on = '2020-01-01' WHERE number LIKE '%2'",
    ],
)
def test_a_change_by_sql_is_found(invoice, statement):
    for _ in range(3):
        invoice("10")
    with transaction() as current:
        current.execute(sa.text(statement))
    session().expire_all()
    assert problems()


@pytest.mark.parametrize("removed", [0, 1, 2])
def test_a_document_that_was_removed_is_found(invoice, removed):
    issued = [invoice("10") for _ in range(3)]
    keys, numbers = [each.id for each in issued], [each.number for each in issued]
    with transaction() as current:
        for table in ("entries", "document_lines", "document_taxes"):
            statement = sa.text(f"DELETE FROM {table} WHERE document_id = :key")
            current.execute(statement, {"key": keys[removed]})
        current.execute(sa.text("DELETE FROM documents WHERE id = :key"), {"key": keys[removed]})
    session().expire_all()
    missing = [text for _, text in problems() if "missing" in text]
    assert missing
    if removed == 2:
        assert any(f"its number is {numbers[2]}." in text for text in missing)


def test_a_second_click_is_refused(invoice):
    document = invoice("10")
    with pytest.raises(ConflictError, match="can't be changed"):
        issuing.issue(actor=STAFF, uuid=document.uuid)
    with pytest.raises(ConflictError, match="can't be changed"):
        documents.save_draft(actor=STAFF, uuid=document.uuid, draft=Draft(lines("1")))
    with pytest.raises(ConflictError, match="can't be changed"):
        documents.delete_draft(actor=STAFF, uuid=document.uuid)


def test_numbers_start_again_each_month_and_follow_the_dates(invoice, company):
    companies.save_series(
        actor=STAFF,
        company_uuid=company.uuid,
        kind="invoice",
        pattern="FV/{year}/{month}/{number:04}",
        reset="monthly",
    )
    numbers = []
    for day in ("2026-11-30T22:59:00Z", "2026-11-30T23:01:00Z", "2026-12-02T00:00:00Z"):
        with time_machine.travel(datetime.fromisoformat(day), tick=False):
            numbers.append(invoice("10").number)  # in Warsaw, an hour ahead
    assert numbers == ["FV/2026/11/0001", "FV/2026/12/0001", "FV/2026/12/0002"]
    with (
        time_machine.travel(datetime(2026, 11, 5, tzinfo=UTC), tick=False),
        pytest.raises(ConflictError, match="Check the clock"),
    ):
        invoice("10")
    assert problems() == []


def test_the_day_is_that_on_which_the_series_is_free(invoice, company, monkeypatch):
    lock = sealing.lock_series
    with time_machine.travel(datetime.fromisoformat("2026-11-30T22:59:59Z"), tick=False) as clock:

        def wait(company_id: int, kind: str):
            clock.shift(2)  # midnight in Warsaw, where somebody else issues the first of December
            series = lock(company_id, kind)
            series.last_on = date(2026, 12, 1)
            return series

        monkeypatch.setattr(sealing, "lock_series", wait)
        assert invoice("10").issued_on == date(2026, 12, 1)


def test_a_failure_leaves_no_gap(invoice, client, company, monkeypatch):
    invoice("10")
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("5")))

    def fail(*_args, **_options):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk is full"):
        patch.setattr(sealing, "_announce", fail)
        issuing.issue(actor=STAFF, uuid=draft.uuid)
    session().expire_all()
    assert documents.find_document(draft.uuid).number is None
    assert issuing.issue(actor=STAFF, uuid=draft.uuid).count == 2
    assert session().scalar(sa.select(Series.count).where(Series.kind == "invoice")) == 2


def test_taxes_follow_the_client_at_issue(client, company):
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("100")))
    assert str(draft.tax) == "23.00 EUR"
    change(client, country="DE", buyer_kind="business", vat_status="confirmed")
    issued = issuing.issue(actor=STAFF, uuid=draft.uuid)
    assert (str(issued.tax), issued.taxes[0].category) == ("0.00 EUR", "AE")
    assert "Article 196" in issued.taxes[0].reason


def test_gross_prices_stay_what_the_client_pays(client, company):
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"entry": "gross"})
    draft = documents.create_draft(
        actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("9.99", "9.99", "-0.01"))
    )
    issued = issuing.issue(actor=STAFF, uuid=draft.uuid)
    assert str(issued.total) == "19.97 EUR"
    assert sum(row.net_minor for row in issued.lines) == issued.net_minor == 1624


def test_an_invoice_of_zero_is_paid_at_once(invoice):
    assert invoice("10", "-10").status == "paid"
    assert problems() == []


def test_a_country_without_a_rate_is_a_clear_error(client, company):
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"country": "BR"})
    change(client, country="BR")
    with pytest.raises(NoTaxRateError, match="No tax rate for BR"):
        documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("1")))


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ((), "at least one line"),
        (("-1",), "negative"),
        (("10000000001",), "up to"),
        (("0.1234567",), "decimals"),
        (("10000000000",), "up to"),
    ],
)
def test_a_draft_that_cannot_be_issued_is_refused(client, company, prices, message):
    with pytest.raises(InvalidInput) as caught:
        documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines(*prices)))
    assert message in str(caught.value.errors)
    assert session().scalar(sa.select(sa.func.count(Document.id))) == 0


def test_only_those_with_the_permission_issue(client, company):
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("1")))
    writer = Principal(
        PrincipalKind.STAFF, None, "Writer", permissions=frozenset({"documents.manage"})
    )
    with pytest.raises(PermissionDenied):
        issuing.issue(actor=writer, uuid=draft.uuid)


def test_a_proforma_becomes_an_invoice_when_it_is_paid(invoice, client, company):
    proforma = invoice("100", kind="proforma")
    assert proforma.number.startswith("PF-")
    payments.mark_paid(actor=STAFF, document_uuid=proforma.uuid, reason="cash")
    session().expire_all()
    assert documents.find_document(proforma.uuid).status == "paid"
    made = session().scalars(sa.select(Document).where(Document.origin_id == proforma.id)).one()
    assert (made.kind, made.status, str(made.total)) == ("invoice", "paid", "123.00 EUR")
    assert made.number.startswith("INV-")
    assert credit_of(client) == Money.zero("EUR")
    assert problems() == []


def test_unpaid_proformas_can_be_cancelled_and_invoices_written_off(invoice):
    proforma, bad = invoice("5", kind="proforma"), invoice("5")
    issuing.cancel_proforma(actor=STAFF, uuid=proforma.uuid)
    with pytest.raises(ConflictError, match="Credit the invoice"):
        issuing.cancel_proforma(actor=STAFF, uuid=bad.uuid)
    issuing.write_off(actor=STAFF, uuid=bad.uuid, reason="bankrupt")
    with pytest.raises(ConflictError, match="unpaid invoices"):
        issuing.write_off(actor=STAFF, uuid=bad.uuid, reason="again")
    assert documents.find_document(bad.uuid).status == "written_off"
    assert problems() == []


def test_another_total_than_was_shown_issues_nothing(client, company):
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft(lines("10")))
    with pytest.raises(ConflictError, match="has changed to"):
        issuing.issue(actor=STAFF, uuid=draft.uuid, expected=Money(1, "EUR"))
    assert issuing.issue(actor=STAFF, uuid=draft.uuid, expected=Money(1230, "EUR")).count == 1


@pytest.mark.parametrize("pattern", ["INV-{year}-{number:05}", "INV-{year}-{number}"])
def test_two_kinds_of_documents_have_different_numbers(company, pattern):
    with pytest.raises(InvalidInput) as caught:
        companies.save_series(
            actor=STAFF,
            company_uuid=company.uuid,
            kind="credit_note",
            pattern=pattern,
            reset="yearly",
        )
    assert "the same numbers" in str(caught.value.errors)


def test_a_pattern_from_before_it_was_refused_still_gives_numbers(invoice, company):
    with transaction():
        series = companies.lock_series(company.id, "invoice")
        series.pattern, series.reset = "FV{year}{month:01}{number}", "monthly"
    with time_machine.travel(datetime(2026, 1, 5, 12, tzinfo=UTC), tick=False):
        numbers = [invoice("1").number for _ in range(11)]
    with time_machine.travel(datetime(2026, 11, 5, 12, tzinfo=UTC), tick=False):
        assert (numbers[-1], invoice("1").number) == ("FV2026111", "FV2026112")


def test_numbers_go_on_when_they_no_longer_restart(invoice, company):
    for _ in range(2):
        invoice("1")
    companies.save_series(
        actor=STAFF,
        company_uuid=company.uuid,
        kind="invoice",
        pattern="INV-{year}-{number:05}",
        reset="never",
    )
    assert invoice("1").count == 3


def test_a_document_without_a_place_in_its_series_is_found(invoice):
    invoice("1")
    with transaction() as current:
        current.execute(sa.text("UPDATE documents SET sequence = NULL"))
    assert ("number series" in text for _, text in problems())
    assert problems()


def test_a_document_that_is_issued_meanwhile_is_no_problem(invoice, monkeypatch):
    invoice("1")
    chunk, issued = books._chunk, []

    def read(series, sequence):
        found = chunk(series, sequence)
        if not issued and series.kind == "invoice":
            issued.append(invoice("2"))
        return found

    monkeypatch.setattr(books, "_chunk", read)
    assert [each for step in books.verify() for each in step.problems] == []
    assert issued
