"""Prepaid services stop when nothing is left, and go on when there is enough again."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.money import Money
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.infra import events
from puqpanel.infra.db import session, transaction
from puqpanel.models import CountryTax, Step
from puqpanel.operations.automation import dunning, suspensions
from puqpanel.operations.billing import payments, prepaid_accounts
from tests.operations.automation.unpaid import ran, run, work
from tests.operations.billing.conftest import STAFF, client, company, invoice  # noqa: F401
from tests.operations.billing.prepaid import (
    active,
    credit,
    prepaid_product,
    problems,
    rows,
    status,
    top_up,
    when,
)

START = "2026-03-10T10:20"


def customer(client: Any) -> Principal:  # noqa: F811
    return Principal(
        PrincipalKind.USER, None, "A user", permissions=frozenset({"*"}), client=client
    )


def cap(client: Any, amount: str | None) -> None:  # noqa: F811
    value = None if amount is None else Money.from_major(amount, "EUR")
    prepaid_accounts.set_own_cap(actor=customer(client), cap=value)


@pytest.fixture
def raised(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the events about credit that were raised."""
    found: list[str] = []
    recorders = [*events._recorders] if hasattr(events, "_recorders") else []

    def note(name: str, payload: Any) -> None:
        if name.startswith("credit."):
            found.append(name)

    events.bind([*recorders, note])
    yield found
    events.bind(recorders)


def reasons() -> list[tuple[str, str]]:
    session().rollback()
    found = session().scalars(sa.select(Step).order_by(Step.id))
    return [(step.step, str(step.reason)) for step in found]


def test_ten_hours_of_credit_are_ten_hours(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "12.30")
        service = active(client, prepaid_product("1"))
    for hour in range(1, 10):
        with when(START, hours=hour):
            assert run() == {}
    with when(START, hours=9, minutes=45):
        assert run() == {}
        assert status(service) == "active"
    with when(START, hours=10, minutes=5):
        assert run() == {"suspend": 1}
        assert (status(service), credit(client), len(rows())) == ("suspended", "0.00", 10)
        ((step, reason),) = reasons()
        assert (step, "does not cover" in reason) == ("suspend", True)
        assert run() == {}
        assert len(rows()) == 10
        assert problems() == []
    with when(START, hours=20):
        top_up(client, "1.22")
        work()
        assert status(service) == "suspended"
        top_up(client, "0.01")
        work()
        assert status(service) == "active"
    with when(START, hours=21):
        assert run() == {"suspend": 1}
        assert (credit(client), len(rows())) == ("0.00", 11)
        assert problems() == []


def test_a_top_up_between_choice_and_act_is_seen(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "1")
        service = active(client, prepaid_product("1"))
        (found,) = dunning.due().services
        top_up(client, "10")
        assert not suspensions.take(found)
        assert status(service) == "active"
    with when(START, hours=8, minutes=30):
        run()
        dunning.run(actor=suspensions.AUTOMATION)
        work()
        assert status(service) == "suspended"


def test_paid_before_the_task_runs(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "1")
        service = active(client, prepaid_product("1"))
        assert dunning.run(actor=suspensions.AUTOMATION).total == 1
        top_up(client, "10")
        work()
        assert status(service) == "active"


def test_the_service_is_terminated_after_the_delay(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "1")
        service = active(client, prepaid_product("1", terminate_after_days=10))
        assert run() == {"suspend": 1}
    with when(START, days=9):
        ran()
        assert run() == {}
    with when(START, days=10):
        ran()
        assert run() == {"terminate": 1}
        assert status(service) == "terminated"
        assert problems() == []


def test_many_services_stop_the_run(company, client) -> None:  # noqa: F811
    with when(START):
        top_up(client, "1")
        product = prepaid_product("1")
        services = [active(client, product, f"Cloud {at}") for at in range(12)]
        assert run(stopped=True) == {}
        assert run(approve=True) == {"suspend": 12}
        assert {status(each) for each in services} == {"suspended"}


def test_a_spending_cap_stops_until_next_month(company, client, raised) -> None:  # noqa: F811
    with when(START):
        top_up(client, "100")
        cap(client, "12.30")
        service = active(client, prepaid_product("1"))
    with when(START, hours=6):
        assert run() == {}
        assert raised == []
    with when(START, hours=7):
        assert run() == {}
        assert run() == {}
        assert raised == ["credit.cap_near"]
    with when(START, hours=10):
        assert run() == {"suspend": 1}
        assert "spending cap of 12.30 EUR" in reasons()[0][1]
        cap(client, "13.53")
        assert run() == {"unsuspend": 1}
        assert status(service) == "active"
    with when(START, hours=11):
        assert run()["suspend"] == 1
        top_up(client, "10")
        work()
        assert status(service) == "suspended"
    with when("2026-03-31T22:30"):  # April in Warsaw
        ran()
        run()
        assert status(service) == "active"
        assert problems() == []


def test_a_client_is_warned_once_until_it_tops_up(company, client, raised) -> None:  # noqa: F811
    with when(START):
        top_up(client, "100")
        active(client, prepaid_product("1"))
        assert run() == {}
        assert raised == []
    with when(START, hours=12):
        run()
        run()
        assert raised == ["credit.low"]
        top_up(client, "100")
        run()
    with when(START, hours=100):
        ran()
        run()
        assert raised == ["credit.low"] * 2


def test_a_payment_is_recorded_even_if_a_tax_rate_is_missing(company, client):  # noqa: F811
    with when(START):
        top_up(client, "1.23")
        service = active(client, prepaid_product("1"))
    with when(START, minutes=61):
        run()
        assert status(service) == "suspended"
        with transaction() as current:
            current.execute(sa.delete(CountryTax))
        top_up(client, "50")
        assert (credit(client), status(service)) == ("50.00", "suspended")


def test_a_payment_that_pays_an_invoice_unsuspends_nothing(company, client, invoice):  # noqa: F811
    with when(START):
        top_up(client, "1.23")
        service = active(client, prepaid_product("1"))
    with when(START, minutes=61):
        run()
        payments.mark_paid(actor=STAFF, document_uuid=invoice("10").uuid, reason="cash")
        work()
        assert status(service) == "suspended"
