"""Many documents at once: the same rows as one by one, each once, whatever stops a run."""

from __future__ import annotations

import contextvars
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.app import Panel
from puqpanel.domain.charges import ChargeKind
from puqpanel.domain.errors import PermissionDenied
from puqpanel.domain.money import Money
from puqpanel.domain.periods import Span
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.tax_rules import NoTaxRateError
from puqpanel.infra import events
from puqpanel.infra.db import adopt_engines, end_session, release, session, transaction
from puqpanel.models import (
    Audit,
    Charge,
    Client,
    Company,
    Document,
    DocumentLineRow,
    DocumentTax,
    LedgerEntry,
    Posting,
    Series,
    Service,
)
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import books, bulk_issuing, companies, documents, issuing, ledger
from puqpanel.operations.billing.bulk_issuing import NewDocument, issue_drafts, issue_new
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.catalog import products
from tests.operations.billing.conftest import STAFF, change, lines
from tests.sample import SELLER

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TABLES = (
    *(Document, DocumentLineRow, DocumentTax, Charge),
    *(Posting, LedgerEntry, Audit, Series),
)


def problems() -> list[tuple[str, str]]:
    session().expire_all()
    found = [*books.check(), *books.verify()]
    return [(each.subject, str(each.text)) for step in found for each in step.problems]


def draft(client: Client, *of: Line, **options: Any) -> str:
    fields = {name: options.pop(name) for name in ("notes", "reference") if name in options}
    made = documents.create_draft(
        actor=STAFF, client_uuid=client.uuid, draft=Draft(of or lines("10"), **fields), **options
    )
    return made.uuid


def service_line(service: Service, month: int, minor: int = 1000, **values: Any) -> Line:
    span = Span(date(2026, month, 1), date(2026, month, 28))
    given: dict[str, Any] = {"kind": ChargeKind.RECURRING, "period": span}
    return Line(
        f"{service.name} in month {month}",
        Decimal(minor) / 100,
        amount=Money(minor, "EUR"),
        service_id=service.id,
        **(given | values),
    )


@pytest.fixture
def buyers(client: Client, company: Company) -> list[Client]:
    """Consumers and businesses of several countries, one with a language of its own."""
    created = [client]
    for name, country in (("Berg GmbH", "DE"), ("Nowak", "PL"), ("Hansen", "NO")):
        row = clients.create_client(
            actor=STAFF, name=name, email=f"{name[:4]}@example.org", country=country, currency="EUR"
        )
        created.append(clients.find_client(row.uuid))
    change(created[1], buyer_kind="business", vat_status="confirmed", vat_number="DE136695976")
    change(created[2], language="pl", reference="PO 7", company="Nowak s.c.")
    return created


@pytest.fixture
def services(buyers: list[Client]) -> list[Service]:
    """A service for each buyer."""
    product = products.save_product(actor=STAFF, uuid=None, name="Cloud", price="10")
    with transaction() as current:
        rows = [
            Service(client_id=buyer.id, product_id=product.id, name=f"www{buyer.id}")
            for buyer in buyers
        ]
        current.add_all(rows)
    return rows


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """The events that are raised."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    recorders = [*events._recorders, lambda name, payload: found.append((name, payload))]
    monkeypatch.setattr(events, "_recorders", recorders)
    return found


class Undo(Exception):
    """Ends a transaction whose rows were read."""


def written(run: Callable[[], object]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables after a run, which is undone, without generated ids."""
    tables: dict[str, list[dict[str, Any]]] = {}
    try:
        with transaction() as current:
            run()
            current.flush()
            keys = {row[0]: row[1] for row in current.execute(sa.select(Posting.id, Posting.key))}
            numbers = {
                row[0]: row[1] for row in current.execute(sa.select(Document.id, Document.number))
            }
            for model in TABLES:
                columns = model.__table__.c
                rows = current.execute(sa.select(*columns).order_by(columns.id)).mappings()
                tables[model.__tablename__] = [
                    {name: value for name, value in row.items() if name != "id"}
                    | ({"posting_id": keys[row["posting_id"]]} if "posting_id" in row else {})
                    | (
                        {"document_id": numbers.get(row["document_id"])}
                        if "document_id" in row
                        else {}
                    )
                    for row in rows
                ]
            raise Undo
    except Undo:
        session().expire_all()
    return tables


