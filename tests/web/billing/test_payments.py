"""Customers pay through gateways: checkout, webhook, return, refunds, and ports."""

from __future__ import annotations

import contextvars
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from puqpanel.domain.money import Money
from puqpanel.host import calls, registry
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live
from puqpanel.models import (
    Payment,
    PaymentAttempt,
    PaymentEvent,
    PaymentMethod,
    Refund,
)
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import (
    books,
    companies,
    credit_notes,
    documents,
    issuing,
    parked_payments,
    payment_polls,
    refunds,
    taxes,
)
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.modules import configured_modules
from tests.coin import COIN, PORTED, book, change, signed
from tests.conftest import STAFF
from tests.sample import activate, write_module
from tests.web.conftest import PASSWORD, Browser


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    base = tmp_path / "modules"
    write_module(base, COIN, type="Payment", name="Coin")
    write_module(base, PORTED, type="Payment", name="Ported")
    return replace(settings, modules_dir=base)


class Outside(Browser):
    """A browser whose requests share nothing with the context of the test."""

    def get(self, path: str, **options: Any) -> TestResponse:
        return contextvars.Context().run(super().get, path, **options)

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        return contextvars.Context().run(super().post, path, data, **options)

    def deliver(self, path: str, **options: Any) -> int:
        """Send a webhook, and return its status."""
        return contextvars.Context().run(self.http.post, path, **options).status_code


class Scene:
    """A company with two gateways, a client with a user, and its invoices."""

    def __init__(self, live: Live, file: Path, drain: Callable[..., None]) -> None:
        self.live, self.file, self.drain = live, file, drain
        with live.ensure().app_context():
            for name in ("Coin", "Ported"):
                activate(live.ensure(), STAFF, name, "Payment")
        self.panel = live.ensure()
        with self.panel.app_context():
            taxes.load_eu_rates(actor=STAFF)
            values = {
                "name": "Fjordhost",
                "country": "PL",
                "street": "ul. Morska 14",
                "city": "Gdynia",
                "vat_number": "PL5260250274",
            }
            companies.save_company(actor=STAFF, uuid=None, values=values)
            self.client = clients.create_client(
                actor=STAFF,
                name="Anna Berg",
                email="anna@example.test",
                country="PL",
                currency="EUR",
                user_password=PASSWORD,
            ).uuid
            self.coin = self.gateway("Coin", {"file": str(file)})
            self.ported = self.gateway("Ported", {})
        self.anna = Outside(self.panel).sign_in("anna@example.test", "/client")

    def gateway(self, name: str, data: dict[str, Any]) -> str:
        row = configured_modules.create_instance(
            actor=STAFF, module_type="Payment", module=f"Payment/{name}", title=f"By {name}"
        )
        with transaction():
            found = configured_modules.find_instance(row.uuid)
            found.data, found.active = data, True
        return row.uuid

    def invoice(self, price: str = "100", kind: str = "invoice") -> str:
        with self.panel.app_context():
            draft = documents.create_draft(
                actor=STAFF,
                client_uuid=self.client,
                draft=Draft([Line("Hosting", Decimal(price))]),
                kind=kind,
            )
            return issuing.issue(actor=STAFF, uuid=draft.uuid).uuid

    def pay(self, *uuids: str, gateway: str = "", **more: Any) -> TestResponse:
        data = {"documents": list(uuids), "gateway": gateway or self.coin, **more}
        return self.anna.post("/client/payments/new", data)

    def attempt(self) -> PaymentAttempt:
        session().rollback()
        query = sa.select(PaymentAttempt).order_by(PaymentAttempt.id.desc())
        found = session().scalars(query).first()
        assert found is not None
        return found

    def deliver(self, *payments: dict[str, Any], secret: str = "", **options: Any) -> int:
        body, headers = signed(list(payments), **({"secret": secret} if secret else {}))
        path = options.pop("path", f"/webhooks/Payment/Coin/{self.coin}")
        return self.anna.deliver(path, data=body, headers=headers)

    def status(self, uuid: str) -> str:
        session().rollback()
        return documents.find_document(uuid).status

    def problems(self) -> list[str]:
        steps = [*books.check(), *books.verify()]
        return [str(each.text) for step in steps for each in step.problems]


@pytest.fixture
def scene(live: Live, tmp_path: Path, drain: Callable[..., None]) -> Iterator[Scene]:
    made = Scene(live, tmp_path / "provider.json", drain)
    with made.panel.app_context():
        yield made


