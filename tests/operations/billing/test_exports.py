"""Exports of a period: the ZIP of PDFs, and tables whose sums are those of the documents."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import session, transaction
from puqpanel.infra.documents.compiler import TemplateError
from puqpanel.jobs.exports import ExportJob
from puqpanel.models import Client, Company, Document, StoredFile, Task
from puqpanel.operations.billing import (
    companies,
    credit_notes,
    document_files,
    documents,
    export_tables,
    exports,
    issuing,
    ledger,
    taxes,
)
from puqpanel.operations.billing.contents import content
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.export_datev import COLUMNS, Accounts, datev_csv
from puqpanel.operations.billing.export_jpk import jpk_csv
from puqpanel.operations.billing.exports import Selection
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.system import currencies
from tests.operations.billing.conftest import STAFF, change, lines

Make = Callable[..., Document]


@pytest.fixture
def selection(company: Company) -> Selection:
    """Invoices and credit notes of today."""
    today = ledger.today(company)
    return Selection(company.uuid, today, today)


def rows_of(parts: Iterable[str], delimiter: str = ",") -> list[dict[str, str]]:
    """Return the rows of a CSV file by column."""
    return list(csv.DictReader(io.StringIO("".join(parts)), delimiter=delimiter))


def zip_of(selection: Selection, **options: bool) -> zipfile.ZipFile:
    """Return an export as a ZIP file."""
    parts = exports.zip_of(actor=STAFF, selection=selection, **options)
    return zipfile.ZipFile(io.BytesIO(b"".join(parts)))


def test_the_zip_has_the_kept_pdf_of_each_document(invoice: Make, selection: Selection) -> None:
    first, second = invoice("10"), invoice("20")
    note = credit_notes.credit(actor=STAFF, uuid=first.uuid, reason="Goodwill")
    invoice("30", kind="proforma")
    archive = zip_of(selection, with_ubl=True)
    assert archive.testzip() is None
    names = archive.namelist()
    assert len(names) == 6
    for document in (first, second, note):
        stored = session().get_one(StoredFile, document.digest).content
        (name,) = (n for n in names if n.endswith(f"{document.number}.pdf"))
        assert archive.read(name) == stored
        (name,) = (n for n in names if n.endswith(f"{document.number}.xml"))
        assert (document.number or "").encode() in archive.read(name)


def test_a_zip_is_not_held_in_memory(invoice: Make, selection: Selection) -> None:
    for price in ("10", "20", "30"):
        invoice(price)
    parts = list(exports.zip_of(actor=STAFF, selection=selection))
    assert len(parts) == 4
    assert max(len(part) for part in parts) < sum(len(part) for part in parts) / 2


def test_many_missing_pdfs_are_made_by_a_task(
    invoice: Make, selection: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MADE_WHILE_DOWNLOADING", 1)
    for price in ("10", "20", "30"):
        invoice(price)
    state = exports.state_of(actor=STAFF, selection=selection)
    assert (state.documents, state.missing, state.busy) == (3, 3, False)
    with pytest.raises(ConflictError, match="3 are missing"):
        exports.zip_of(actor=STAFF, selection=selection)
    task = exports.request(actor=STAFF, selection=selection)
    assert exports.request(actor=STAFF, selection=selection).id == task.id
    assert exports.state_of(actor=STAFF, selection=selection).busy
    monkeypatch.setattr(exports, "ATTEMPT_SECONDS", -1)
    assert ExportJob().run(session().get_one(Task, task.id)).kind == "again"
    monkeypatch.setattr(exports, "ATTEMPT_SECONDS", 60)
    assert ExportJob().run(session().get_one(Task, task.id)).kind == "completed"
    state = exports.state_of(actor=STAFF, selection=selection)
    assert (state.missing, state.can_download) == (0, True)
    assert len(zip_of(selection).namelist()) == 3


def test_an_export_goes_on_after_a_document_that_fails(
    invoice: Make, company: Company, refusals: dict[str, Exception]
) -> None:
    first, bad, last = invoice("10"), invoice("20"), invoice("30")
    assert bad.number
    refusals[bad.number] = TemplateError(verbatim("no glyph"))
    today = ledger.today(company)
    selection = Selection(company.uuid, today, today)
    task = exports.request(actor=STAFF, selection=selection)
    outcome = ExportJob().run(session().get_one(Task, task.id))
    assert outcome.kind == "retry" and bad.number in str(outcome.message)
    assert outcome.output == {bad.number: "no glyph"}
    assert document_files.is_kept(first.digest) and document_files.is_kept(last.digest)
    parts = exports.zip_of(actor=STAFF, selection=selection, with_ubl=True)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    assert len(archive.namelist()) == 6
    assert archive.read("failed.txt").decode() == f"{bad.number} PDF: no glyph\n"
    refusals.clear()
    assert ExportJob().run(session().get_one(Task, task.id)).kind == "completed"


def test_an_export_can_be_downloaded_when_its_task_has_failed(
    invoice: Make,
    company: Company,
    refusals: dict[str, Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "MADE_WHILE_DOWNLOADING", 0)
    bad = invoice("20")
    refusals[bad.number or ""] = TemplateError(verbatim("no glyph"))
    today = ledger.today(company)
    selection = Selection(company.uuid, today, today)
    task = exports.request(actor=STAFF, selection=selection)
    assert not exports.state_of(actor=STAFF, selection=selection).can_download
    with transaction():
        session().get_one(Task, task.id).status = "failed"
    state = exports.state_of(actor=STAFF, selection=selection)
    assert state.has_failed and state.can_download


def test_documents_of_other_days_and_companies_are_left_out(
    invoice: Make, company: Company, selection: Selection
) -> None:
    invoice("10")
    yesterday = selection.start - timedelta(days=1)
    earlier = replace(selection, start=yesterday, end=yesterday)
    assert exports.state_of(actor=STAFF, selection=earlier).documents == 0
    assert exports.state_of(actor=STAFF, selection=selection).documents == 1


def test_tables_sum_to_the_documents(invoice: Make, selection: Selection) -> None:
    first = invoice("10.01", "19.99")
    invoice("0.05", "0.05", "0.05")
    credit_notes.credit(actor=STAFF, uuid=first.uuid, reason="Part", amount=first.total.scaled(1))
    signed = "CASE WHEN kind = 'credit_note' THEN -1 ELSE 1 END"
    query = f"SELECT sum({signed} * net_minor), sum({signed} * tax_minor) FROM documents"
    net, tax = session().execute(sa.text(query)).one()
    documents = list(exports.documents_of(actor=STAFF, selection=selection))
    rows = rows_of(export_tables.documents_csv(documents))
    assert len(rows) == 3
    assert sum(Decimal(row["net"]) for row in rows) * 100 == net
    assert sum(Decimal(row["tax"]) for row in rows) * 100 == tax
    rows = rows_of(export_tables.lines_csv(documents))
    assert sum(Decimal(row["net"]) for row in rows) * 100 == net
    rows = rows_of(jpk_csv(documents))
    assert sum(Decimal(row["K_19"]) for row in rows) * 100 == net
    assert sum(Decimal(row["K_20"]) for row in rows) * 100 == tax
    parts = "".join(datev_csv(selection, Accounts(), documents)).partition("\r\n")[2]
    rows = rows_of([parts], ";")
    sign = {"S": 1, "H": -1}
    amounts = [
        sign[row["Soll/Haben-Kennzeichen"]]
        * Decimal(row["Umsatz (ohne Soll/Haben-Kz)"].replace(",", "."))
        for row in rows
    ]
    assert sum(amounts) * 100 == net + tax


def test_formulas_in_names_are_neutralised(
    invoice: Make, client: Client, selection: Selection
) -> None:
    change(client, name='=HYPERLINK("http://evil.example")', company="")
    invoice("10")
    documents = list(exports.documents_of(actor=STAFF, selection=selection))
    (row,) = rows_of(export_tables.documents_csv(documents))
    assert row["buyer"].startswith("'=")
    (row,) = rows_of(jpk_csv(documents))
    assert row["NazwaKontrahenta"].startswith("'=")
    text = "".join(datev_csv(selection, Accounts(), documents))
    assert '"\'=HYPERLINK(""http' in text


@pytest.mark.parametrize(
    ("category", "country", "columns"),
    [
        ("O", "US", {"K_11"}),
        ("AE", "DE", {"K_11", "K_12"}),
        ("E", "PL", {"K_10"}),
        ("Z", "PL", {"K_13"}),
    ],
)
def test_jpk_columns_follow_the_category(
    invoice: Make, selection: Selection, category: str, country: str, columns: set[str]
) -> None:
    document = invoice("10")
    document.taxes[0].category = category
    document.taxes[0].taxes = []
    document.buyer = {"name": "B", "country": country, "vat_number": f"{country}123"}
    (row,) = rows_of(jpk_csv([document]))
    filled = {name for name, value in row.items() if name.startswith("K_") and value}
    assert filled == columns
    assert (row["KodKrajuNadaniaTIN"], row["NrKontrahenta"]) == (country, "123")
    session().rollback()


@pytest.mark.parametrize(
    ("country", "number", "columns"),
    [
        ("MX", "ABC680524P76", ("", "ABC680524P76")),
        ("GR", "EL094014201", ("EL", "094014201")),
        ("GB", "XI123456782", ("XI", "123456782")),
        ("PL", "5260250274", ("", "5260250274")),
        ("", "DE811907980", ("", "DE811907980")),
        ("", "PL5260250274", ("PL", "5260250274")),
        ("AU", "", ("", "BRAK")),
    ],
)
def test_jpk_cuts_only_the_prefix_of_the_country(
    invoice: Make, country: str, number: str, columns: tuple[str, str]
) -> None:
    document = invoice("10")
    document.buyer = {"name": "B", "country": country, "vat_number": number}
    (row,) = rows_of(jpk_csv([document]))
    assert (row["KodKrajuNadaniaTIN"], row["NrKontrahenta"]) == columns
    session().rollback()


def k_columns(selection: Selection) -> list[dict[str, str]]:
    """Return the columns of the JPK that are filled, by document."""
    found = list(exports.documents_of(actor=STAFF, selection=selection))
    return [
        {name: value for name, value in row.items() if name.startswith("K_") and value}
        for row in rows_of(jpk_csv(found))
    ]


def test_jpk_of_the_past_is_the_same_after_joining_the_one_stop_shop(
    invoice: Make, client: Client, company: Company, selection: Selection
) -> None:
    change(client, country="DE")
    polish = invoice("100")
    credit_notes.credit(actor=STAFF, uuid=polish.uuid, reason="Part", amount=polish.total.scaled(1))
    before = k_columns(selection)
    assert before == [{"K_19": "100.00", "K_20": "23.00"}, {"K_19": "-100.00", "K_20": "-23.00"}]
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"one_stop_shop": True})
    assert k_columns(selection) == before
    invoice("100")
    assert k_columns(selection) == [*before, {}]


def test_jpk_has_no_tax_of_another_country(
    client: Client, company: Company, selection: Selection
) -> None:
    """A rule that charges tax has the rates of the buyer's country; 7 % in Germany is not K_17."""
    rule = {"country": "DE", "region": "", "buyer_kind": "", "category": "S", "reason": ""}
    taxes.save_rule(actor=STAFF, company_uuid=company.uuid, **rule)
    change(client, country="DE")
    draft = Draft(lines("10", tax_class="reduced"))
    made = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=draft)
    assert issuing.issue(actor=STAFF, uuid=made.uuid).tax_minor == 70
    assert k_columns(selection) == [{}]


