"""Customers change the details on their documents in the client area too."""

from __future__ import annotations

from puqpanel.app import Panel
from puqpanel.domain.principals import CLI
from puqpanel.operations.accounts import clients, members
from tests.web.conftest import PASSWORD, Browser

DETAILS = {
    "buyer_kind": "business",
    "company": "Berg GmbH",
    "vat_number": "DE136695976",
    "street": "Hauptstr. 1",
    "postcode": "10115",
    "city": "Berlin",
    "region": "",
    "country": "DE",
}
PATH = "/client/address-book/details"


def test_a_user_changes_the_billing_details(app: Panel, shop: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    assert f'href="{PATH}"' in anna.get("/client/address-book/").text
    wrong = anna.post(PATH, {**DETAILS, "vat_number": "DE123456789"})
    assert wrong.status_code == 422 and "Berg GmbH" in wrong.text
    exempt = anna.post(PATH, {**DETAILS, "buyer_kind": "exempt"})
    assert exempt.status_code == 422, "only staff grant an exemption"
    assert anna.post(PATH, DETAILS).headers["Location"] == "/client/address-book/"
    page = anna.get("/client/address-book/").text
    assert "Hauptstr. 1, 10115 Berlin" in page and "DE136695976" in page
    with app.app_context():
        client = clients.find_client(shop["client"])
        assert (client.company, client.buyer_kind) == ("Berg GmbH", "business")


def test_a_user_who_may_only_view_them_cannot(app: Panel, shop: dict[str, str]) -> None:
    with app.app_context():
        members.add_user(
            actor=CLI,
            client_uuid=shop["client"],
            email="uma@example.test",
            name="Uma User",
            password=PASSWORD,
            permissions=["profile.view"],
        )
    uma = Browser(app).sign_in("uma@example.test", "/client")
    assert PATH not in uma.get("/client/address-book/").text
    assert uma.post(PATH, DETAILS).status_code == 403


def test_a_blank_address_names_all_that_is_missing(app: Panel, shop: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    blank = anna.post("/client/address-book/addresses/new", {"country": "DE"})
    assert blank.status_code == 422
    for text in ("Enter a label.", "Enter the street", "Enter the postal code", "Enter the city"):
        assert text in blank.text
