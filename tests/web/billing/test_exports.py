"""Staff export a period: the page, the task and the files."""

from __future__ import annotations

import io
import re
import zipfile
from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import companies, documents, exports, issuing, ledger, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.sample import SELLER
from tests.web.conftest import Browser

PAGE = "/admin/documents/export/"


@pytest.fixture
def query(app: Panel, shop: dict[str, str]) -> str:
    """The query string of the invoices of today, of which there is one."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        company = companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        draft = documents.create_draft(
            actor=AUTOMATION,
            client_uuid=shop["client"],
            draft=Draft([Line("Moving a mailbox", unit_price=Decimal(64))]),
        )
        issuing.issue(actor=AUTOMATION, uuid=draft.uuid)
        day = ledger.today(company)
        return f"company={company.uuid}&start={day}&end={day}&kinds=invoice"


def test_staff_download_the_files_of_a_period(owner: Browser, query: str) -> None:
    assert "Export period" in owner.get("/admin/documents/").text
    assert owner.get(PAGE).status_code == 200
    page = owner.get(f"{PAGE}?{query}")
    assert "0 of 1 PDFs are ready" in page.text
    answer = owner.get(f"{PAGE}files/zip?{query}&ubl=y")
    assert answer.mimetype == "application/zip"
    names = zipfile.ZipFile(io.BytesIO(answer.data)).namelist()
    assert [name[-4:] for name in names] == [".pdf", ".xml"]
    for file in ("documents", "lines", "jpk"):
        answer = owner.get(f"{PAGE}files/{file}?{query}")
        assert re.search(r"INV-\d{4}-00001", answer.text), file
        assert answer.mimetype == "text/csv"
    answer = owner.get(f"{PAGE}files/datev?{query}&consultant=29098&client=1&receivables=10000")
    assert answer.text.startswith('\ufeff"EXTF";700;21;')
    assert "filename=EXTF_" in answer.headers["Content-Disposition"]
    assert "1 of 1 PDFs are ready" in owner.get(f"{PAGE}?{query}").text


def test_a_large_export_starts_a_task(
    owner: Browser, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "MADE_WHILE_DOWNLOADING", 0)
    page = owner.get(f"{PAGE}?{query}").text
    assert "Generate PDFs" in page
    assert "Download ZIP" not in page
    answer = owner.get(f"{PAGE}files/zip?{query}", follow_redirects=True)
    assert "Generate the PDFs first: 1 are missing" in answer.text
    answer = owner.post(f"{PAGE}prepare?{query}", follow_redirects=True)
    assert "are being generated" in answer.text
    assert "hx-get" in answer.text
    assert owner.get(f"{PAGE}live?{query}").status_code == 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("start=2026-02-30", "Enter a valid date"),
        ("end=", "Enter a valid date"),
        ("end=2000-01-01", "on or after the start date"),
        ("company=none", "Select an option"),
        ("kinds=receipt", "Select options from the list"),
    ],
)
def test_wrong_input_is_explained(owner: Browser, query: str, change: str, message: str) -> None:
    name = change.partition("=")[0]
    values = "&".join(part for part in query.split("&") if not part.startswith(name))
    answer = owner.get(f"{PAGE}?{values}&{change}")
    assert answer.status_code == 422
    assert message in answer.text
    assert owner.get(f"{PAGE}files/zip?{values}&{change}").status_code == 302


def test_wrong_datev_numbers_are_explained(owner: Browser, query: str) -> None:
    path = f"{PAGE}files/datev?{query}&consultant=5&client=1&receivables=10000&revenue=4400"
    answer = owner.get(path, follow_redirects=True)
    assert "Enter a number from 1001" in answer.text


def test_without_a_company_staff_are_sent_to_add_one(owner: Browser) -> None:
    answer = owner.get(PAGE, follow_redirects=True)
    assert "Add a company first" in answer.text


def test_jpk_is_for_companies_in_poland(app: Panel, owner: Browser, query: str) -> None:
    assert "/files/jpk" in owner.get(f"{PAGE}?{query}").text
    uuid = query.partition("company=")[2].partition("&")[0]
    with app.app_context():
        companies.save_company(actor=AUTOMATION, uuid=uuid, values={"country": "DE"})
    text = owner.get(f"{PAGE}?{query}").text
    assert "/files/jpk" not in text
    assert "JPK_V7M is for companies in Poland only." in text
    answer = owner.get(f"{PAGE}files/jpk?{query}", follow_redirects=True)
    assert "JPK_V7M is for companies in Poland only." in answer.text
    assert answer.mimetype == "text/html"
