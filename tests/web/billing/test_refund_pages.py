"""Staff refund and check payments of a gateway whose module is active."""

from __future__ import annotations

import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session
from puqpanel.models import Payment, Refund, Task
from puqpanel.operations.accounts import staff
from puqpanel.operations.billing import credit_notes
from tests.coin import book, change
from tests.conftest import STAFF
from tests.web.billing.test_payments import Outside, Scene, payment, scene, settings
from tests.web.conftest import PASSWORD

__all__ = ["scene", "settings"]


def owner_of(scene: Scene) -> Outside:
    staff.create_staff(actor=AUTOMATION, email="owner@panel.test", name="Olga", password=PASSWORD)
    browser = Outside(scene.panel)
    browser.sign_in("owner@panel.test")
    return browser


def test_staff_refund_through_the_gateway(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    scene.deliver(payment(scene))
    scene.drain()
    credit_notes.credit(actor=STAFF, uuid=uuid, reason="goodwill")
    row = session().scalars(sa.select(Payment)).one()
    owner, page = owner_of(scene), f"/admin/payments/{row.uuid}/refund"
    assert "Refund through By Coin" in owner.get(page).text
    data = {"amount": "100.00", "reason": "goodwill", "way": "gateway", "token": "t"}
    for _ in range(2):
        assert owner.post(page, data).status_code == 302
    assert "Requested" in owner.get(f"/admin/payments/{row.uuid}").text
    scene.drain()
    session().rollback()
    made = session().scalars(sa.select(Refund)).one()
    assert made.status == "succeeded"
    assert book(scene.file)["refunds"] == {made.uuid: "100.00"}
    assert scene.problems() == []


def test_staff_check_a_pending_payment_at_the_gateway(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    scene.deliver(payment(scene, status="pending"))
    scene.drain()
    row = session().scalars(sa.select(Payment)).one()
    owner, page = owner_of(scene), f"/admin/payments/{row.uuid}"
    assert "Check at gateway" in owner.get(page).text
    change(scene.file, payments={"pi_1": [payment(scene)]})
    assert owner.post(f"{page}/check").status_code == 302
    scene.drain()
    assert scene.status(uuid) == "paid"
    text = owner.get(page).text
    assert "Check at the gateway requested." in text and "Succeeded" in text
    session().rollback()
    assert session().scalar(sa.select(sa.func.count(Task.id)))
