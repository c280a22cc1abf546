"""Pages of actions that can't happen say why at once, in the words of the action."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.models import Document
from puqpanel.operations.billing import credit_notes, documents, issuing, payments
from puqpanel.operations.billing.documents import NOT_A_DRAFT, Draft
from puqpanel.operations.billing.lines import Line
from tests.web.billing.test_documents import company
from tests.web.conftest import Browser

__all__ = ["company"]

CANCEL_INVOICE = "Only proformas can be cancelled. Credit the invoice instead."
PAID = "Nothing is left to pay on this document."
UNPAID_INVOICES = "Only unpaid invoices can be written off."
UNPAID_PROFORMAS = "Only unpaid proformas can be cancelled."
NO_INVOICE = "Only issued invoices can be credited."
IN_FULL = "This invoice has already been credited in full."
REASONS = {
    "draft": {"credit-note": NO_INVOICE, "cancel": CANCEL_INVOICE, "payment": PAID},
    "invoice": {"edit": NOT_A_DRAFT, "delete": NOT_A_DRAFT, "cancel": CANCEL_INVOICE},
    "credited": {"credit-note": IN_FULL, "payment": PAID, "write-off": UNPAID_INVOICES},
    "note": {"credit-note": NO_INVOICE, "payment": PAID, "write-off": UNPAID_INVOICES},
    "proforma": {"credit-note": NO_INVOICE, "write-off": UNPAID_INVOICES, "edit": NOT_A_DRAFT},
    "paid": {"cancel": UNPAID_PROFORMAS, "payment": PAID, "delete": NOT_A_DRAFT},
    "cancelled": {"cancel": UNPAID_PROFORMAS, "payment": PAID},
}
ALLOWED = {
    "draft": ("edit", "delete"),
    "invoice": ("credit-note", "payment", "write-off"),
    "proforma": ("cancel", "payment"),
}


@pytest.fixture
def make(app: Panel, shop: dict[str, str], company: str) -> Callable[[str], str]:
    """Return the UUID of a document in a state."""

    def issue(kind: str) -> Document:
        draft = documents.create_draft(
            actor=AUTOMATION,
            client_uuid=shop["client"],
            draft=Draft([Line("VPS", Decimal(10))]),
            kind=kind,
        )
        return issuing.issue(actor=AUTOMATION, uuid=draft.uuid)

    def document(state: str) -> Document:
        if state == "draft":
            draft = Draft([Line("VPS", Decimal(10))])
            return documents.create_draft(actor=AUTOMATION, client_uuid=shop["client"], draft=draft)
        if state in ("invoice", "credited", "note"):
            invoice = issue("invoice")
            if state == "invoice":
                return invoice
            note = credit_notes.credit(actor=AUTOMATION, uuid=invoice.uuid, reason="x")
            return note if state == "note" else invoice
        proforma = issue("proforma")
        if state == "paid":
            payments.mark_paid(actor=AUTOMATION, document_uuid=proforma.uuid, reason="x")
        if state == "cancelled":
            issuing.cancel_proforma(actor=AUTOMATION, uuid=proforma.uuid)
        return proforma

    def uuid(state: str) -> str:
        with app.app_context():
            return document(state).uuid

    return uuid


def page_of(uuid: str, action: str) -> str:
    folder = "drafts/" if action in ("edit", "delete") else ""
    return f"/admin/documents/{folder}{uuid}/{action}"


@pytest.mark.parametrize("state", REASONS)
def test_what_cannot_happen_is_not_offered(
    owner: Browser, make: Callable[[str], str], state: str
) -> None:
    uuid = make(state)
    for action, reason in REASONS[state].items():
        answer = owner.get(page_of(uuid, action))
        assert answer.status_code == 302, action
        assert answer.headers["Location"] == f"/admin/documents/{uuid}"
        assert str(reason) in owner.get(f"/admin/documents/{uuid}").text.replace("&#39;", "'")
        if action != "edit":  # its form asks for lines first
            data = {"reason": "x", "amount": "1"}
            page = owner.post(page_of(uuid, action), data, follow_redirects=True)
            assert str(reason) in page.text.replace("&#39;", "'"), action
    for action in ALLOWED.get(state, ()):
        assert owner.get(page_of(uuid, action)).status_code == 200, action


def test_the_link_of_a_draft_is_not_renewed(owner: Browser, make: Callable[[str], str]) -> None:
    assert owner.get(page_of(make("draft"), "link")).status_code == 404
    assert owner.get(page_of(make("invoice"), "link")).status_code == 200


def test_the_lines_of_a_draft_for_services_are_not_edited(
    app: Panel, owner: Browser, make: Callable[[str], str]
) -> None:
    uuid = make("draft")
    with app.app_context(), transaction():
        documents.find_document(uuid).lines[0].service_id = 1
    page = owner.get(page_of(uuid, "edit"), follow_redirects=True).text
    assert "This draft is for services" in page
    assert owner.get(page_of(uuid, "delete")).status_code == 200
