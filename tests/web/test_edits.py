"""Two tabs that edit the same values: the second to save does not overwrite the first."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, documents, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.catalog import products
from tests.sample import SELLER
from tests.web.catalog.test_prices import inputs
from tests.web.catalog.test_prices import shown as prices_shown
from tests.web.conftest import Browser

CHANGED = "Someone else changed this in the meantime. Reload the page to see it."


def opened(owner: Browser, url: str, hidden: str = "shown") -> dict[str, str]:
    """Return the fields of the form with a hidden field, as a browser would submit them."""
    page = unescape(owner.get(url).text)
    fields: dict[str, str] = {}
    start = page.index(f'name="{hidden}"')
    for tag in re.findall(r"<input[^>]*>", page[page.rindex("<input", 0, start) :]):
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            fields[name[1]] = value[1] if value else ""
    for name, options in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected[^>]*value="([^"]*)"', options)
        if chosen:
            fields[name] = chosen[1]
    return fields


def test_the_price_matrix(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    url = f"/admin/products/{shop['product']}/prices"
    tab = opened(owner, url)
    other = {**tab, "do": "save", "monthly-EUR-recurring": "5.90"}
    assert owner.post(url, other).status_code == 302
    answer = owner.post(url, {**tab, "do": "save", "annually-EUR-recurring": "49"})
    assert answer.status_code == 422 and answer.text.count(CHANGED) == 1
    assert inputs(answer.text)["annually-EUR-recurring"] == "49"
    assert prices_shown(app, shop) == {"monthly EUR": "0.00+5.90"}
    assert owner.post(url, {**tab, "do": "copy"}).status_code == 422
    assert owner.post(url, {**opened(owner, url), "do": "save"}).status_code == 302


def test_the_form_of_a_product(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    url = f"/admin/products/{shop['product']}/edit"
    tab = opened(owner, url)
    assert owner.post(url, {**tab, "stock": "7", "welcome": "Hello"}).status_code == 302
    answer = owner.post(url, {**tab, "name": "Web M"})
    assert answer.status_code == 422 and "Stock</a>: " + CHANGED in answer.text
    assert 'value="Web M"' in answer.text and "Welcome text</a>: " + CHANGED in answer.text
    with app.app_context():
        product = products.find_product(shop["product"])
        assert (product.name, product.stock, product.welcome) == ("Web S", 7, "Hello")
    assert owner.post(url, opened(owner, url) | {"name": "Web M"}).status_code == 302


def test_the_form_of_a_company(app: Panel, owner: Browser) -> None:
    with app.app_context():
        values = {"name": "Hosting Ltd", "country": "PL", "zone": "Europe/Warsaw"}
        company = companies.save_company(actor=AUTOMATION, uuid=None, values=values).uuid
    url = f"/admin/companies/{company}/edit"
    tab = opened(owner, url)
    assert owner.post(url, {**tab, "city": "Gdynia"}).status_code == 302
    answer = owner.post(url, {**tab, "street": "Quay 1"})
    assert answer.status_code == 422 and "City</a>: " + CHANGED in answer.text
    with app.app_context():
        found = companies.find_company(company)
        assert (found.city, found.street) == ("Gdynia", "")
    assert owner.post(url, {**opened(owner, url), "street": "Quay 1"}).status_code == 302


@pytest.fixture
def company(app: Panel) -> str:
    """The UUID of a company in Poland, with the rates of the EU."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Hosting Ltd", "country": "PL"}
        return companies.save_company(actor=AUTOMATION, uuid=None, values=values).uuid


def test_the_numbers_of_a_company(owner: Browser, company: str) -> None:
    url = f"/admin/companies/{company}/series/invoice"
    tab = opened(owner, url)
    assert owner.post(url, {**tab, "pattern": "A-{year}-{number}"}).status_code == 302
    answer = owner.post(url, {**tab, "pattern": "B-{year}-{number}"})
    assert answer.status_code == 422 and "Pattern</a>: " + CHANGED in answer.text
    fresh = opened(owner, url)
    assert fresh["pattern"] == "A-{year}-{number}"
    assert owner.post(url, fresh).status_code == 302