def payment(scene: Scene, **more: Any) -> dict[str, Any]:
    attempt = scene.attempt()
    values = {
        "outside_id": "pi_1",
        "status": "succeeded",
        "amount": str(attempt.amount.major),
        "currency": "EUR",
        "attempt": attempt.uuid,
    }
    return {**values, **more}


def test_an_invoice_is_paid_on_the_page_of_the_gateway(scene: Scene) -> None:
    uuid = scene.invoice()
    page = scene.anna.get(f"/client/invoices/{uuid}")
    assert "Pay now" in page.text
    choices = scene.anna.get(f"/client/payments/new?documents={uuid}")
    assert "By Coin" in choices.text and "By Ported" in choices.text
    answer = scene.pay(uuid)
    assert answer.status_code == 302
    attempt_uuid = scene.attempt().uuid
    assert book(scene.file)["checkouts"] == {attempt_uuid: "123.00"}
    going = scene.anna.get(answer.location)
    assert f'href="https://coin.example/pay/{attempt_uuid}"' in going.text
    assert "data-go" in going.text
    assert scene.deliver(payment(scene, fee=None)) == 200
    assert scene.status(uuid) == "issued"
    scene.drain()
    assert scene.status(uuid) == "paid"
    assert scene.deliver(payment(scene, fee=None)) == 200
    scene.drain()
    assert session().scalar(sa.select(sa.func.count(Payment.id))) == 1
    event = session().scalars(sa.select(PaymentEvent)).one()
    assert (event.status, event.deliveries) == ("read", 2)
    assert "Payment received" in scene.anna.get(f"/client/payments/{attempt_uuid}").text
    assert "By Coin" in scene.anna.get("/client/payments/").text
    assert scene.problems() == []


def test_a_second_click_uses_the_same_checkout(scene: Scene) -> None:
    uuid = scene.invoice()
    first, second = scene.pay(uuid), scene.pay(uuid)
    assert first.location == second.location
    assert len(book(scene.file)["checkouts"]) == 1


