"""The form of a credit note that is sent twice, or after others credited its lines."""

from __future__ import annotations

from decimal import Decimal

import pytest

from puqpanel.app import Panel
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.billing import credit_notes, documents, issuing
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.web.billing.test_documents import company
from tests.web.conftest import Browser
from tests.web.test_edits import opened

__all__ = ["company"]


@pytest.fixture
def url(app: Panel, shop: dict[str, str], company: str) -> str:
    """The address of the form for an invoice of two lines."""
    with app.app_context():
        draft = Draft([Line("VPS", Decimal(10)), Line("Domain", Decimal(20))])
        made = documents.create_draft(actor=AUTOMATION, client_uuid=shop["client"], draft=draft)
        issuing.issue(actor=AUTOMATION, uuid=made.uuid)
        return f"/admin/documents/{made.uuid}/credit-note"


@pytest.mark.parametrize("part", [{"amount": "2"}, {"lines": "0"}, {}])
def test_a_form_is_sent_twice(owner: Browser, url: str, part: dict[str, str]) -> None:
    tab = {**opened(owner, url, "token"), "reason": "x", **part}
    answers = [owner.post(url, tab) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302] * 3
    assert len({answer.headers["Location"] for answer in answers}) == 1
    if part:
        fresh = opened(owner, url, "token")
        assert fresh["token"] != tab["token"]
        again = owner.post(url, {**fresh, "reason": "x", "amount": "2"})
        assert again.headers["Location"] != answers[0].headers["Location"]


def test_a_line_that_others_credited_does_not_credit_the_other(
    app: Panel, owner: Browser, url: str
) -> None:
    tab = {**opened(owner, url, "token"), "reason": "x", "lines": "0"}
    uuid = url.split("/")[3]
    with app.app_context():
        ten = Money(1000, documents.find_document(uuid).currency)
        credit_notes.credit(actor=AUTOMATION, uuid=uuid, reason="y", lines={0: ten})
    answer = owner.post(url, tab)
    assert (answer.status_code, "Choose at least one line" in answer.text) == (422, True)
