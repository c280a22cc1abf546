"""Pages of an object show what belongs to other areas only with the permission of that area."""

from __future__ import annotations

import pytest

from puqpanel.app import Panel
from puqpanel.domain.permissions import (
    CLIENTS_VIEW,
    DOCUMENTS_VIEW,
    ORDERS_VIEW,
    PAYMENTS_VIEW,
    SERVICES_VIEW,
)
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.operations.system import audit
from tests.web.accounts.test_roles import sign_in

SHOWN = {
    SERVICES_VIEW: ("berg.example", "<h2>Services</h2>", "Moved elsewhere"),
    ORDERS_VIEW: ("Order 5 placed", "Show orders"),
    PAYMENTS_VIEW: ("58.90", "<dt>Credit</dt>"),
    DOCUMENTS_VIEW: ("Draft deleted", "<dt>Amount due</dt>", "Show documents"),
}
"""Permission → what the page of the client shows with it only."""
ENTRIES = {
    "client.updated": "Client changed",
    "service.transferred": "Moved elsewhere",
    "order.placed": "Order 5 placed, 8.61 EUR.",
    "payment.recorded": "Payment of 58.90 EUR recorded.",
    "document.deleted": "Draft deleted",
}


@pytest.mark.parametrize("permission", ["", *SHOWN])
def test_the_page_of_a_client(app: Panel, shop: dict[str, str], permission: str) -> None:
    with app.app_context(), transaction():
        for action, summary in ENTRIES.items():
            audit.record(
                actor=AUTOMATION,
                action=action,
                subject_type="client",
                subject_uuid=shop["client"],
                summary=summary,
            )
    browser = sign_in(app, "single", [CLIENTS_VIEW, *filter(None, [permission])])
    page = browser.get(f"/admin/clients/{shop['client']}").text
    assert "Client changed" in page
    for needed, texts in SHOWN.items():
        assert [text for text in texts if (text in page) is not (needed == permission)] == []


def test_the_timeline_of_an_object_has_all_its_own_entries(
    app: Panel, shop: dict[str, str]
) -> None:
    browser = sign_in(app, "single", [SERVICES_VIEW])
    assert "No activity yet" not in browser.get(f"/admin/services/{shop['service']}").text