def test_the_client_returns_before_the_webhook(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    attempt = scene.attempt()
    change(scene.file, payments={attempt.outside_id: [payment(scene)]})
    answer = scene.anna.get(f"/client/payments/{attempt.uuid}/return")
    assert answer.status_code == 302
    assert "every 3s" in scene.anna.get(answer.location).text
    scene.drain()
    assert scene.status(uuid) == "paid"
    done = scene.anna.get(answer.location)
    assert "every 3s" not in done.text and "Payment received" in done.text


def test_what_is_pending_is_asked_about_until_it_arrives(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    pending = payment(scene, status="pending", reason="The bank transfer is on its way.")
    scene.deliver(pending)
    scene.drain()
    page = scene.anna.get("/client/payments/")
    assert "The bank transfer is on its way." in page.text
    assert (
        "is already being processed"
        in scene.anna.get(f"/client/payments/new?documents={uuid}").text
    )
    change(scene.file, payments={"pi_1": [payment(scene)]})
    with transaction():
        for row in session().scalars(sa.select(Payment)):
            row.next_poll_at = row.created_at
    assert payment_polls.schedule_due() == 1
    scene.drain()
    assert scene.status(uuid) == "paid"
    row = session().scalars(sa.select(Payment)).one()
    assert row.next_poll_at is None


def test_a_part_several_documents_and_wrong_input(scene: Scene) -> None:
    first, second = scene.invoice(), scene.invoice("10")
    assert scene.pay(first, amount="23.00", currency="EUR").status_code == 302
    assert scene.attempt().minor == 2300
    listed = scene.anna.get("/client/invoices/").text
    assert "Pay all" in listed and first in listed and second in listed
    assert scene.pay(first, second).status_code == 302
    assert scene.attempt().minor == 13530
    for wrong in ("0", "-1", "1000", "x", "1e9"):
        assert scene.pay(first, amount=wrong, currency="EUR").status_code == 422
    assert scene.pay(first, gateway="nope").status_code == 422
    assert scene.pay("00000000-0000-4000-8000-000000000000").status_code == 404
    assert scene.pay().status_code == 302
    proforma = scene.invoice("10", "proforma")
    assert scene.pay(proforma, amount="1.00", currency="EUR").status_code == 422


def test_a_gateway_that_is_away_says_so_and_nothing_is_lost(scene: Scene) -> None:
    uuid = scene.invoice()
    change(scene.file, down=True)
    answer = scene.pay(uuid)
    assert answer.status_code != 302 or "go" not in answer.location
    change(scene.file, down=False)
    assert scene.pay(uuid).status_code == 302
    change(scene.file, down=True)
    assert scene.deliver(payment(scene)) == 503
    change(scene.file, down=False, unread=True)
    assert scene.deliver(payment(scene)) == 200
    scene.drain()
    assert scene.status(uuid) == "issued"
    assert session().scalars(sa.select(PaymentEvent)).one().status == "received"


@pytest.mark.parametrize("path", ["/webhooks/Payment/Coin/{ported}", "/webhooks/Payment/Coin/nope"])
def test_webhooks_of_another_gateway_are_not_found(scene: Scene, path: str) -> None:
    scene.invoice()
    path = path.format(ported=scene.ported)
    assert scene.deliver({"outside_id": "x"}, path=path) == 404


def test_forged_events_are_rejected_and_not_stored(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    assert scene.deliver(payment(scene), secret="another secret of it") == 401
    assert scene.anna.deliver(f"/webhooks/Payment/Coin/{scene.coin}") == 401
    assert session().scalar(sa.select(sa.func.count(PaymentEvent.id))) == 0
    assert scene.deliver(payment(scene)) == 200


def test_a_refund_reported_before_its_payment_is_recorded_later(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    back = {
        "type": "refund",
        "payment": "pi_1",
        "outside_id": "re_1",
        "status": "succeeded",
        "amount": "123.00",
        "currency": "EUR",
    }
    scene.deliver(back)
    scene.drain()
    scene.deliver(payment(scene))
    scene.drain()
    assert scene.status(uuid) == "paid"
    event = session().scalars(sa.select(PaymentEvent).order_by(PaymentEvent.id)).first()
    assert event is not None and event.status == "received"


def refund(scene: Scene, uuid: str, mode: str = "") -> Refund:
    scene.pay(uuid)
    scene.deliver(payment(scene))
    scene.drain()
    credit_notes.credit(actor=STAFF, uuid=uuid, reason="goodwill")
    change(scene.file, refund=mode)
    row = session().scalars(sa.select(Payment)).one()
    made = refunds.request(
        actor=STAFF, payment_uuid=row.uuid, amount=Money(12300, "EUR"), reason="goodwill"
    )
    scene.drain()
    session().rollback()
    return refunds.find_refund(made.uuid)


@pytest.mark.parametrize(
    ("mode", "status"), [("", "succeeded"), ("error", "failed"), ("pending", "pending")]
)
def test_refunds_through_the_gateway(scene: Scene, mode: str, status: str) -> None:
    made = refund(scene, scene.invoice(), mode)
    assert made.status == status
    assert scene.problems() == []


def test_a_refund_whose_answer_was_lost_is_repeated_with_the_same_key(scene: Scene) -> None:
    made = refund(scene, scene.invoice(), "lost")
    assert made.status == "unknown"
    assert scene.problems() == []
    with transaction():
        session().execute(sa.text("UPDATE tasks SET run_at = created_at WHERE status = 'retrying'"))
    scene.drain()
    session().rollback()
    assert refunds.find_refund(made.uuid).status == "succeeded"
    assert len(book(scene.file)["refunds"]) == 1


def test_methods_are_saved_if_the_client_agrees(scene: Scene) -> None:
    method = {"outside_id": "pm_1", "customer_id": "cus_1", "brand": "visa", "last4": "4242"}
    uuid = scene.invoice()
    scene.pay(uuid)
    scene.deliver(payment(scene, method=method))
    scene.drain()
    assert session().scalar(sa.select(sa.func.count(PaymentMethod.id))) == 0
    scene.pay(scene.invoice("10"), save_method="y")
    scene.deliver(payment(scene, method=method, outside_id="pi_2"))
    scene.drain()
    row = session().scalars(sa.select(PaymentMethod)).one()
    assert (row.last4, row.automatic) == ("4242", True)
    page = scene.anna.get("/client/payments/")
    assert "Visa •••• 4242" in page.text
    path = f"/client/payments/methods/{row.uuid}"
    assert scene.anna.post(f"{path}/automatic", {"automatic": "0"}).status_code == 302
    assert scene.anna.post(f"{path}/remove").status_code == 302
    assert "4242" not in re.sub(r"removed.*", "", scene.anna.get("/client/payments/").text)
    scene.drain()
    assert book(scene.file)["removed"] == "pm_1"


@pytest.mark.parametrize("nested", [False, True])
def test_a_port_from_the_vendor_documentation_counts_once(scene: Scene, nested: bool) -> None:
    uuid = scene.invoice()
    answer = scene.pay(uuid, gateway=scene.ported)
    page = scene.anna.get(answer.location)
    assert f"https://old.example/?id={uuid}&amp;sum=123.00" in page.text
    message: dict[str, Any] = {"type": "payment_intent.succeeded", "id": "evt_1"}
    if nested:
        message["data"] = {
            "object": {
                "id": "pi_9",
                "amount": 12300,
                "currency": "eur",
                "metadata": {"invoice_uuid": uuid},
            }
        }
    else:
        message |= {
            "transaction_id": "pi_9",
            "amount": "123.00",
            "currency": "EUR",
            "invoice_uuid": uuid,
        }
    path = f"/webhooks/Payment/Ported/{scene.ported}"
    for _ in range(2):
        assert scene.anna.deliver(path, json=message) == 200
    assert scene.status(uuid) == "paid"
    row = session().scalars(sa.select(Payment)).one()
    assert (row.outside_id, row.minor) == ("pi_9", 12300)
    assert scene.anna.deliver(path, json={"type": "payment_intent.succeeded"}) == 422
    assert scene.problems() == []


def test_others_see_nothing(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    attempt = scene.attempt()
    clients.create_client(
        actor=STAFF, name="Tom Other", email="tom@example.test", user_password=PASSWORD
    )
    tom = Outside(scene.panel).sign_in("tom@example.test", "/client")
    for path in (f"{attempt.uuid}", f"{attempt.uuid}/return", f"new?documents={uuid}"):
        assert tom.get(f"/client/payments/{path}").status_code == 404
    assert tom.post("/client/payments/methods/nope/remove").status_code in (302, 404)


def test_the_module_is_called_with_the_attempt(scene: Scene) -> None:
    scene.pay(scene.invoice(), gateway=scene.ported)
    attempt = scene.attempt()
    module = registry.current().modules["Payment/Ported"]
    shown = calls.invoke(
        calls.Call(module, "show_attempt", (attempt.uuid,), instance_uuid=scene.ported)
    )
    assert f"/client/payments/{attempt.uuid}/return" in shown.value
    coin = registry.current().modules["Payment/Coin"]
    call = calls.Call(coin, "charge_attempt", (attempt.uuid,), instance_uuid=scene.coin)
    charged = calls.invoke(call).value
    assert (charged.outside_id, charged.amount) == (f"ch_{attempt.uuid}", Decimal(123))


def test_a_disabled_gateway_still_reads_events_but_is_not_offered(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    configured_modules.switch_instance(actor=STAFF, uuid=scene.coin, active=False)
    assert scene.deliver(payment(scene)) == 200
    scene.drain()
    assert scene.status(uuid) == "paid"
    assert "By Coin" not in scene.anna.get(f"/client/payments/new?documents={scene.invoice()}").text


def test_nothing_is_paid_again_while_a_payment_is_pending(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    scene.deliver(payment(scene, status="pending"))
    scene.drain()
    answer = scene.pay(uuid, gateway=scene.ported)
    assert answer.status_code != 302 or "go" not in answer.location
    assert session().scalar(sa.select(sa.func.count(PaymentAttempt.id))) == 1


def test_an_event_that_cannot_be_recorded_is_shown_as_failed_and_read_again(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    wrong = payment(scene, currency="???")
    assert scene.deliver(wrong) == 200
    scene.drain()
    assert session().scalars(sa.select(PaymentEvent)).one().status == "failed"
    session().rollback()
    assert scene.deliver(wrong) == 200
    session().rollback()
    assert session().scalars(sa.select(PaymentEvent)).one().status == "received"


def test_a_parked_payment_is_not_asked_for_again(scene: Scene) -> None:
    uuid = scene.invoice()
    scene.pay(uuid)
    attempt = scene.attempt().uuid
    scene.deliver(payment(scene, currency="USD"))
    scene.drain()
    page = scene.anna.get(f"/client/payments/{attempt}").text
    assert "We check your payment" in page and "coin.example" not in page
    (row,) = session().scalars(sa.select(Payment)).all()
    parked_payments.dismiss(actor=STAFF, uuid=row.uuid, reason="SUSPECTED-FRAUD", sent_back=True)
    assert "SUSPECTED-FRAUD" not in scene.anna.get("/client/payments/").text


@pytest.mark.parametrize("code", [408, 409, 425, 429, 500])
def test_errors_that_say_nothing_leave_a_refund_unknown(scene: Scene, code: int) -> None:
    change(scene.file, code=code)
    assert refund(scene, scene.invoice(), "code").status == "unknown"
