"""Services that staff deliver by hand: what was ordered is readable to staff and the client."""

from __future__ import annotations

import re
from html import unescape

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.catalog import OptionKind, ProvisioningPolicy
from puqpanel.domain.document_states import OPEN
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Document, Option, OptionGroup, Product, Task
from puqpanel.operations.accounts.clients import find_client
from puqpanel.operations.billing import companies, payments, taxes
from puqpanel.operations.catalog import options, products
from puqpanel.operations.catalog.price_rows import Cell
from puqpanel.operations.ordering import changes, orders
from puqpanel.operations.ordering.plans import Target
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.provisioning import requests
from puqpanel.operations.provisioning.services import find_service
from tests.operations.provisioning.provider_file import work
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


def pay(app: Panel) -> None:
    with app.app_context():
        for uuid in session().scalars(sa.select(Document.uuid).where(Document.status.in_(OPEN))):
            payments.mark_paid(actor=AUTOMATION, document_uuid=uuid, reason="cash")
        work()


@pytest.fixture
def changed(app: Panel, sold: dict[str, str]) -> dict[str, str]:
    """The service after its disk was changed from 20 to 50 GB and paid."""
    pay(app)
    with app.app_context():
        target = Target(find_service(sold["uuid"]).product, "monthly", {"disk": "50"})
        changes.request(actor=AUTOMATION, change=changes.Request(sold["uuid"], target, "change"))
    pay(app)
    return sold


def test_staff_are_asked_to_carry_out_a_change(
    app: Panel, owner: Browser, changed: dict[str, str]
) -> None:
    to_do, carried_out = "Change manually: Disk: 20 GB → 50 GB.", "Your change is being applied."
    anna = Browser(app).sign_in("anna@example.test", "/client")
    page = owner.get(changed["service"]).text
    assert to_do in page and "Mark as done" in page
    assert to_do in read(owner, "/admin/")
    assert "vps.example" in owner.get("/admin/services/?tab=to_do").text
    assert carried_out in read(anna, changed["client"])
    with app.app_context():
        task = session().scalars(sa.select(Task).where(Task.job == "ChangeJob")).one()
        assert task.status == "parked"
        uuid = task.uuid
    done = f"{changed['service']}/plan/done"
    assert owner.post(done, {"task": "none"}).status_code == 404
    assert owner.post(done, {"task": uuid}).status_code == 302
    assert to_do not in read(owner, "/admin/")
    assert "Mark as done" not in owner.get(changed["service"]).text
    assert carried_out not in read(anna, changed["client"])
    with app.app_context():
        task = session().scalars(sa.select(Task).where(Task.job == "ChangeJob")).one()
        assert (task.status, str(task.note)) == ("completed", "Marked as done by Olga Owner.")
        entry = sa.select(Audit.actor_name).where(
            Audit.action == "service.change_package_succeeded"
        )
        assert session().scalars(entry).all() == ["Olga Owner"]
    assert owner.post(done, {"task": uuid}).status_code == 302
    assert "can't be marked as done" in read(owner, changed["service"])


def test_a_change_needs_the_permission_to_provision(
    app: Panel, clerk: Browser, changed: dict[str, str]
) -> None:
    page = clerk.get(changed["service"]).text
    assert "Change manually" in page and "Mark as done" not in page
    assert clerk.post(f"{changed['service']}/plan/done", {"task": "x"}).status_code == 403


def test_the_welcome_text_is_shown_while_the_service_is_active(
    app: Panel, sold: dict[str, str]
) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    with app.app_context(), transaction() as current:
        current.scalars(sa.select(Product)).one().welcome = "Hello & <b>welcome</b>\nSSH: port 22"
    page = anna.get(sold["client"], follow_redirects=True).text
    assert "Hello &amp; &lt;b&gt;welcome&lt;/b&gt;\nSSH: port 22" in page
    with app.app_context():
        requests.request(actor=AUTOMATION, service_uuid=sold["uuid"], verb="suspend")
    assert "SSH: port 22" not in anna.get(sold["client"], follow_redirects=True).text


def test_a_change_from_before_the_upgrade_is_a_to_do_too(
    app: Panel, owner: Browser, sold: dict[str, str]
) -> None:
    """Tasks that were added by the version before do not say what the service was."""
    pay(app)
    with app.app_context():
        target = Target(find_service(sold["uuid"]).product, "monthly", {"disk": "50"})
        changes.request(actor=AUTOMATION, change=changes.Request(sold["uuid"], target, "change"))
        for uuid in session().scalars(sa.select(Document.uuid).where(Document.status.in_(OPEN))):
            payments.mark_paid(actor=AUTOMATION, document_uuid=uuid, reason="cash")
        with transaction():
            task = session().scalars(sa.select(Task).where(Task.job == "ChangeJob")).one()
            task.data = {key: task.data[key] for key in ("service", "change")}
        work()
    page = read(owner, sold["service"])
    assert re.search("Change manually: [^→]+, System: Debian 13, Disk: 50 GB, Backup: No\\.", page)


def test_a_service_can_keep_an_option_that_is_hidden(
    app: Panel, owner: Browser, sold: dict[str, str]
) -> None:
    with app.app_context():
        system = next(each for each in options.option_groups() if each.key == "system")
        debian = system.options[0]
        options.save_option(
            actor=AUTOMATION, group_uuid=system.uuid, uuid=None, key="bsd", label="BSD"
        )
        options.save_option(
            actor=AUTOMATION,
            group_uuid=system.uuid,
            uuid=debian.uuid,
            key=debian.key,
            label=debian.label,
            free=True,
            hidden=True,
        )
    anna = Browser(app).sign_in("anna@example.test", "/client")
    with app.app_context():
        for document in session().scalars(sa.select(Document).where(Document.status.in_(OPEN))):
            payments.mark_paid(actor=AUTOMATION, document_uuid=document.uuid, reason="x")
    page = anna.get(f"{sold['client']}/contract/change").text
    assert re.findall(r"<option[^>]*>([^<]*)</option>", page) == ["Debian 13"]  # BSD has no price
    product = product_of(app, sold)
    chosen = {
        "product": product,
        "shown": product,
        "option.system": "debian-13",
        "option.disk": "30",
        "option.backup": "",
    }
    query = "&".join(f"{name}={value}" for name, value in chosen.items())
    page = anna.get(f"{sold['client']}/contract/change?{query}")
    assert "is billed today" in page.text


def product_of(app: Panel, sold: dict[str, str]) -> str:
    """Return the UUID of the product of the service."""
    with app.app_context():
        return find_service(sold["uuid"]).product.uuid


def test_a_change_names_the_option_that_is_refused(app: Panel, sold: dict[str, str]) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    with app.app_context():
        for document in session().scalars(sa.select(Document).where(Document.status.in_(OPEN))):
            payments.mark_paid(actor=AUTOMATION, document_uuid=document.uuid, reason="x")
    product = product_of(app, sold)
    page = f"{sold['client']}/contract/change?product={product}&shown={product}&option.disk=5"
    assert "Disk: Enter a whole number from 10 to 100." in anna.get(page).text
