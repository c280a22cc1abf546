"""The editor of drafts: what is read from its fields, and how it shows them again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import documents
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.system import currencies
from tests.web.billing.test_documents import LINE, company
from tests.web.conftest import Browser
from tests.web.test_edits import opened

__all__ = ["company"]


@pytest.mark.parametrize(
    ("entered", "shown", "stored"),
    [("0.005", "0.005", "0.005"), ("−10.0050", "−10.0050", "-10.005"), ("0", "0", "0")],
)
def test_prices_with_further_decimals_are_saved_again(
    app: Panel,
    owner: Browser,
    shop: dict[str, str],
    company: str,
    entered: str,
    shown: str,
    stored: str,
) -> None:
    gift = {
        "lines-1-description": "VPS",
        "lines-1-unit_price": "64",
        "lines-1-tax_class": "standard",
    }
    data = {**LINE, **gift, "kind": "invoice", "company": company, "save": "1"}
    data["lines-0-unit_price"] = entered
    answer = owner.post(f"/admin/documents/drafts/new/{shop['client']}", data)
    draft = answer.headers["Location"].rpartition("/")[2]
    url = f"/admin/documents/drafts/{draft}/edit"
    tab = opened(owner, url)
    assert tab["lines-0-unit_price"] == shown
    assert owner.post(url, {**tab, "save": "1"}).status_code == 302
    with app.app_context():
        row = documents.find_document(draft).lines[0]
        assert (str(row.unit_price), row.quantity) == (stored, Decimal("2.5"))


def test_three_decimals_are_exact_in_a_currency_that_has_them(
    app: Panel, owner: Browser, shop: dict[str, str], company: str
) -> None:
    with app.app_context():
        currencies.add_currency(actor=AUTOMATION, code="BHD")
        draft = documents.create_draft(
            actor=AUTOMATION,
            client_uuid=shop["client"],
            draft=Draft([Line("VPS", Decimal("1.25"))]),
            currency="BHD",
        ).uuid
    url = f"/admin/documents/drafts/{draft}/edit"
    tab = {**opened(owner, url), "save": "1"}
    assert owner.post(url, {**tab, "lines-0-unit_price": "1.250"}).status_code == 302
    tab = {**opened(owner, url), "save": "1"}
    assert owner.post(url, {**tab, "lines-0-unit_price": "1,250"}).status_code == 422
