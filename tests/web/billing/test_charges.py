"""Saved payment methods are charged: once for each try, never twice while an outcome is unknown."""

from __future__ import annotations

import contextvars
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra import clock, events
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.models import Client, Payment, PaymentAttempt, PaymentMethod, Task
from puqpanel.operations.accounts import clients, staff
from puqpanel.operations.automation import charging
from puqpanel.operations.billing import documents, method_charges, payment_methods, payments
from puqpanel.operations.modules import configured_modules
from puqpanel.operations.oversight import health
from puqpanel.operations.system import settings as panel_settings
from puqpanel.tasks import run as engine
from tests.cli.running import puqpanel
from tests.coin import book, change
from tests.conftest import STAFF
from tests.operations.automation.unpaid import ran
from tests.web.billing.test_payments import Outside, Scene, payment, scene, settings  # noqa: F401
from tests.web.conftest import PASSWORD

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def method(scene: Scene) -> str:  # noqa: F811
    """The UUID of a saved method that is charged automatically."""
    return save_method(scene.client, scene.coin)


def save_method(client_uuid: str, gateway: str, outside_id: str = "pm_1") -> str:
    with transaction() as current:
        client = current.scalars(sa.select(Client).where(Client.uuid == client_uuid)).one()
        row = PaymentMethod(
            gateway=gateway,
            client_id=client.id,
            outside_id=outside_id,
            customer_id="cus_1",
            brand="visa",
            last4="4242",
            automatic=True,
        )
        current.add(row)
        current.flush()
        return str(row.uuid)


def issue(scene: Scene, **more: Any) -> str:  # noqa: F811
    """Issue a document that is due at noon."""
    with clock.at(NOON - timedelta(days=14)):
        uuid = scene.invoice(**more)
    session().rollback()
    due_on = documents.find_document(uuid).due_on
    assert due_on == NOON.date()
    session().rollback()
    return uuid


def at(days: int, **more: int) -> Any:
    return clock.at(NOON + timedelta(days=days, **more))


def work() -> None:
    """Run the tasks that are queued."""
    session().rollback()
    query = sa.select(Task.id).where(
        Task.status.in_(("queued", "retrying")),
        Task.job.in_(("ChargeJob", "RemoveMethodJob")),
        Task.run_at <= clock.now(),
    )
    for task_id in session().scalars(query.order_by(Task.id)).all():
        session().rollback()
        engine.run(task_id, HANDLERS)
    session().rollback()
    session().expire_all()


def charges() -> list[PaymentAttempt]:
    session().rollback()
    session().expire_all()
    query = sa.select(PaymentAttempt).where(PaymentAttempt.method_id.is_not(None))
    return list(session().scalars(query.order_by(PaymentAttempt.id)))


@pytest.mark.parametrize("kind", ["invoice", "proforma"])
def test_a_document_is_charged_once_on_its_due_date(scene: Scene, method: str, kind: str) -> None:  # noqa: F811
    uuid = issue(scene, kind=kind)
    with at(-1):
        assert list(charging.due()) == []
        assert charging.run(actor=AUTOMATION).opened == 0
        planned = charging.planned(documents.find_document(uuid))
        assert planned is not None and (planned[0], planned[1].uuid) == (NOON.date(), method)
    for hour in range(24):
        with clock.at(NOON.replace(hour=0) + timedelta(hours=hour)):
            assert charging.run_automatically() == (1 if hour == 0 else 0)
            work()
    assert scene.status(uuid) == "paid"
    (attempt,) = charges()
    assert (attempt.status, attempt.minor) == ("succeeded", 12300)
    assert book(scene.file)["charges"] == [attempt.uuid]
    assert len(session().scalars(sa.select(Payment)).all()) == 1
    assert scene.problems() == []


def run(days: int, **more: int) -> int:
    """Run the hourly job on a day after the due date, and then its tasks."""
    with at(days, **more):
        ran()
        opened = charging.run(actor=AUTOMATION).opened
        work()
    return opened


@pytest.mark.sqlite
def test_the_first_day_is_a_setting(scene: Scene, method: str) -> None:  # noqa: F811
    issue(scene)
    panel_settings.save(actor=AUTOMATION, values={"billing.charge_days_before": "3"})
    assert run(-4) == 0
    panel_settings.save(actor=AUTOMATION, values={"billing.automatic_charges": ""})
    with at(-3):
        assert charging.run_automatically() == 0
    panel_settings.save(actor=AUTOMATION, values={"billing.automatic_charges": "1"})
    assert run(-3) == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("days", [10, 700])