@pytest.mark.parametrize(
    ("country", "name", "columns"),
    [("PL", "PTU", {"K_19", "K_20"}), ("DE", "VAT", {"K_19", "K_20"}), ("PT", "IVA", set())],
)
def test_documents_without_the_country_of_a_tax_tell_it_by_its_name(
    invoice: Make, country: str, name: str, columns: set[str]
) -> None:
    document = invoice("10")
    (group,) = document.taxes
    group.country, group.taxes = "", [{**group.taxes[0], "name": name}]
    document.buyer = {"name": "B", "country": country}
    (row,) = rows_of(jpk_csv([document]))
    assert {key for key, value in row.items() if key.startswith("K_") and value} == columns
    session().rollback()


def test_the_datev_file_follows_its_format(invoice: Make, selection: Selection) -> None:
    document = invoice("10")
    credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Goodwill")
    accounts = Accounts(29098, 55003, 10000, 4400)
    documents = exports.documents_of(actor=STAFF, selection=selection)
    lines = "".join(datev_csv(selection, accounts, documents)).split("\r\n")
    day = f"{selection.start:%Y%m%d}"
    header = rf'"EXTF";700;21;"Buchungsstapel";13;\d{{17}};;"RE";"";"";29098;55003;{day[:4]}0101;4;'
    header += rf'{day};{day};"Rechnungen";"";1;0;0;"EUR";;"";;;"";;;"";""'
    assert re.fullmatch(header, lines[0])
    assert len(COLUMNS) == len(lines[1].split(";")) == len(lines[2].split(";")) == 125
    row = lines[2].split(";")
    patterns = [r"\d{1,10},\d{2}", '"S"', '"EUR"', "", "", "", "10000", "4400", "", r"\d{4}"]
    patterns.append(r'"[\w$%\-/]{0,36}"')
    for value, pattern in zip(row, patterns, strict=False):
        assert re.fullmatch(pattern, value), (value, pattern)
    assert lines[3].split(";")[1] == '"H"'
    assert lines[4:] == [""]


