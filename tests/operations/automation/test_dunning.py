"""What happens if documents are not paid: each step once, on its day, and undone when paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.service_states import VERBS
from puqpanel.host.contract.payments import DisputeReport
from puqpanel.infra import events
from puqpanel.infra.db import session, transaction
from puqpanel.models import Product, Service, Step, Task
from puqpanel.operations.automation import dunning, renewals, suspensions, unpaid_services
from puqpanel.operations.billing import (
    companies,
    credit_notes,
    issuing,
    payment_reports,
    payments,
)
from puqpanel.operations.billing.uncredited import creditable
from puqpanel.operations.ordering import acceptance
from puqpanel.operations.provisioning import requests, settlement
from puqpanel.operations.provisioning.services import lock_service
from puqpanel.operations.system import settings
from tests.operations.automation.unpaid import documents, ran, run, status, taken, work
from tests.operations.billing.conftest import STAFF, client, company, invoice  # noqa: F401
from tests.operations.billing.test_issuing import problems
from tests.operations.billing.test_payment_reports import attempt, make_gateway, report
from tests.operations.ordering.dated import at, buy, fresh, sold
from tests.overlap import run_beside

Raised = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def service(company: Any, client: Any) -> str:  # noqa: F811
    """The UUID of a service whose second month is invoiced and due on 30 April."""
    with at("2026-03-31"):
        product = sold("VPS", {"monthly": "10"}, suspend_after_days=7, terminate_after_days=30)
        order = buy(client, product)
    with at("2026-04-20"):
        renewals.run(actor=AUTOMATION)
    assert documents()[-1].due_on == date(2026, 4, 30)
    return str(order.items[0].service.uuid)


@pytest.fixture
def raised(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> Raised:
    """Events that were raised about documents."""
    found: Raised = []

    def record(name: str, payload: Any) -> None:
        if name in ("invoice.overdue", "invoice.reminder"):
            found.append((name, dict(payload)))

    monkeypatch.setattr(events, "_recorders", [*events._recorders, record])
    return found


def pay(at_index: int = -1) -> None:
    payments.mark_paid(actor=STAFF, document_uuid=documents()[at_index].uuid, reason="bank")


def moment(text: str) -> Any:
    return time_machine.travel(datetime.fromisoformat(text).replace(tzinfo=UTC), tick=False)


def test_an_unpaid_service_is_suspended_then_terminated(service: str) -> None:
    with at("2026-05-06"):
        run()
        assert status(service) == "active"
    with at("2026-05-07"):
        assert run()["suspend"] == 1
        assert status(service) == "suspended"
        assert run() == {}
    for day in ("2026-05-08", "2026-05-29"):
        with at(day):
            ran()
            assert "terminate" not in run()
    with at("2026-05-30"):
        assert run()["terminate"] == 1
        assert status(service) == "terminated"
        pay()  # late: it is booked and changes nothing
        assert run() == {}
    assert (status(service), documents()[-1].status) == ("terminated", "paid")
    days = ["2026-05-06", "2026-05-07", "2026-05-30"]
    assert taken() == list(zip(("overdue", "suspend", "terminate"), days, strict=True))
    assert problems() == []


def test_suspended_at_0005_and_paid_at_0020_is_unsuspended(service: str) -> None:
    with moment("2026-05-06T22:05:00"):  # in Warsaw, the day has begun
        assert run()["suspend"] == 1
    assert status(service) == "suspended"
    with moment("2026-05-06T22:20:00"):
        pay()
        work()
        assert status(service) == "active"
        assert run() == {}
        assert fresh(service).paid_until == date(2026, 5, 31)
    with at("2026-05-20"):
        ran()
        renewals.run(actor=AUTOMATION)
        assert fresh(service).paid_until == date(2026, 6, 30)
    with at("2026-06-07"):  # for the next document, it is suspended again
        ran()
        assert run()["suspend"] == 1
    assert [step for step, _day in taken() if step != "overdue"] == [
        "suspend", "unsuspend", "suspend",
    ]  # fmt: skip
    assert problems() == []


def test_288_runs_in_a_day_remind_once(service: str, raised: Raised) -> None:
    start = datetime(2026, 5, 2, 22, tzinfo=UTC)
    for number in range(288):
        with time_machine.travel(start + timedelta(minutes=5 * number), tick=False):
            dunning.run(actor=AUTOMATION)
    uuid, client_uuid = documents()[-1].uuid, documents()[-1].client.uuid
    payload = {"invoice_uuid": uuid, "client_uuid": client_uuid}
    assert raised == [("invoice.overdue", payload), ("invoice.reminder", {**payload, "days": 3})]
    assert taken() == [("overdue", "2026-05-03"), ("reminder", "2026-05-03")]


def test_reminders_come_on_their_days_only(service: str, raised: Raised) -> None:
    values = {"automation.reminders_before": "7, 2", "automation.reminders_after": "1 3"}
    settings.save(actor=STAFF, values=values)
    for day in range(20, 30):
        with at(f"2026-04-{day}"):
            dunning.run(actor=AUTOMATION)
    assert [payload["days"] for _name, payload in raised] == [-7, -2]
    with at("2026-05-04"):  # the run of the third failed: the latest one only, a day late
        dunning.run(actor=AUTOMATION)
        dunning.run(actor=AUTOMATION)
    assert [payload.get("days") for _name, payload in raised] == [-7, -2, None, 3]
    with at("2026-08-01"):
        dunning.run(actor=AUTOMATION)
    assert len(raised) == 4


def test_no_reminder_on_the_day_of_issue_or_without_settings(
    invoice: Callable[..., Any],  # noqa: F811
    raised: Raised,
) -> None:
    settings.save(actor=STAFF, values={"automation.reminders_before": "14, 7"})
    with at("2026-05-01"):
        invoice("10")
        dunning.run(actor=AUTOMATION)
    assert raised == []
    settings.save(actor=STAFF, values={"automation.reminders_before": ""})
    with at("2026-05-08"):
        dunning.run(actor=AUTOMATION)
    assert raised == []


def test_what_is_paid_between_choice_and_act_is_left_alone(service: str) -> None:
    with at("2026-05-07"):
        (found,) = unpaid_services.due()
        stale = dunning.due()
        pay()
        assert not suspensions.take(found)
        dunning.overdue_documents.carry_out(stale.documents)
        assert taken() == []


def test_what_is_paid_between_claim_and_task_is_left_alone(service: str) -> None:
    with at("2026-05-07"):
        dunning.run(actor=AUTOMATION)
        pay()
        work()
        assert status(service) == "active"
        assert run() == {}


def test_what_is_paid_while_the_module_suspends_is_unsuspended(service: str) -> None:
    with at("2026-05-07"):
        dunning.run(actor=AUTOMATION)
        requests._reserve(AUTOMATION, service, "suspend")
        pay()
        work()  # the unsuspension waits
        assert fresh(service).provision_status == "processing"
        with transaction():
            settlement.complete(lock_service(service), VERBS["suspend"], AUTOMATION)
            session().execute(sa.update(Task).values(run_at=datetime.now(UTC)))
        assert status(service) == "suspended"
        work()
        assert status(service) == "active"


def test_only_the_oldest_document_counts(service: str) -> None:
    with at("2026-05-17"):
        renewals.run(actor=AUTOMATION)  # due on 31 May
    with at("2026-06-02"):
        assert run()["suspend"] == 1
        pay(1)
        work()
        assert status(service) == "active"  # the other is overdue, but not for 7 days
        assert run() == {}
    with at("2026-06-07"):
        ran()
        assert run()["suspend"] == 1
        pay(2)
        work()
    assert status(service) == "active"


def test_staff_who_suspend_or_unsuspend_decide(service: str) -> None:
    with at("2026-05-07"):
        run()
        requests.request(actor=STAFF, service_uuid=service, verb="unsuspend", reason="he called")
        assert run() == {}
        assert status(service) == "active"
        requests.request(actor=STAFF, service_uuid=service, verb="suspend", reason="abuse")
        pay()
        work()
        assert run() == {}
    assert status(service) == "suspended"


def test_staff_who_suspend_before_the_task_runs_decide(service: str) -> None:
    with at("2026-05-07"):
        dunning.run(actor=AUTOMATION)
        requests.request(actor=STAFF, service_uuid=service, verb="suspend", reason="abuse")
        work()
        pay()
        work()
        assert run() == {}
    assert status(service) == "suspended"


def test_a_service_of_an_order_marked_as_fraud_stays_suspended(service: str) -> None:
    with at("2026-05-07"):
        run()
        order = session().scalars(sa.select(dunning.unpaid_orders.Order)).one()
        acceptance.mark_fraud(actor=STAFF, uuid=order.uuid, reason="stolen card")
        pay(1)
        work()
        assert run() == {}
    assert status(service) == "suspended"


def test_what_is_credited_or_written_off(service: str) -> None:
    with at("2026-05-07"):
        run()
        issuing.write_off(actor=STAFF, uuid=documents()[-1].uuid, reason="gone")
        assert run() == {}
        assert status(service) == "suspended"


def test_a_credited_document_unsuspends(service: str) -> None:
    with at("2026-05-07"):
        run()
        credit_notes.credit(actor=STAFF, uuid=documents()[-1].uuid, reason="mistake")
        work()
    assert status(service) == "active"


def test_a_missed_unsuspension_is_caught_up(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with at("2026-05-07"):
        run()
        monkeypatch.setattr(events, "_recorders", [])
        pay()
        monkeypatch.undo()
        work()
        assert status(service) == "suspended"
        assert run() == {"unsuspend": 1}
    assert status(service) == "active"


def test_a_service_is_not_suspended_for_a_line_that_was_credited(company: Any, client: Any) -> None:  # noqa: F811
    with at("2026-03-31"):
        for name in ("VPS", "Mail"):
            buy(client, sold(name, {"monthly": "10"}, suspend_after_days=7))
    with at("2026-04-20"):
        renewals.run(actor=AUTOMATION)
        document = documents()[-1]
        assert len(document.lines) == 2
        credit_notes.credit(
            actor=STAFF, uuid=document.uuid, reason="outage",
            lines={0: creditable(document)[0]},
        )  # fmt: skip
    with at("2026-05-07"):
        assert run()["suspend"] == 1
    by_name = dict(session().execute(sa.select(Service.name, Service.status)).all())
    assert by_name == {"VPS": "active", "Mail": "suspended"}


def test_a_late_suspension_delays_the_termination(service: str) -> None:
    with at("2026-06-20"):
        assert run()["suspend"] == 1
    with at("2026-07-12"):
        ran()
        assert run() == {}
    with at("2026-07-13"):
        assert run()["terminate"] == 1


@pytest.mark.parametrize(
    ("suspend", "terminate", "steps"),
    [(None, None, []), (None, 10, ["terminate"]), (0, None, ["suspend"]), (5, 5, ["terminate"])],
)
def test_days_of_the_product(
    service: str, suspend: int | None, terminate: int | None, steps: list[str]
) -> None:
    with transaction():
        values = {"suspend_after_days": suspend, "terminate_after_days": terminate}
        session().execute(sa.update(Product).values(values))
    with at("2026-04-30"):
        assert run() == {}
    with at("2026-05-10"):
        ran()
        assert [step for step in run() if step in ("suspend", "terminate")] == steps


def test_automatic_suspensions_can_be_off(service: str) -> None:
    settings.save(actor=STAFF, values={"automation.suspensions": False})
    with at("2026-05-30"):
        run()
        assert (status(service), dunning.due().services) == ("active", [])


def test_a_date_and_a_company_select(service: str, company: Any) -> None:  # noqa: F811
    with at("2026-05-01"):
        assert dunning.due().services == []
    with at("2026-04-25"):  # it is not overdue yet: shown, but not done
        assert len(dunning.due(day=date(2026, 5, 7)).services) == 1
        assert run(day=date(2026, 5, 7)) == {}
    with at("2026-05-01"):
        (found,) = dunning.due(day=date(2026, 5, 7)).services
        assert (found.step, found.debt.service) == ("suspend", "VPS")
        assert dunning.due(day=date(2026, 5, 7), company_uuid="other").services == []
        assert taken() == []
        assert run(day=date(2026, 5, 7), company_uuid=company.uuid)["suspend"] == 1
        assert status(service) == "suspended"


def test_a_proforma_counts_as_its_invoice(service: str, company: Any) -> None:  # noqa: F811
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"proforma_first": True})
    with at("2026-05-01"):
        pay()
    with at("2026-05-20"):
        renewals.run(actor=AUTOMATION)
    with at("2026-06-07"):
        assert documents()[-1].kind == "proforma"
        assert run()["suspend"] == 1
        pay()
        work()
    assert status(service) == "active"


def test_a_run_beside_another_takes_a_step_once(panel: Panel, service: str) -> None:
    with at("2026-05-07"):
        (found,) = unpaid_services.due()
        session().rollback()
        results = []
        run_beside(panel, lambda: results.append(suspensions.take(found)))
        results.append(suspensions.take(found))
        assert results == [True, False]
    assert session().scalar(sa.select(sa.func.count(Task.id))) == 1


def test_a_step_whose_task_was_lost_between_request_and_end(service: str) -> None:
    with at("2026-05-07"):
        run()
        step = session().scalars(sa.select(Step).where(Step.step == "suspend")).one()
        assert suspensions.confirm(step.id) is None  # it was requested
        pay()
        work()
    assert status(service) == "active"


@pytest.mark.parametrize(("rule", "minor"), [("percent", 123), ("amount", 1500)])
def test_a_late_fee_is_issued_once(service: str, rule: str, minor: int) -> None:
    values = {"automation.fee": rule, "automation.fee_percent": "10", "automation.fee_amount": "15"}
    settings.save(actor=STAFF, values=values)
    with at("2026-05-06"):
        assert "fee" not in run()
    for _number in range(3):
        with at("2026-05-07"):
            run()
    fee = documents()[-1]
    assert (len(documents()), fee.total.minor, fee.tax_minor, fee.kind) == (3, minor, 0, "invoice")
    assert [row.category for row in fee.taxes] == ["O"]
    assert fee.lines[0].description == f"Late fee for {documents()[1].number}"
    with at("2026-05-29"):  # a fee has no fee, and the service does not depend on it
        pay(1)
        work()
        assert "fee" not in run()
    assert (status(service), len(documents())) == ("active", 3)
    assert taken().count(("fee", "2026-05-07")) == 1
    assert problems() == []


def test_no_late_fee_for_what_is_paid_or_long_overdue(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.save(actor=STAFF, values={"automation.fee": "amount"})
    with at("2026-06-10"):
        assert dunning.due().fees == []
    with at("2026-05-07"):
        (found,) = dunning.due().fees
        pay()
        monkeypatch.setattr(dunning.late_fees, "due", lambda **_: [found])
        assert dunning.late_fees.issue(actor=AUTOMATION) == 0
    assert len(documents()) == 2
    assert problems() == []


@pytest.mark.parametrize("outcome", ["failed", "succeeded"])
def test_nothing_is_suspended_while_a_payment_is_pending(service: str, outcome: str) -> None:
    with at("2026-05-06"):
        gateway = make_gateway()
        started = attempt(gateway, documents()[-1]).uuid
        reported = partial(report, attempt=started, amount=str(documents()[-1].total.major))
        payment_reports.record_payment(gateway, reported("pending"))
    with at("2026-05-20"):
        assert "suspend" not in run()
        assert status(service) == "active"
        payment_reports.record_payment(gateway, reported(outcome))
    with at("2026-05-21"):
        run()
        assert status(service) == ("active" if outcome == "succeeded" else "suspended")


def test_a_disputed_payment_suspends_and_a_won_dispute_unsuspends(service: str) -> None:
    with at("2026-05-01"):
        gateway = make_gateway()
        unpaid = documents()[-1]
        amount = unpaid.total.major
        started = attempt(gateway, unpaid).uuid
        paid = report(attempt=started, amount=str(amount))
        payment_reports.record_payment(gateway, paid)
        run()
    with at("2026-05-20"):
        assert status(service) == "active"
        lost = DisputeReport("pi_1", "dp_1", "open", amount, "EUR", withdrawn=True)
        payment_reports.record_all(gateway, [lost])
        ran()
        run()
        work()
        assert status(service) == "suspended"
        payment_reports.record_all(gateway, [replace(lost, status="won", withdrawn=False)])
        work()
        assert status(service) == "active"
    assert problems() == []
