"""Documents in the staff and client areas: from a draft to a paid invoice and its PDF."""

from __future__ import annotations

import re
from io import BytesIO

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import session
from puqpanel.infra.documents import pdf as renderer
from puqpanel.infra.documents.compiler import TemplateError
from puqpanel.models import Company, Document
from puqpanel.operations.billing import companies, documents, taxes
from tests.domain.test_images import png
from tests.sample import SELLER
from tests.web.conftest import Browser

LINE = {
    "lines-0-description": "Moving a mailbox",
    "lines-0-quantity": "2.5",
    "lines-0-unit_price": "64",
    "lines-0-tax_class": "standard",
}


@pytest.fixture
def company(app: Panel) -> str:
    """The UUID of a company in Poland."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {
            **SELLER,
            "name": "Fjordhost",
            "country": "PL",
            "iban": "PL61109010140000071219812874",
        }
        return companies.save_company(actor=AUTOMATION, uuid=None, values=values).uuid


@pytest.fixture
def issue(owner: Browser, shop: dict[str, str], company: str) -> str:
    """The UUID of an invoice that was issued through the pages."""
    data = {**LINE, "kind": "invoice", "company": company, "save": "1"}
    answer = owner.post(f"/admin/documents/drafts/new/{shop['client']}", data)
    assert answer.status_code == 302, answer.text
    page = answer.headers["Location"]
    assert "Not issued" in owner.get(page).text
    owner.post(f"{page}/issue")
    return page.rpartition("/")[2]


def test_an_invoice_is_written_issued_and_paid(owner: Browser, issue: str) -> None:
    page = f"/admin/documents/{issue}"
    text = owner.get(page).text
    assert "Unpaid" in text
    assert "196.80" in text
    answer = owner.post(f"{page}/payment", {"amount": "100", "reason": "Statement 31"})
    assert answer.status_code == 302, answer.text
    assert "Partly paid" in owner.get(page).text
    answer = owner.post(f"{page}/credit-note", {"reason": "Goodwill"})
    assert answer.status_code == 302, answer.text
    assert "CN-" in owner.get(page).text
    assert re.search(r"INV-\d{4}-00001", owner.get("/admin/documents/").text)


def test_a_line_is_added_without_saving(owner: Browser, shop: dict[str, str], company: str) -> None:
    path = f"/admin/documents/drafts/new/{shop['client']}"
    data = {**LINE, "kind": "invoice", "company": company, "add": "1"}
    text = owner.post(path, data).text
    assert "lines-1-description" in text
    assert "196.80" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lines-0-unit_price": "abc"}, "not a valid number"),
        ({"lines-0-unit_price": ""}, "Line 1: Enter a price, or 0 if it is free."),
        ({"lines-0-unit_price": "1.000"}, "“1.000” can be read in two ways. Enter 1000 or 1.0000."),
        ({"lines-0-unit_price": "-1,250"}, "“-1,250” can be read in two ways."),
        ({"lines-0-quantity": "1.500"}, "Enter 1500 or 1.5000."),
        ({"lines-0-unit_price": "-64"}, "can't be negative"),
        ({"lines-0-quantity": "0"}, "enter a quantity"),
        ({"lines-0-quantity": "-1"}, "enter a quantity"),
        ({"lines-0-unit_price": "99999999999"}, "enter an amount"),
        ({"lines-0-description": "", "lines-0-unit_price": ""}, "at least one line"),
        ({"lines-0-tax_class": "none"}, "Select an option"),
    ],
)
def test_a_wrong_line_is_refused(
    owner: Browser, shop: dict[str, str], company: str, change: dict[str, str], message: str
) -> None:
    data = {**LINE, "kind": "invoice", "company": company, "save": "1", **change}
    answer = owner.post(f"/admin/documents/drafts/new/{shop['client']}", data)
    assert answer.status_code == 422
    assert message in answer.text.replace("&#39;", "'")


def test_without_a_company_a_sentence_says_what_to_do(owner: Browser, shop: dict[str, str]) -> None:
    path = f"/admin/documents/drafts/new/{shop['client']}"
    answer = owner.get(path, follow_redirects=True)
    assert "Add a company first" in answer.text


def test_a_customer_sees_own_documents_only(app: Panel, owner: Browser, issue: str) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert "INV-" in anna.get("/client/invoices/").text
    page = anna.get(f"/client/invoices/{issue}")
    assert "PL61109010140000071219812874" in page.text
    answer = anna.get(f"/client/invoices/{issue}/pdf")
    assert answer.data.startswith(b"%PDF-")
    tom = Browser(app).sign_in("tom@example.test", "/client")
    assert tom.get(f"/client/invoices/{issue}").status_code == 404
    assert tom.get(f"/client/invoices/{issue}/pdf").status_code == 404


def test_a_customer_does_not_see_drafts(
    app: Panel, owner: Browser, shop: dict[str, str], company: str
) -> None:
    data = {**LINE, "kind": "invoice", "company": company, "save": "1"}
    page = owner.post(f"/admin/documents/drafts/new/{shop['client']}", data).headers["Location"]
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert anna.get(f"/client/invoices/{page.rpartition('/')[2]}").status_code == 404


def test_the_pdf_stays_the_same(app: Panel, owner: Browser, issue: str, company: str) -> None:
    path = f"/admin/documents/{issue}/pdf"
    first = owner.get(path).data
    with app.app_context():
        values = {"name": "Other name", "country": "PL", "notes": "New text"}
        companies.save_company(actor=AUTOMATION, uuid=company, values=values)
    assert owner.get(path).data == first
    ubl = owner.get(f"/admin/documents/{issue}/ubl")
    assert b"Fjordhost" in ubl.data
    with app.app_context():
        document = documents.find_document(issue)
        assert isinstance(document, Document)
        assert session().get_one(Company, document.company_id).name == "Other name"


def test_companies_series_and_rules_are_saved(owner: Browser, company: str) -> None:
    page = f"/admin/companies/{company}"
    answer = owner.post(
        f"{page}/series/invoice", {"pattern": "FV/{year}/{number:04}", "reset": "yearly"}
    )
    assert answer.status_code == 302
    assert "FV/" in owner.get(page).text
    answer = owner.post(f"{page}/series/invoice", {"pattern": "FV", "reset": "yearly"})
    assert answer.status_code == 422
    rule = {"country": "US", "buyer_kind": "", "category": "O", "reason": ""}
    assert owner.post(f"{page}/rules/new", rule).status_code == 422
    assert owner.post(f"{page}/rules/new", {**rule, "reason": "Art. 44"}).status_code == 302
    assert "Art. 44" in owner.get(page).text
    edited = {
        "name": "X",
        "country": "PL",
        "iban": "PL00",
        "zone": "UTC",
        "due_days": "9",
        "entry": "net",
    }
    answer = owner.post(f"{page}/edit", edited)
    assert answer.status_code == 422
    assert "not a valid IBAN" in answer.text


def test_tax_rates_are_added_and_loaded(owner: Browser, company: str) -> None:
    rate = {
        "country": "CA",
        "region": "QC",
        "name": "QST",
        "rate": "9.975",
        "tax_class": "standard",
        "valid_from": "2026-01-01",
        "position": "2",
    }
    assert owner.post("/admin/tax-rates/new", rate).status_code == 302
    assert owner.post("/admin/tax-rates/new", rate).status_code == 422
    assert "9.975" in owner.get("/admin/tax-rates/").text
    assert owner.post("/admin/tax-rates/new", {**rate, "rate": "101"}).status_code == 422
    answer = owner.post("/admin/tax-rates/load", follow_redirects=True)
    assert "All rates are up to date" in answer.text


def test_a_company_gets_a_template_of_its_own(app: Panel, owner: Browser, company: str) -> None:
    path = f"/admin/companies/{company}/template"
    shipped = owner.get(path).text
    assert "sys.inputs.data" in shipped
    assert "Your own template" not in shipped
    own = "#let d = json(bytes(sys.inputs.data))\n= #d.number of #d.seller.name"
    seen = owner.post(path, {"template": own, "preview": "1"})
    assert (seen.status_code, seen.mimetype, seen.data[:5]) == (200, "application/pdf", b"%PDF-")
    broken = f"{own}\n#let x = (1"
    for data in ({"template": broken}, {"template": broken, "preview": "1"}):
        answer = owner.post(path, data)
        assert (answer.status_code, "Line 3: unclosed delimiter" in answer.text) == (422, True)
        assert "#let x = (1" in answer.text, "what was typed is kept"
    answer = owner.post(path, {"template": "x" * 60_001})
    assert (answer.status_code, "at most 60000 characters" in answer.text) == (422, True)

    def stored() -> str:
        with app.app_context():
            return companies.find_company(company).template

    assert stored() == ""
    assert owner.post(path, {"template": own.replace("\n", "\r\n")}).status_code == 302
    assert stored() == own
    assert "Your own template" in owner.get(path).text
    assert owner.post(path, {"template": " "}).status_code == 302
    assert stored() == ""


def test_the_home_and_the_client_page_say_what_is_to_pay(
    app: Panel, owner: Browser, shop: dict[str, str], issue: str
) -> None:
    with app.app_context():
        number = documents.find_document(issue).number
    anna = Browser(app).sign_in("anna@example.test", "/client")
    home = anna.get("/client/").text
    assert number in home and f"/client/invoices/{issue}" in home
    assert "196.80" in home
    client = f"/admin/clients/{shop['client']}"
    assert "196.80" in owner.get(client).text
    owner.post(f"/admin/documents/{issue}/payment", {"amount": "200", "reason": "Statement 31"})
    home = anna.get("/client/").text
    assert number not in home and "Nothing to pay" in home and "Credit balance: 3.20" in home
    assert "196.80" not in owner.get(client).text.partition("Timeline")[0]
    tom = Browser(app).sign_in("tom@example.test", "/client")
    assert "Nothing to pay" not in tom.get("/client/").text


def test_a_document_is_partly_credited_until_something_is_paid(owner: Browser, issue: str) -> None:
    page = f"/admin/documents/{issue}"
    owner.post(f"{page}/credit-note", {"reason": "Goodwill", "amount": "10"})
    for path in (page, "/admin/documents/"):
        text = owner.get(path).text
        assert "Partly credited" in text and "Partly paid" not in text
    answer = owner.post(
        f"{page}/payment", {"amount": "1", "reason": "Cash", "received_on": "1900-01-01"}
    )
    assert answer.status_code == 422 and "Enter a day from 2000 to today." in answer.text
    owner.post(f"{page}/payment", {"amount": "1", "reason": "Cash"})
    assert "Partly paid" in owner.get(page).text
    assert "Issue credit note…" in owner.get(page).text
    owner.post(f"{page}/credit-note", {"reason": "Goodwill"})
    assert "Issue credit note…" not in owner.get(page).text


def test_selected_lines_are_credited(owner: Browser, shop: dict[str, str], company: str) -> None:
    second = {key.replace("-0-", "-1-"): value for key, value in LINE.items()}
    third = {key.replace("-0-", "-2-"): value for key, value in LINE.items()}
    third |= {"lines-2-description": "Discount", "lines-2-unit_price": "-10"}
    data = {**LINE, **second, **third, "kind": "invoice", "company": company, "save": "1"}
    answer = owner.post(f"/admin/documents/drafts/new/{shop['client']}", data)
    page = answer.headers["Location"]
    owner.post(f"{page}/issue")
    path = f"{page}/credit-note"
    assert len(re.findall('name="lines"', owner.get(path).text)) == 3

    def sent(**values: object) -> object:
        return owner.post(path, {"reason": "Not delivered", **values})

    assert "not both" in sent(lines="0", amount="5").text
    assert sent(lines="7").status_code == 422
    assert "only" in sent(lines=["0", "1"]).text  # more than the invoice
    assert sent(lines="1").status_code == 302
    assert len(re.findall('name="lines"', owner.get(path).text)) == 2
    assert sent(lines=["0", "2"]).status_code == 302
    assert "Issue credit note…" not in owner.get(page).text


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "Upload a PNG, JPEG, WebP or SVG image."), (png()[:50], "The image is damaged.")],
)
def test_a_logo_that_cannot_be_printed_is_refused(
    owner: Browser, company: str, content: bytes, message: str
) -> None:
    data = {"name": "Fjordhost", "country": "PL", "entry": "net", "zone": "UTC", "due_days": "14"}
    answer = owner.post(
        f"/admin/companies/{company}/edit", {**data, "logo_file": (BytesIO(content), "logo.png")}
    )
    assert answer.status_code == 422 and message in answer.text


def test_a_pdf_that_cannot_be_made_says_so(
    app: Panel, owner: Browser, issue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object, **_options: object) -> list[bytes]:
        raise TemplateError(verbatim("no glyph"))

    monkeypatch.setattr(renderer, "compile_template", failing)
    anna = Browser(app).sign_in("anna@example.test", "/client")
    for browser, page in ((owner, "/admin/documents"), (anna, "/client/invoices")):
        answer = browser.get(f"{page}/{issue}/pdf")
        assert answer.status_code == 409
        assert "-00001 can't be made." in answer.text.replace("&#39;", "'")


def test_a_template_that_fails_for_a_paid_document_is_refused(owner: Browser, company: str) -> None:
    path = f"/admin/companies/{company}/template"
    own = "#let d = json(bytes(sys.inputs.data))\n= #d.number\n#d.transfer.iban"
    for data in ({"template": own}, {"template": own, "preview": "1"}):
        answer = owner.post(path, data)
        assert answer.status_code == 422 and "Invoice: Line 3: " in answer.text
    own = own.replace("#d.t", '#if d.kind == "credit_note" [#d.t').replace("iban", "iban]")
    answer = owner.post(path, {"template": own})
    assert answer.status_code == 422 and "Credit note: Line 3: " in answer.text


def test_staff_see_that_a_template_failed(
    app: Panel, owner: Browser, company: str, issue: str
) -> None:
    path = f"/admin/companies/{company}"
    head = "#let d = json(bytes(sys.inputs.data))\n= #d.number\n"
    own = head + '#if "Anna Berg" in d.buyer.name [#panic("no")]'
    assert owner.post(f"{path}/template", {"template": own}).status_code == 302
    assert "The PDF template failed" not in owner.get(path).text
    assert owner.get(f"/admin/documents/{issue}/pdf").status_code == 200
    for page in (path, f"{path}/template", "/admin/health/"):
        assert "The PDF template failed" in owner.get(page).text
    assert "Line 3: " in owner.get(path).text
    assert owner.post(f"{path}/template", {"template": head}).status_code == 302
    for page in (path, f"{path}/template", "/admin/health/"):
        assert "The PDF template failed for" not in owner.get(page).text.partition("Timeline")[0]


def test_a_draft_of_an_incomplete_company_links_to_what_is_missing(
    app: Panel, owner: Browser, shop: dict[str, str], company: str
) -> None:
    with app.app_context():
        values = {"street": "", "tax_number": ""}
        companies.save_company(actor=AUTOMATION, uuid=company, values=values)
    path = f"/admin/documents/drafts/new/{shop['client']}"
    data = {**LINE, "kind": "invoice", "company": company}
    page = owner.post(path, {**data, "save": "1"}).headers["Location"]
    for text in (owner.get(path).text, owner.get(page).text):
        assert "Missing: Street, VAT or tax number." in text
        assert f"/admin/companies/{company}/edit" in text
    answer = owner.post(f"{page}/issue", follow_redirects=True)
    assert (
        "issue documents yet. Go to Companies and enter: Street, VAT or tax number." in answer.text
    )
    assert "Not issued" in answer.text
    assert "Missing: Street, VAT or tax number." in owner.get(f"/admin/companies/{company}").text


def test_tax_classes_have_names(owner: Browser, shop: dict[str, str], company: str) -> None:
    for path in (f"/admin/documents/drafts/new/{shop['client']}", "/admin/tax-rates/"):
        text = owner.get(path).text
        assert "Standard rate" in text
        assert "Reduced rate" in text
