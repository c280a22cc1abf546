"""Staff confirm the VAT number that they saw, not one that was entered meanwhile."""

from __future__ import annotations

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.accounts import clients
from puqpanel.operations.accounts.buyer_details import BuyerDetails
from tests.web.conftest import Browser
from tests.web.test_edits import opened


def test_a_number_that_changed_meanwhile_is_not_confirmed(app: Panel, owner: Browser) -> None:
    values = {"name": "New GmbH", "email": "n@example.test", "country": "DE"}

    def details(number: str) -> BuyerDetails:
        return BuyerDetails(buyer_kind="business", vat_number=number)

    with app.app_context():
        client = clients.create_client(
            actor=AUTOMATION, **values, details=details("DE136695976")
        ).uuid
    url = f"/admin/clients/{client}/vat-number"
    tab = opened(owner, url, "number") | {"status": "confirmed", "reason": "Called"}
    with app.app_context():
        clients.update_client(
            actor=AUTOMATION, uuid=client, **values, details=details("DE129273398")
        )
    answer = owner.post(url, tab)
    assert answer.status_code == 422
    assert "changed to DE129273398 in the meantime" in answer.text
    without = {name: value for name, value in tab.items() if name != "number"}
    assert owner.post(url, without).status_code == 422
    with app.app_context():
        assert clients.find_client(client).vat_status == "pending"
    tab = opened(owner, url, "number") | {"status": "confirmed", "reason": "Called"}
    assert owner.post(url, tab).status_code == 302