@pytest.mark.parametrize(
    "accounts",
    [Accounts(consultant=1000), Accounts(client=0), Accounts(revenue=-1), Accounts(10**9)],
)
def test_wrong_numbers_of_datev_are_refused(selection: Selection, accounts: Accounts) -> None:
    with pytest.raises(InvalidInput):
        datev_csv(selection, accounts, [])


def test_a_datev_file_has_days_of_one_year(selection: Selection) -> None:
    long = replace(selection, start=date(2025, 12, 31), end=date(2026, 1, 1))
    with pytest.raises(InvalidInput) as raised:
        datev_csv(long, Accounts(), [])
    assert list(raised.value.errors) == ["end"]


def test_datev_refuses_currencies_with_three_decimals(
    invoice: Make, company: Company, selection: Selection
) -> None:
    """The format has two, so amounts would be rounded."""
    currencies.add_currency(actor=STAFF, code="KWD")
    currencies.add_currency(actor=STAFF, code="JPY")
    invoice("100", currency="JPY")
    documents = exports.documents_of(actor=STAFF, selection=selection)
    assert "\r\n123,00;" in "".join(datev_csv(selection, Accounts(), documents))
    invoice("1.234", currency="KWD")
    with pytest.raises(ConflictError, match="documents in KWD"):
        datev_csv(selection, Accounts(), [])
    proformas = replace(selection, kinds=("proforma",))
    assert list(datev_csv(proformas, Accounts(), []))


