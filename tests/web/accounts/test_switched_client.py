"""Forms that were opened for one client save nothing for another one."""

from __future__ import annotations

import re

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.models import Invitation
from puqpanel.operations.accounts import clients, members
from tests.web.conftest import Browser
from tests.web.shop.conftest import ADDRESS

DETAILS, INVITE = "/client/address-book/details", "/client/users/invite"


def second_client(app: Panel) -> str:
    """Another client of Anna, which she owns."""
    with app.app_context():
        other = clients.create_client(actor=AUTOMATION, name="Berg Ltd", email="ltd@example.test")
        members.add_user(
            actor=AUTOMATION,
            client_uuid=other.uuid,
            email="anna@example.test",
            name="Anna",
            owner=True,
        )
        return str(other.uuid)


def meant(page: str) -> str:
    return re.findall(r'name="for_client" value="([^"]+)"', page)[-1]


def test_a_form_of_another_tab_saves_nothing_for_the_new_client(
    app: Panel, shop: dict[str, str]
) -> None:
    anna, other = Browser(app).sign_in("anna@example.test", "/client"), second_client(app)
    first = meant(anna.get(DETAILS).text)
    assert first == meant(anna.get(INVITE).text)
    current = {shop["client"]: other, other: shop["client"]}[first]
    assert anna.post("/client/current-client", {"client": current}).status_code == 302
    forms = (
        (DETAILS, {**ADDRESS, "company": "Wrong"}),
        (INVITE, {"email": "x@example.test", "owner": "y"}),
    )
    for path, form in forms:
        refused = anna.post(path, {**form, "for_client": first})
        assert refused.status_code == 409 and "another client" in refused.text
    with app.app_context():
        assert {each.company for each in map(clients.find_client, (first, current))} == {""}
        assert session().scalar(sa.select(sa.func.count(Invitation.id))) == 0
    assert anna.post(DETAILS, {**ADDRESS, "for_client": current}).status_code == 302