def in_file_order(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return lines and taxes by document and position, as they are read."""
    for name in ("document_lines", "document_taxes"):
        tables[name].sort(key=lambda row: (str(row["document_id"]), row["position"]))
    return tables


@pytest.fixture
def drafts(buyers: list[Client], services: list[Service], company: Company) -> list[str]:
    """Drafts of all kinds."""
    other = companies.save_company(
        actor=STAFF,
        uuid=None,
        values={
            **SELLER,
            "name": "Gross Ltd",
            "country": "PL",
            "entry": "gross",
            "zone": "Asia/Tokyo",
        },
    )
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"notes": "Thank you"})
    first, second, third, fourth = buyers
    made = [
        draft(first, *lines("9.99", "5"), notes="By the way"),
        draft(second, *lines("100", "0.333333"), reference="PO 1"),
        draft(third, *lines("9.99", "9.99", "-0.01"), company_uuid=other.uuid),
        draft(fourth, *lines("10", "-10")),
        draft(first, *lines("3"), kind="proforma"),
        draft(second, *lines("7", tax_class="reduced"), *lines("8"), currency="USD"),
        draft(
            first,
            service_line(services[0], 1),
            service_line(services[0], 1, -200),
            service_line(services[0], 1, 50, kind=ChargeKind.SETUP, period=None),
        ),
        draft(third, service_line(services[2], 2, explanation={"change": "x" * 36})),
        draft(first, service_line(services[0], 1)),  # charges the same period again
        draft(third, *lines("20")),
    ]
    change(third, country="DE")  # so the taxes of its drafts change
    return made


def test_drafts_become_the_same_rows_as_one_by_one(drafts, raised):
    """All columns of all tables are the same, with numbers, digests and audit."""
    refused: list[str] = []

    def one_by_one() -> None:
        for uuid in drafts:
            try:
                issuing.issue(actor=STAFF, uuid=uuid)
            except Exception as error:
                refused.append(str(error))

    with time_machine.travel(NOON, tick=False):
        single = written(one_by_one)
        single_events, raised[:] = list(raised), []
        results: list[Any] = []
        bulk = written(lambda: results.append(issue_drafts(actor=STAFF, uuids=drafts)))
    assert in_file_order(bulk) == in_file_order(single)
    assert raised == single_events and len(raised) == len(drafts)  # one refused, one paid at once
    assert len([row for row in bulk["documents"] if row["digest"]]) == len(drafts) - 1
    assert results[0].issued == len(drafts) - 1
    assert [(uuid, str(text)) for uuid, text in results[0].refused] == [(drafts[8], refused[0])]
    assert "already been charged" in refused[0]


def test_new_documents_are_the_same_as_quoted_ones(buyers, services, company, raised):
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"notes": "Thank you"})
    contents = [
        NewDocument(company.id, service.client_id, [service_line(service, month)], "EUR")
        for month in (1, 2)
        for service in services
    ]

    def one_by_one() -> None:
        for each in contents:
            client = ledger.lock_client(each.client_id)
            quoted = documents.preview(client, company, each.lines, "EUR")
            total = Money.total((group.gross for group in quoted.totals), "EUR")
            issuing.issue_quoted(STAFF, company, client, each.lines, total)

    with time_machine.travel(NOON, tick=False):
        single = written(one_by_one)
        single_events, raised[:] = list(raised), []
        bulk = written(lambda: issue_new(actor=STAFF, documents=contents))
    assert by_number(bulk, raised) == by_number(single, single_events)
    assert len(bulk["documents"]) == len(contents) == len(raised)


def by_number(tables: dict[str, Any], raised: list[Any]) -> Any:
    """Return rows and events with numbers instead of UUIDs."""
    text = json.dumps([in_file_order(tables), raised], default=str)
    for row in tables["documents"]:
        text = text.replace(row["uuid"], row["number"])
    return json.loads(text)


def test_all_is_in_the_books_and_a_second_run_writes_nothing(drafts, buyers, services, company):
    issue_drafts(actor=STAFF, uuids=drafts)
    contents = [
        NewDocument(company.id, service.client_id, [service_line(service, 5)], "EUR")
        for service in services
    ]
    assert issue_new(actor=STAFF, documents=contents).issued == len(services)
    assert problems() == []
    before = counts()
    again = issue_drafts(actor=STAFF, uuids=[*drafts[:8], "unknown"])
    assert again.issued == 0
    assert {str(text)[:24] for _uuid, text in again.refused} == {
        "Issued documents can't b",
        "Document not found.",
    }
    new = issue_new(actor=STAFF, documents=contents)
    assert new.issued == 0 and [each for each, _ in new.refused] == contents
    assert "already been charged" in str(new.refused[0][1])
    assert counts() == before


def counts() -> list[int]:
    release()
    return [
        session().scalar(sa.select(sa.func.count()).select_from(model.__table__)) or 0
        for model in TABLES
    ]


def test_each_chunk_is_a_transaction_of_few_statements(client, company, settings, monkeypatch):
    statements: list[str] = []

    def count(*arguments: Any) -> None:
        statements.append(arguments[2])

    def run(number: int) -> int:
        uuids = [draft(client) for _ in range(number)]
        statements.clear()
        issue_drafts(actor=STAFF, uuids=uuids)
        return len(statements)

    engine = session().get_bind()
    run(1)  # what is read once
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        few, many = run(2), run(60)
        monkeypatch.setattr(bulk_issuing, "CHUNK", 30)
        chunks = run(60)
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    assert few == many < 30
    assert chunks == 2 * many


@pytest.mark.parametrize("kind", ["drafts", "new"])
def test_two_runs_at_once_issue_each_document_once(
    panel: Panel, kind, buyers, services, company, monkeypatch
):
    monkeypatch.setattr(bulk_issuing, "CHUNK", 4)
    uuids = [draft(buyer) for _ in range(5) for buyer in buyers]
    contents = [
        NewDocument(company.id, service.client_id, [service_line(service, month)], "EUR")
        for month in range(1, 6)
        for service in services
    ]
    release()
    results: list[Any] = []
    start = threading.Barrier(2)

    def run(reverse: bool) -> None:
        with panel.app_context():
            start.wait()
            if kind == "drafts":
                mine = uuids[::-1] if reverse else uuids
                results.append(issue_drafts(actor=STAFF, uuids=mine))
            else:
                results.append(issue_new(actor=STAFF, documents=contents))

    threads = [
        threading.Thread(target=contextvars.Context().run, args=(run, reverse))
        for reverse in (False, True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(each.issued for each in results) == 20
    assert sum(len(each.refused) for each in results) == 20
    numbers = session().scalars(sa.select(Document.count).where(Document.count.is_not(None)))
    assert sorted(numbers) == list(range(1, 21))
    assert problems() == []


def test_a_killed_run_is_continued_by_the_next(client, company, monkeypatch):
    monkeypatch.setattr(bulk_issuing, "CHUNK", 10)
    uuids = [draft(client) for _ in range(35)]
    release()
    session().close()
    chunks: Iterator[int] = iter(range(10))

    def die(_chunk: object) -> None:
        if next(chunks) == 2:
            os._exit(9)

    pid = os.fork()
    if pid == 0:
        try:
            adopt_engines()
            issue_drafts(actor=STAFF, uuids=uuids, record=die)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    end_session()
    assert session().scalar(sa.select(sa.func.count(Document.number))) == 20
    release()
    assert issue_drafts(actor=STAFF, uuids=uuids).issued == 15
    assert session().scalar(sa.select(sa.func.max(Document.count))) == 35
    assert problems() == []


def test_a_bad_document_is_named_and_stops_no_other(buyers, company):
    uuids = [draft(buyer) for _ in range(3) for buyer in buyers]
    with transaction() as current:  # what no operation writes
        bad = current.scalars(sa.select(Document).where(Document.uuid == uuids[5])).one()
        row = bad.lines[0]
        row.explanation, row.kind = [], "recurring"  # type: ignore[assignment]
        row.service_id = make_service(bad.client_id).id
    results = issue_drafts(actor=STAFF, uuids=uuids)
    assert [(uuid, str(text)) for uuid, text in results.refused] == [
        (uuids[5], "Unexpected error (AttributeError).")
    ]
    assert results.issued == len(uuids) - 1
    assert session().scalar(sa.select(sa.func.max(Document.count))) == len(uuids) - 1
    assert problems() == []


def make_service(client_id: int) -> Service:
    product = products.save_product(actor=STAFF, uuid=None, name="Cloud", price="10")
    with transaction() as current:
        service = Service(client_id=client_id, product_id=product.id, name="www")
        current.add(service)
    return service


def test_documents_without_a_tax_rate_are_named(buyers, company):
    contents = [NewDocument(company.id, buyer.id, lines("10"), "EUR") for buyer in buyers]
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"country": "BR"})
    change(buyers[0], country="BR")
    results = issue_new(actor=STAFF, documents=[*contents, NewDocument(company.id, 99, [], "EUR")])
    assert results.issued == len(buyers) - 1
    reasons = [str(text) for _subject, text in results.refused]
    assert reasons[0].startswith("No tax rate for BR")
    assert reasons[1] == "Client not found."
    with pytest.raises(NoTaxRateError):
        documents.preview(buyers[0], company, lines("10"), "EUR")


def test_lines_that_cannot_be_issued_are_named(client, company):
    results = issue_new(
        actor=STAFF,
        documents=[
            NewDocument(company.id, client.id, of, "EUR")
            for of in ([], lines("-1"), lines("0.1234567"), lines("10"))
        ],
    )
    assert results.issued == 1
    assert [str(text)[:20] for _subject, text in results.refused] == [
        "Add at least one lin",
        "The total can't be n",
        "Line 1 has too many ",
    ]


def test_numbers_that_an_earlier_pattern_gave_are_left_out(invoice, client):
    document = invoice("10")
    taken = document.number[:-1] + "3"
    with transaction() as current:
        current.execute(sa.update(Document).where(Document.id == document.id).values(number=taken))
    issue_drafts(actor=STAFF, uuids=[draft(client) for _ in range(3)])
    query = sa.select(Document.number).where(Document.id != document.id).order_by(Document.id)
    assert [number[-1] for number in session().scalars(query)] == ["2", "4", "5"]


def test_a_draft_whose_total_has_changed_is_kept(client, company, buyers):
    same, other = draft(buyers[1]), draft(client)
    change(client, country="DE", buyer_kind="business", vat_status="confirmed")
    results = issue_drafts(actor=STAFF, uuids=[same, other], keep_totals=True)
    assert results.issued == 1
    assert [str(text) for _uuid, text in results.refused] == [
        "The total has changed to 10.00\u00a0€. Check the draft and issue it again."
    ]
    session().expire_all()
    assert str(documents.find_document(other).total) == "12.30 EUR"
    assert issue_drafts(actor=STAFF, uuids=[other]).issued == 1
    assert str(documents.find_document(other).total) == "10.00 EUR"
    assert problems() == []


def test_a_clock_that_went_back_refuses_a_series_and_changes_no_draft(client, company, services):
    with time_machine.travel(datetime(2027, 1, 5, tzinfo=UTC), tick=False):
        issue_drafts(actor=STAFF, uuids=[draft(client)])
    change(client, country="DE")
    uuids = [draft(client), draft(client, kind="proforma")]
    before = documents.find_document(uuids[0])
    kept = (before.status, before.notes, before.issued_on, before.seller)
    results = issue_drafts(actor=STAFF, uuids=uuids)
    assert results.issued == 1  # the series of proformas goes on
    assert "Check the clock" in str(results.refused[0][1])
    session().expire_all()
    found = documents.find_document(uuids[0])
    assert (found.status, found.notes, found.issued_on, found.seller) == kept
    assert problems() == []


def test_only_those_with_the_permission_issue_many(client, company):
    writer = Principal(
        PrincipalKind.STAFF, None, "Writer", permissions=frozenset({"documents.manage"})
    )
    with pytest.raises(PermissionDenied):
        issue_drafts(actor=writer, uuids=[draft(client)])
    with pytest.raises(PermissionDenied):
        issue_new(actor=writer, documents=[])


def test_drafts_of_an_incomplete_company_are_refused_and_stop_no_other(
    drafts: list[str], company: Company
) -> None:
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"street": ""})
    results = bulk_issuing.issue_drafts(actor=STAFF, uuids=drafts)
    ours = [uuid for uuid in drafts if documents.find_document(uuid).company_id == company.id]
    assert sorted(uuid for uuid, _ in results.refused) == sorted(ours)
    assert all(str(reason).endswith("enter: Street.") for _, reason in results.refused)
    assert results.issued == len(drafts) - len(ours) > 0
    assert problems() == []
