"""Choosing a client among many: by typing, with a button where there is no script, and in one
capped query.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.db import session, transaction
from puqpanel.models import Client, Service
from tests.web.conftest import Browser

NEW = "/admin/services/new"


@pytest.fixture
def crowd(app: Panel, shop: dict[str, str]) -> dict[str, str]:
    """Three hundred more clients."""
    with app.app_context(), transaction() as current:
        current.add_all(
            Client(name=f"Crowd {n:03}", email=f"crowd{n:03}@many.test", company="Many % Ltd")
            for n in range(300)
        )
    return shop


def services_of(app: Panel, email: str) -> int:
    """How many services a client has."""
    with app.app_context():
        wanted = (
            sa.select(sa.func.count(Service.id))
            .join(Client, Client.id == Service.client_id)
            .where(Client.email == email)
        )
        return session().scalar(wanted) or 0


def test_the_form_offers_few_and_asks_once(
    owner: Browser, crowd: dict[str, str], counted: Callable[[], list[str]]
) -> None:
    owner.get(NEW)
    counted()
    page = owner.get(NEW).text
    assert len([one for one in counted() if "FROM clients" in one]) == 1
    assert page.count('type="radio"') == 8
    assert "The newest clients" in page


def test_the_fragment_finds_by_name_address_company_and_id(
    owner: Browser, crowd: dict[str, str], counted: Callable[[], list[str]]
) -> None:
    find = "/admin/pick/clients"
    owner.get(find)
    counted()
    many = owner.get(find, query_string={"find": "crowd"}).text
    assert len([one for one in counted() if "FROM clients" in one]) == 1
    assert (many.count('type="radio"'), "first of many" in many) == (8, True)
    for text in ("crowd 217", "CROWD217@many.test", "  Crowd   217 "):
        one = owner.get(find, query_string={"find": text}).text
        assert (one.count('type="radio"'), one.count(" checked"), "Crowd 217" in one) == (
            1,
            1,
            True,
        ), text
    assert owner.get(find, query_string={"find": "y % l"}).text.count('type="radio"') == 8
    assert owner.get(find, query_string={"find": crowd["client"]}).text.count('type="radio"') == 1
    assert "No active client matches" in owner.get(find, query_string={"find": "<nobody>%_\0"}).text
    kept = owner.get(find, query_string={"find": "crowd", "client": crowd["client"]}).text
    assert kept.index("Anna Berg") < kept.index("Crowd 000"), (
        "what is chosen stays while somebody types on"
    )


def test_without_a_script_the_button_looks_and_keeps_what_was_typed(
    app: Panel, owner: Browser, crowd: dict[str, str]
) -> None:
    typed = {"find": "crowd 12", "product": crowd["product"], "name": "kept.example"}
    looked = owner.post(NEW, {**typed, "look": "yes"})
    assert (
        looked.status_code,
        looked.text.count('type="radio"'),
        'value="kept.example"' in looked.text,
        'value="crowd 12"' in looked.text,
    ) == (200, 8, True, True)
    assert f'<option selected value="{crowd["product"]}">' in looked.text
    vague = owner.post(NEW, typed)
    assert (
        vague.status_code,
        "Choose who buys it." in vague.text,
        vague.text.count('type="radio"'),
    ) == (422, True, 8)
    assert owner.post(NEW, {**typed, "find": "crowd012@many.test"}).status_code == 302, (
        "who is meant is clear"
    )
    assert services_of(app, "crowd012@many.test") == 1


def test_come_from_a_client_the_client_is_chosen(owner: Browser, crowd: dict[str, str]) -> None:
    page = owner.get(f"{NEW}?client={crowd['client']}").text
    assert (page.count('type="radio"'), f'value="{crowd["client"]}" checked' in page) == (1, True)
    again = owner.post(NEW, {"find": "", "client": crowd["client"], "product": "", "name": ""})
    assert (
        again.status_code,
        f'value="{crowd["client"]}" checked' in again.text,
        "Choose what is bought." in again.text,
    ) == (422, True, True)
    forged = owner.post(NEW, {"client": "no-such-client", "product": crowd["product"], "name": "x"})
    assert (forged.status_code, "no such client" in forged.text) == (422, True)


def test_the_list_of_services_is_filtered_by_what_is_typed(
    app: Panel, owner: Browser, crowd: dict[str, str]
) -> None:
    chip = owner.get("/admin/services/?pick=client").text
    assert '<input class="form-control" type="search" name="client"' in chip
    assert "berg.example" in owner.get("/admin/services/?client=anna%40ex").text
    assert "Nothing matches" in owner.get("/admin/services/?client=crowd").text
    one = owner.get(f"/admin/services/?client={crowd['client']}").text
    assert ("Client: Anna Berg" in one, "berg.example" in one) == (True, True)


def test_who_may_not_sell_is_not_told_of_clients(clerk: Browser, shop: dict[str, str]) -> None:
    assert clerk.get("/admin/pick/clients?find=anna").status_code == 403
