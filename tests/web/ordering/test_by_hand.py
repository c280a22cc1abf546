"""Services that staff deliver by hand: what was ordered is readable to staff and the client."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.catalog import OptionKind, ProvisioningPolicy
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.models import Option, OptionGroup, Product
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies, taxes
from puqpanel.operations.catalog import options, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import orders
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from tests.sample import SELLER
from tests.web.conftest import Browser


def group(key: str, label: str, **values: object) -> OptionGroup:
    made = options.save_option_group(actor=AUTOMATION, uuid=None, key=key, label=label, **values)  # type: ignore[arg-type]
    if made.kind == OptionKind.CHOICE:
        options.save_option(
            actor=AUTOMATION,
            group_uuid=made.uuid,
            uuid=None,
            key="debian-13",
            label="Debian 13",
            free=True,
        )
    else:
        cells = [Cell("monthly", "EUR", None, "0.10")]
        option = made.options[0].uuid
        options.save_option_prices(actor=AUTOMATION, option_uuid=option, cells=cells)
    return made


@pytest.fixture
def sold(app: Panel, shop: dict[str, str]) -> dict[str, str]:
    """The addresses of an order and of its active service, with a system, a disk and no backup."""
    with app.app_context():
        taxes.load_eu_rates(actor=AUTOMATION)
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        groups = [
            group("system", "System"),
            group("disk", "Disk", kind="quantity", unit="GB", minimum=10, maximum=100),
            group("backup", "Backup", kind="yes_no"),
        ]
        options.assign_option_groups(
            actor=AUTOMATION,
            product_uuid=shop["product"],
            group_uuids=[each.uuid for each in groups],
        )
        with transaction():
            product = products.find_product(shop["product"])
            product.provisioning = ProvisioningPolicy.BY_HAND
        choice = Choice(product, "monthly", {"disk": "20"}, name="vps.example")
        order = orders.place(
            actor=AUTOMATION,
            request=orders.Request(find_client(shop["client"]).uuid, [choice], "token"),
        )
        service = order.items[0].service.uuid
        requests.request(actor=AUTOMATION, service_uuid=service, verb="create")
        return {
            "order": f"/admin/orders/{order.uuid}",
            "service": f"/admin/services/{service}",
            "client": f"/client/services/{service}",
            "uuid": service,
        }


def read(browser: Browser, path: str) -> str:
    """Return the words of a page."""
    page = browser.get(path, follow_redirects=True).text
    words = re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(words).split()).replace(" : ", ": ")


def pages(app: Panel, owner: Browser, sold: dict[str, str]) -> list[str]:
    """Return the words of the order, and of the service for staff and for the client."""
    anna = Browser(app).sign_in("anna@example.test", "/client")
    return [
        read(owner, sold["order"]),
        read(owner, sold["service"]),
        read(anna, sold["client"]),
    ]


def test_what_was_chosen_is_shown(app: Panel, owner: Browser, sold: dict[str, str]) -> None:
    order, *services = pages(app, owner, sold)
    assert "System: Debian 13 Disk: 20 GB Backup: No" in order
    for page in services:
        assert "Configuration System Debian 13 Disk 20 GB Backup No" in page


def test_what_was_chosen_stays_readable(app: Panel, owner: Browser, sold: dict[str, str]) -> None:
    with app.app_context(), transaction() as current:
        current.execute(sa.update(OptionGroup).values(label=OptionGroup.label + " (old)"))
        system = sa.select(OptionGroup.id).where(OptionGroup.key == "system").scalar_subquery()
        current.execute(sa.delete(Option).where(Option.group_id == system))
        product = current.scalar(sa.select(Product.uuid))
        options.assign_option_groups(actor=AUTOMATION, product_uuid=product, group_uuids=[])
    order, *services = pages(app, owner, sold)
    assert "System (old): debian-13 Disk (old): 20 GB" in order
    for page in services:
        assert "System (old) debian-13 Disk (old) 20 GB" in page