def test_a_tax_rate(app: Panel, owner: Browser, company: str) -> None:
    with app.app_context():
        rate = next(row.uuid for row in taxes.rates() if row.country == "PL")
    url = f"/admin/tax-rates/{rate}/edit"
    tab = opened(owner, url)
    assert owner.post(url, {**tab, "rate": "24"}).status_code == 302
    answer = owner.post(url, {**tab, "name": "PTU"})
    assert answer.status_code == 422 and "Rate in percent</a>: " + CHANGED in answer.text
    assert owner.post(url, opened(owner, url) | {"name": "PTU"}).status_code == 302


def test_the_template_of_a_company(owner: Browser, company: str) -> None:
    url = f"/admin/companies/{company}/template"
    tab = opened(owner, url)
    own = "#let d = json(bytes(sys.inputs.data))\n= #d.number of #d.seller.name"
    assert owner.post(url, {**tab, "template": own}).status_code == 302
    answer = owner.post(url, {**tab, "template": f"{own}!"})
    assert answer.status_code == 422 and "Template</a>: " + CHANGED in answer.text
    assert owner.post(url, {**opened(owner, url), "template": f"{own}!"}).status_code == 302


def test_a_draft(app: Panel, owner: Browser, shop: dict[str, str], company: str) -> None:
    with app.app_context():
        line = Line("Moving", Decimal("64"))
        draft = documents.create_draft(
            actor=AUTOMATION, client_uuid=shop["client"], draft=Draft([line])
        ).uuid
    url = f"/admin/documents/drafts/{draft}/edit"
    tab = opened(owner, url)
    assert tab["lines-0-description"] == "Moving"
    assert owner.post(url, {**tab, "save": "1", "lines-0-unit_price": "70"}).status_code == 302
    more = owner.post(url, {**tab, "add": "1"}).text
    assert "lines-1-description" in more and tab["shown"] in unescape(more)
    answer = owner.post(url, {**tab, "save": "1", "lines-0-description": "Moving a mailbox"})
    assert answer.status_code == 422 and answer.text.count(CHANGED) == 1
    assert 'value="Moving a mailbox"' in answer.text
    with app.app_context():
        (row,) = documents.find_document(draft).lines
        assert (row.description, row.unit_price) == ("Moving", 70)
    fresh = {**opened(owner, url), "save": "1"}
    assert owner.post(url, {**fresh, "reference": "PO 1"}).status_code == 302
    answer = owner.post(url, {**fresh, "reference": "PO 2"})
    assert answer.status_code == 422 and CHANGED in answer.text


def test_issuing_a_draft(app: Panel, owner: Browser, shop: dict[str, str], company: str) -> None:
    with app.app_context():
        line = Line("Moving", Decimal("64"))
        draft = documents.create_draft(
            actor=AUTOMATION, client_uuid=shop["client"], draft=Draft([line])
        ).uuid
    page, edit = f"/admin/documents/{draft}", f"/admin/documents/drafts/{draft}/edit"
    for change in ({"lines-0-description": "Something else"}, {"notes": "Thanks."}, None):
        tab = opened(owner, page, "total")
        if change:
            data = {**opened(owner, edit), "save": "1", **change}
            assert owner.post(edit, data).status_code == 302
        else:
            with app.app_context(), transaction():
                clients.find_client(shop["client"]).city = "Gdynia"
        answer = owner.post(f"{page}/issue", tab, follow_redirects=True).text
        assert "This draft has changed since you opened the page." in answer
        assert "Not issued" in answer
    tab = opened(owner, page, "total")
    assert "INV-" in owner.post(f"{page}/issue", tab, follow_redirects=True).text


@pytest.mark.parametrize("forged", ["x", "name", "name=1&name=2", "%ff=%00", "[]"])
def test_a_forged_digest_saves_nothing(
    app: Panel, owner: Browser, shop: dict[str, str], forged: str
) -> None:
    url = f"/admin/products/{shop['product']}/edit"
    assert owner.post(url, {**opened(owner, url), "shown": forged}).status_code == 422


def test_line_ends_as_browsers_send_them_are_no_change(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    url = f"/admin/products/{shop['product']}/edit"
    with app.app_context(), transaction():
        products.find_product(shop["product"]).welcome = "Hello\nthere"
    tab = opened(owner, url) | {"welcome": "Hello\r\nthere"}
    assert owner.post(url, {**tab, "stock": "7"}).status_code == 302
    answer = owner.post(url, {**tab, "stock": "8"})
    assert answer.status_code == 422 and "Stock</a>: " + CHANGED in answer.text
    assert "Welcome text</a>" not in answer.text
