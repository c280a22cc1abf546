"""The client search of the service form: with and without JavaScript, in one capped query."""

from __future__ import annotations

import re
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


def count_services(app: Panel, email: str) -> int:
    """Return how many services a client has."""
    with app.app_context():
        statement = (
            sa.select(sa.func.count(Service.id))
            .join(Client, Client.id == Service.client_id)
            .where(Client.email == email)
        )
        return session().scalar(statement) or 0


def client_queries(statements: list[str]) -> int:
    """Return how many statements select from clients."""
    return len([statement for statement in statements if "FROM clients" in statement])


def test_form_lists_newest_clients_in_one_query(
    owner: Browser, crowd: dict[str, str], counted: Callable[[], list[str]]
) -> None:
    owner.get(NEW)
    counted()
    page = owner.get(NEW).text
    assert client_queries(counted()) == 1
    assert page.count('type="radio"') == 8
    assert "Showing the newest clients. Type to search." in page


def test_search_by_name_email_company_and_uuid(
    owner: Browser, crowd: dict[str, str], counted: Callable[[], list[str]]
) -> None:
    url = "/admin/pick/clients"
    owner.get(url)
    counted()
    many = owner.get(url, query_string={"find": "crowd"}).text
    assert client_queries(counted()) == 2, "their ids, and the first rows"
    assert (many.count('type="radio"'), "More clients match" in many) == (8, True)
    for text in ("crowd 217", "CROWD217@many.test", "  Crowd   217 "):
        single = owner.get(url, query_string={"find": text}).text
        assert (
            single.count('type="radio"'),
            single.count(" checked"),
            "Crowd 217" in single,
        ) == (1, 1, True), text
    assert owner.get(url, query_string={"find": "y % l"}).text.count('type="radio"') == 8
    assert owner.get(url, query_string={"find": crowd["client"]}).text.count('type="radio"') == 1
    assert "No active client matches" in owner.get(url, query_string={"find": "<nobody>%_\0"}).text
    with_selected = owner.get(url, query_string={"find": "crowd", "client": crowd["client"]}).text
    assert with_selected.index("Anna Berg") < with_selected.index("Crowd 000"), (
        "the selected client stays while the search goes on"
    )


def test_find_button_searches_without_javascript_and_keeps_the_input(
    app: Panel, owner: Browser, crowd: dict[str, str]
) -> None:
    data = {"find": "crowd 12", "product": crowd["offer"], "name": "kept.example"}
    searched = owner.post(NEW, {**data, "look": "yes"})
    assert (
        searched.status_code,
        searched.text.count('type="radio"'),
        'value="kept.example"' in searched.text,
        'value="crowd 12"' in searched.text,
    ) == (200, 8, True, True)
    assert f'<option selected value="{crowd["offer"]}">' in searched.text
    ambiguous = owner.post(NEW, data)
    assert (
        ambiguous.status_code,
        "Choose a client." in ambiguous.text,
        ambiguous.text.count('type="radio"'),
    ) == (422, True, 8)
    assert owner.post(NEW, {**data, "find": "crowd012@many.test"}).status_code == 302, (
        "the e-mail address identifies one client"
    )
    assert count_services(app, "crowd012@many.test") == 1


def test_client_of_the_link_is_selected(owner: Browser, crowd: dict[str, str]) -> None:
    selected = f'value="{crowd["client"]}" checked'
    page = owner.get(f"{NEW}?client={crowd['client']}").text
    assert (page.count('type="radio"'), selected in page) == (1, True)
    again = owner.post(NEW, {"find": "", "client": crowd["client"], "product": "", "name": ""})
    assert (
        again.status_code,
        selected in again.text,
        "Choose a product." in again.text,
    ) == (422, True, True)
    forged = owner.post(NEW, {"client": "no-such-client", "product": crowd["offer"], "name": "x"})
    assert (forged.status_code, "Client not found" in forged.text) == (422, True)


def test_service_list_filters_by_client(app: Panel, owner: Browser, crowd: dict[str, str]) -> None:
    chip = owner.get("/admin/services/?pick=client").text
    assert re.search(r'<input\s+class="form-control"\s+type="search"\s+name="client"', chip)
    assert "berg.example" in owner.get("/admin/services/?client=anna%40ex").text
    assert "No results" in owner.get("/admin/services/?client=crowd").text
    filtered = owner.get(f"/admin/services/?client={crowd['client']}").text
    assert ("Client: Anna Berg" in filtered, "berg.example" in filtered) == (True, True)


def test_search_requires_permission_to_manage_services(
    clerk: Browser, shop: dict[str, str]
) -> None:
    assert clerk.get("/admin/pick/clients?find=anna").status_code == 403
