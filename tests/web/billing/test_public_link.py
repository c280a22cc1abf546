"""The public link of a document: for everybody who has it, and nobody else."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.errors import NotFoundError, PermissionDenied
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.db import session
from puqpanel.operations.billing import companies, document_links, documents, issuing, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.operations.billing.test_converted_taxes import rate
from tests.sample import SELLER
from tests.web.conftest import Browser

IBAN = "PL61109010140000071219812874"


@pytest.fixture
def draft(app: Panel, shop: dict[str, str]) -> str:
    """The UUID of a draft of Anna's."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL", "iban": IBAN}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        line = Line("Moving a mailbox", unit_price=Decimal(64))
        return documents.create_draft(
            actor=AUTOMATION, client_uuid=shop["client"], draft=Draft([line])
        ).uuid


@pytest.fixture
def invoice(app: Panel, draft: str) -> str:
    """The UUID of the issued draft."""
    with app.app_context():
        return issuing.issue(actor=AUTOMATION, uuid=draft).uuid


def path_of(app: Panel, uuid: str) -> str:
    """Return the path of a document's public page."""
    with app.app_context():
        document = documents.find_document(uuid)
        return f"/documents/{uuid}/{document_links.token_of(document)}/"


def test_the_link_shows_the_document_without_an_account(
    app: Panel, visitor: Browser, invoice: str
) -> None:
    page = visitor.get(path_of(app, invoice))
    assert page.status_code == 200
    for text in ("Moving a mailbox", "78.72", IBAN, "Unpaid", "Fjordhost"):
        assert text in page.text
    assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-store"
    assert '<meta name="robots" content="noindex, nofollow">' in page.text
    assert "<form" not in page.text
    assert "Set-Cookie" not in page.headers
    assert visitor.get(f"{path_of(app, invoice)}pdf").data.startswith(b"%PDF-")
    assert b"Moving a mailbox" in visitor.get(f"{path_of(app, invoice)}ubl").data


def test_the_tax_in_the_national_currency_has_its_rate_in_the_viewers_language(
    app: Panel, visitor: Browser, draft: str
) -> None:
    with app.app_context():
        rate("PLN", "4.2567")
        issuing.issue(actor=AUTOMATION, uuid=draft)
    page = visitor.get(path_of(app, draft)).text
    assert "Tax in PLN (rate 4.2567 of 27 Nov 2026)" in page


def test_an_invoice_in_euros_has_a_code_for_the_bank_transfer(
    app: Panel, visitor: Browser, invoice: str
) -> None:
    assert "data:image/svg+xml;base64," in visitor.get(path_of(app, invoice)).text


@pytest.mark.parametrize("part", ["", "pdf", "ubl"])
def test_a_wrong_token_answers_404(app: Panel, visitor: Browser, invoice: str, part: str) -> None:
    right = path_of(app, invoice).split("/")[3]
    for token in ("0" * 40, right[:-1], f"{right}0", "zażółć", right.upper()):
        answer = visitor.get(f"/documents/{invoice}/{token}/{part}")
        assert answer.status_code == 404, token
        assert "Moving a mailbox" not in answer.text
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert visitor.get(f"/documents/{'0' * 36}/{right}/{part}").status_code == 404


def test_a_draft_has_no_link(app: Panel, visitor: Browser, owner: Browser, draft: str) -> None:
    assert visitor.get(path_of(app, draft)).status_code == 404
    assert "public-link" not in owner.get(f"/admin/documents/{draft}").text


def test_the_token_of_another_document_is_wrong(
    app: Panel, visitor: Browser, shop: dict[str, str], invoice: str
) -> None:
    with app.app_context():
        draft = Draft([Line("Another", unit_price=Decimal(1))])
        made = documents.create_draft(actor=AUTOMATION, client_uuid=shop["client"], draft=draft)
        other = issuing.issue(actor=AUTOMATION, uuid=made.uuid).uuid
    token = path_of(app, other).split("/")[3]
    assert visitor.get(f"/documents/{invoice}/{token}/").status_code == 404


def test_staff_copy_and_renew_the_link(
    app: Panel, visitor: Browser, owner: Browser, invoice: str
) -> None:
    page = f"/admin/documents/{invoice}"
    shown = re.search(r'id="public-link"\s+readonly\s+value="([^"]+)"', owner.get(page).text)
    assert shown is not None
    assert shown[1].endswith(path_of(app, invoice).rstrip("/"))
    before = path_of(app, invoice)
    assert "no longer opens" in owner.get(f"{page}/link").text
    assert owner.post(f"{page}/link").status_code == 302
    assert path_of(app, invoice) != before
    assert visitor.get(before).status_code == 404
    assert visitor.get(path_of(app, invoice)).status_code == 200
    assert "Public link renewed" in owner.get(page).text


def test_renewing_requires_the_permission_and_an_issued_document(app: Panel, draft: str) -> None:
    staff = Principal(PrincipalKind.STAFF, None, "S", permissions=frozenset({"documents.view"}))
    with app.app_context():
        with pytest.raises(PermissionDenied):
            document_links.renew_link(actor=staff, uuid=draft)
        with pytest.raises(NotFoundError):
            document_links.renew_link(actor=AUTOMATION, uuid=draft)


def test_the_link_is_not_in_the_database(app: Panel, invoice: str) -> None:
    token = path_of(app, invoice).split("/")[3]
    with app.app_context():
        raw = session().connection().connection.driver_connection
        if not hasattr(raw, "iterdump"):
            pytest.skip("dumps SQLite only")
        assert token not in "\n".join(raw.iterdump())