def test_unit_prices_of_credit_notes_are_net(
    company: Company, client: Client, selection: Selection
) -> None:
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"entry": "gross"})
    line = Line("VPS", Decimal("12.30"), Decimal(3))
    draft = documents.create_draft(actor=STAFF, client_uuid=client.uuid, draft=Draft([line]))
    document = issuing.issue(actor=STAFF, uuid=draft.uuid)
    note = credit_notes.credit(actor=STAFF, uuid=document.uuid, reason="Whole")
    session().expire_all()
    found = list(exports.documents_of(actor=STAFF, selection=selection))
    prices = [
        (row["quantity"], row["unit_price"], row["price_entry"], row["net"])
        for row in rows_of(export_tables.lines_csv(found))
    ]
    assert prices == [("3", "12.3", "gross", "30.00"), ("3", "10", "net", "-30.00")]
    assert content(note).lines == content(document).lines


def test_wrong_selections_are_refused(selection: Selection) -> None:
    for wrong in (
        replace(selection, kinds=()),
        replace(selection, kinds=("receipt",)),
        replace(selection, start=selection.end + timedelta(days=1)),
    ):
        with pytest.raises(InvalidInput):
            exports.state_of(actor=STAFF, selection=wrong)
    with pytest.raises(NotFoundError):
        exports.state_of(actor=STAFF, selection=replace(selection, company_uuid="none"))


def test_exports_require_the_permission(selection: Selection) -> None:
    clerk = Principal(PrincipalKind.STAFF, None, "C", permissions=frozenset({"payments.view"}))
    for operation in (exports.state_of, exports.request, exports.documents_of, exports.zip_of):
        with pytest.raises(PermissionDenied):
            operation(actor=clerk, selection=selection)  # type: ignore[operator]
