"""The search of the staff area."""

from __future__ import annotations

import re
from decimal import Decimal

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.models import ConfiguredModule, Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, documents, issuing, taxes
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.sample import SELLER
from tests.web.conftest import Browser


def test_it_counts_what_it_does_not_show(app: Panel, owner: Browser) -> None:
    with app.app_context():
        for number in range(10):
            clients.create_client(
                actor=AUTOMATION, name=f"Berg {number}", email=f"b{number}@example.test"
            )
    page = owner.get("/admin/search/?q=berg").text
    assert len(re.findall(r'class="name" href="/admin/clients/', page)) == 8
    assert '<span class="mut num ms-2">10</span>' in page
    assert re.search(r'href="/admin/clients/\?q=berg"[^>]*>Show all<', page)


def test_it_finds_the_start_of_a_uuid(owner: Browser, shop: dict[str, str]) -> None:
    for section, kind in (("clients", "client"), ("services", "service"), ("products", "product")):
        uuid = shop[kind]
        for start in (uuid[:8], uuid[:8].upper(), uuid[:14], uuid):
            link = f'href="/admin/{section}/{uuid}"'
            assert link in owner.get(f"/admin/search/?q={start}").text, start
            assert uuid in owner.get(f"/admin/{section}/?q={start}").text, start
        assert f"/{uuid}" not in owner.get(f"/admin/search/?q={uuid[:3]}").text, "too short"


def test_it_finds_services_by_address_and_names_without_accents(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context(), transaction() as current:
        service = current.scalars(sa.select(Service).where(Service.uuid == shop["service"])).one()
        service.provision_data = {"ipv4": "192.0.2.77", "username": "berg7", "password": "geheim7"}
        service.client.name = "Jörg Müller"
    for text, link in (
        ("192.0.2.77", f"/admin/services/{shop['service']}"),
        ("muller", f"/admin/clients/{shop['client']}"),
        ("MULLER jorg", f"/admin/clients/{shop['client']}"),
    ):
        assert f'href="{link}"' in owner.get(f"/admin/search/?q={text}").text, text
    assert shop["service"] in owner.get("/admin/services/?q=192.0.2.77").text
    assert shop["service"] not in owner.get("/admin/services/?q=geheim7").text


def test_it_finds_gateways_and_senders(app: Panel, clerk: Browser) -> None:
    with app.app_context(), transaction() as current:
        current.add(ConfiguredModule(type="Payment", name="SamplePayment", title="Bank transfer"))
        current.add(ConfiguredModule(type="Notification", name="Sample", title="Bank alerts"))
    owner = Browser(app).sign_in("owner@panel.test")
    page = owner.get("/admin/search/?q=bank").text
    assert "Bank transfer" in page and "Bank alerts" in page
    assert "Bank" not in clerk.get("/admin/search/?q=Bank").text.partition('id="main"')[2].replace(
        "“Bank”", ""
    )


def test_it_answers_scripts_with_a_menu(owner: Browser, shop: dict[str, str]) -> None:
    menu = owner.get("/admin/search/?q=berg.example", headers={"HX-Request": "true"}).text
    assert "<html" not in menu and f"/admin/services/{shop['service']}" in menu
    assert "No results" in owner.get("/admin/search/?q=zzz", headers={"HX-Request": "true"}).text
    assert owner.get("/admin/search/?q=", headers={"HX-Request": "true"}).text.strip() == ""


def test_it_finds_documents_by_number(app: Panel, clerk: Browser) -> None:
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        companies.save_company(
            actor=AUTOMATION, uuid=None, values={**SELLER, "name": "Host", "country": "PL"}
        )
        client = clients.create_client(
            actor=AUTOMATION, name="Ann", email="ann@example.test", country="PL"
        )
        draft = documents.create_draft(
            actor=AUTOMATION, client_uuid=client.uuid, draft=Draft([Line("VPS", Decimal(5))])
        )
        number = issuing.issue(actor=AUTOMATION, uuid=draft.uuid).number
        link = f'href="/admin/documents/{draft.uuid}"'
    assert number is not None
    owner = Browser(app).sign_in("owner@panel.test")
    for text in (number, number.lower()):
        assert link in owner.get(f"/admin/search/?q={text}").text
        assert link not in clerk.get(f"/admin/search/?q={text}").text