def test_old_documents_are_left_to_staff(scene: Scene, method: str, days: int) -> None:  # noqa: F811
    uuid = issue(scene)
    assert run(days) == 0
    with at(days):
        assert charging.planned(documents.find_document(uuid)) is None


def test_two_runs_at_once_charge_once(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    with at(0):
        start, done = threading.Barrier(2), []

        def one() -> None:
            with scene.panel.app_context():
                start.wait()
                done.append(charging.run(actor=AUTOMATION).opened)

        runs = [threading.Thread(target=contextvars.copy_context().run, args=(one,)) for _ in "ab"]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        assert sum(done) == 1
        work()
    assert scene.status(uuid) == "paid"
    assert len(book(scene.file)["charges"]) == 1


def test_a_charge_without_an_answer_is_repeated_with_the_same_key(
    scene: Scene,  # noqa: F811
    method: str,
) -> None:
    uuid = issue(scene)
    change(scene.file, charge="once")
    assert run(0) == 1
    (attempt,) = charges()
    assert (attempt.status, scene.status(uuid)) == ("unknown", "issued")
    assert run(0, minutes=10) == 0
    assert scene.status(uuid) == "paid"
    (attempt,) = charges()
    assert attempt.status == "succeeded"
    assert book(scene.file)["charges"] == [attempt.uuid] * 2
    assert len(session().scalars(sa.select(Payment)).all()) == 1
    assert scene.problems() == []


def test_nothing_is_charged_again_while_an_outcome_is_unknown(
    scene: Scene,  # noqa: F811
    method: str,
    settings: Settings,  # noqa: F811
) -> None:
    uuid = issue(scene)
    change(scene.file, charge="lost")
    assert run(0) == 1
    for minutes in range(10, 200, 10):
        assert run(0, minutes=minutes) == 0
    (attempt,) = charges()
    assert attempt.status == "unknown" and "did not confirm" in str(attempt.reason)
    called = len(book(scene.file)["charges"])
    assert 1 < called <= method_charges.REPEATS
    with at(0, hours=4):
        (check,) = health.look(settings, ["payments"]).checks
        assert "charges with an unknown outcome: 1." in str(check.text)
    change(scene.file, charge="succeeded")
    assert [run(3), run(5)] == [0, 0]
    assert len(book(scene.file)["charges"]) == called
    with pytest.raises(InvalidInput):
        method_charges.mark_not_charged(actor=STAFF, uuid=attempt.uuid, reason=" ")
    method_charges.mark_not_charged(actor=STAFF, uuid=attempt.uuid, reason="not at the provider")
    assert run(5) == 1
    assert scene.status(uuid) == "paid"


def test_an_error_that_is_not_definite_leaves_the_charge_unknown(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    change(scene.file, charge="busy")
    assert run(0) == 1
    assert charges()[0].status == "unknown"
    change(scene.file, charge="succeeded")
    run(0, minutes=10)
    assert scene.status(uuid) == "paid"
    assert len(book(scene.file)["charges"]) == 2


def test_an_unknown_charge_that_is_reported_later_counts_once(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    change(scene.file, charge="lost")
    run(0)
    (attempt,) = charges()
    report = payment(scene, outside_id="ch_" + attempt.uuid)
    assert scene.deliver(report) == 200
    scene.drain()
    assert scene.status(uuid) == "paid"
    change(scene.file, charge="succeeded")
    run(0, minutes=10)
    assert charges()[0].status == "succeeded"
    assert len(book(scene.file)["charges"]) == 1
    assert len(session().scalars(sa.select(Payment)).all()) == 1


@pytest.mark.parametrize("mode", ["failed", "error"])
def test_three_failures_switch_the_method_off(
    scene: Scene,  # noqa: F811
    method: str,
    mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raised: list[tuple[str, Any]] = []
    recorders = [*events._recorders, lambda name, payload: raised.append((name, dict(payload)))]
    monkeypatch.setattr(events, "_recorders", recorders)
    uuid = issue(scene)
    other = issue(scene, price="10")
    change(scene.file, charge=mode, reason="The card has expired.")
    assert [run(day) for day in range(12)] == [2, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0, 0]
    row = payment_methods.find_method(method)
    assert (row.active, row.automatic, row.failures) == (False, False, 3)
    failed = [payload for name, payload in raised if name == "invoice.charge_failed"]
    assert [each["invoice_uuid"] for each in failed] == [uuid, other, uuid, other, uuid]
    expected = "The card has expired." if mode == "failed" else "Declined: code 51."
    assert {each["reason"] for each in failed} == {expected}
    assert [name for name, _payload in raised].count("payment_method.disabled") == 1
    assert [attempt.status for attempt in charges()] == ["failed"] * 5 + ["expired"]
    assert scene.status(uuid) == "issued"
    issue(scene)
    assert run(0) == 0
    assert scene.problems() == []


def test_a_document_that_is_paid_before_the_charge_is_not_charged(
    scene: Scene,  # noqa: F811
    method: str,
) -> None:
    uuid = issue(scene)
    with at(0):
        found = list(charging.due())
        assert [(each.document.uuid, each.number) for each in found] == [(uuid, 1)]
        assert charging.run(actor=AUTOMATION).opened == 1
        payments.mark_paid(actor=STAFF, document_uuid=uuid, reason="cash")
        work()
        again = method_charges.charge_automatically(
            actor=AUTOMATION, document_uuid=uuid, method_uuid=method, number=2
        )
        assert again is None
    assert "charges" not in book(scene.file)
    (attempt,) = charges()
    assert attempt.status == "expired"
    assert payment_methods.find_method(method).failures == 0


def test_a_removed_method_is_not_charged_and_its_gateway_is_told(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    with at(0):
        assert charging.run(actor=AUTOMATION).opened == 1
        path = f"/client/payments/methods/{method}/remove"
        assert scene.anna.post(path).status_code == 302
    with clock.at(clock.now()):
        with transaction():
            session().execute(sa.update(Task).values(run_at=clock.now()))
        work()
    assert book(scene.file) == {"removed": "pm_1"}
    assert scene.status(uuid) == "issued"


def test_payments_that_are_pending_or_being_made_block(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    with at(0):
        assert scene.pay(uuid).status_code == 302
    attempt_uuid = scene.attempt().uuid
    with transaction():
        session().execute(sa.update(PaymentAttempt).values(created_at=NOON))
    assert run(0, minutes=50) == 0
    scene.deliver(payment(scene, status="pending"))
    scene.drain()
    assert [run(0, minutes=90), run(3)] == [0, 0]
    scene.deliver(payment(scene, status="failed", attempt=attempt_uuid))
    scene.drain()
    assert run(3) == 1
    assert scene.status(uuid) == "paid"


def test_a_pending_charge_ends_when_it_is_reported(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    change(scene.file, charge="pending", action_url="https://coin.example/confirm")
    assert run(0) == 1
    assert [run(3), run(5)] == [0, 0]
    (attempt,) = charges()
    page = scene.anna.get(f"/client/payments/{attempt.uuid}").text
    assert "Confirm payment" in page and "https://coin.example/confirm" in page
    report = payment(scene, outside_id="ch_" + attempt.uuid)
    scene.deliver(report)
    scene.drain()
    assert (scene.status(uuid), charges()[0].status) == ("paid", "succeeded")


@pytest.mark.parametrize("kind", ["invoice", "proforma"])
def test_credit_pays_first(scene: Scene, method: str, kind: str) -> None:  # noqa: F811
    covered, uuid = issue(scene, price="10", kind=kind), issue(scene, kind=kind)
    company = documents.find_document(uuid).company
    received = payments.Received(Money(2230, "EUR"))
    payments.receive(actor=STAFF, client_uuid=scene.client, company=company, received=received)
    assert run(0) == 1
    assert (scene.status(covered), scene.status(uuid)) == ("paid", "paid")
    (attempt,) = charges()
    assert attempt.minor == 12300 - (2230 - 1230)
    assert scene.problems() == []


def test_other_clients_gateways_and_funds_are_not_charged(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = issue(scene)
    with transaction():
        gateway = configured_modules.find_instance(scene.coin)
        gateway.currencies = "PLN"
    assert run(0) == 0
    with at(0):
        assert charging.planned(documents.find_document(uuid)) is None
    with transaction():
        configured_modules.find_instance(scene.coin).currencies = ""
        method_row = payment_methods.find_method(method)
        method_row.automatic = False
    assert run(0) == 0


def pay_with(scene: Scene, method: str, uuid: str, **more: Any) -> Any:  # noqa: F811
    return scene.pay(uuid, gateway=f"method:{method}", **more)


def test_a_customer_pays_with_a_saved_method(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = scene.invoice()
    form = scene.anna.get(f"/client/payments/new?documents={uuid}").text
    assert form.index("Visa •••• 4242") < form.index("By Coin")
    answer = pay_with(scene, method, uuid)
    assert answer.status_code == 302
    assert pay_with(scene, method, uuid).location == answer.location
    busy = scene.anna.get(answer.location).text
    assert "every 3s" in busy and "Visa •••• 4242" in busy
    scene.drain()
    done = scene.anna.get(answer.location).text
    assert "Payment received" in done and "every 3s" not in done
    assert scene.status(uuid) == "paid"
    assert len(book(scene.file)["charges"]) == 1


def test_a_refused_charge_offers_other_ways(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = scene.invoice()
    change(scene.file, charge="error")
    answer = pay_with(scene, method, uuid, amount="23.00", currency="EUR")
    scene.drain()
    page = scene.anna.get(answer.location).text
    assert "Payment not completed" in page and "Pay again" in page and "code 51" not in page
    assert "By Coin" in scene.anna.get(f"/client/payments/new?documents={uuid}").text
    assert charges()[0].minor == 2300


def test_methods_of_other_clients_are_not_found(scene: Scene, method: str) -> None:  # noqa: F811
    tom = clients.create_client(
        actor=STAFF,
        name="Tom Other",
        email="tom@example.test",
        country="PL",
        currency="EUR",
        user_password=PASSWORD,
    )
    foreign = save_method(tom.uuid, scene.coin, "pm_2")
    uuid = scene.invoice()
    assert pay_with(scene, foreign, uuid).status_code == 404
    assert pay_with(scene, "nope", uuid).status_code == 404
    assert scene.anna.post(f"/client/payments/methods/{foreign}/remove").status_code == 404
    assert charges() == []


def test_pages_show_when_and_why(scene: Scene, method: str) -> None:  # noqa: F811
    uuid = scene.invoice()
    page = scene.anna.get(f"/client/invoices/{uuid}").text
    assert "Will be charged to Visa" in page and "Visa •••• 4242" in page
    change(scene.file, charge="lost")
    answer = pay_with(scene, method, uuid)
    scene.drain()
    (attempt,) = charges()
    assert attempt.status == "unknown"
    assert "being charged" in scene.anna.get(answer.location).text
    assert "View payment" in scene.anna.get(f"/client/payments/new?documents={uuid}").text
    path = f"/admin/documents/{uuid}"
    staff.create_staff(
        actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
    )
    owner = Outside(scene.panel).sign_in("owner@panel.test")
    shown = owner.get(path).text
    assert "Visa •••• 4242" in shown and "Unknown" in shown
    at_form = f"{path}/attempts/{attempt.uuid}"
    assert f'href="{at_form}"' in shown
    assert owner.get(at_form).status_code == 200
    assert owner.post(at_form, {"reason": ""}).status_code == 422
    assert owner.post(at_form, {"reason": "Not at the provider"}).status_code == 302
    assert charges()[0].status == "failed"
    shown = owner.get(path).text
    assert "Not at the provider" in shown and f'href="{at_form}"' not in shown
    assert owner.post(at_form, {"reason": "Again"}).status_code != 500
    assert "Payment not completed" in scene.anna.get(answer.location).text


def test_the_dry_run_shows_what_would_be_charged(
    scene: Scene,  # noqa: F811
    method: str,
    settings: Settings,  # noqa: F811
) -> None:
    uuid = scene.invoice()
    due_on = documents.find_document(uuid).due_on
    session().rollback()
    assert due_on is not None
    command = (settings.instance, "billing", "run", "--date", due_on.isoformat(), "--dry-run")
    options = {
        "PUQPANEL_DATABASE_URL": settings.database_url,
        "PUQPANEL_MODULES_DIR": str(settings.modules_dir),
    }
    (charge,) = json.loads(puqpanel(*command, "--json", **options).stdout)["charges"]
    assert (charge["document"], charge["method"], charge["amount"], charge["try"]) == (
        uuid,
        "Visa •••• 4242",
        "123.00",
        1,
    )
    assert "would be charged to Visa •••• 4242 by By Coin" in puqpanel(*command, **options).stdout
    assert charges() == []
