"""Prepaid services are charged for each period once, from credit."""

from __future__ import annotations

import contextvars
import threading

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.money import Money
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.models import Debit
from puqpanel.operations.billing import prepaid_statements
from puqpanel.operations.ordering import terms
from tests.operations.automation.unpaid import documents
from tests.operations.billing.conftest import STAFF
from tests.operations.billing.prepaid import (
    active,
    credit,
    debit,
    prepaid_product,
    problems,
    request,
    rows,
    top_up,
    when,
)


def test_hours_are_charged_when_they_are_over(company, client) -> None:
    with when("2026-03-10T10:20"):
        top_up(client, "10")
        active(client, prepaid_product("0.10"))
        assert debit() == 0
    with when("2026-03-10T11:19"):
        assert debit() == 0
    with when("2026-03-10T11:20"):
        assert debit() == 1
        assert debit() == 0
    assert credit(client) == "9.88"  # 0.12 with tax
    with when("2026-03-10T18:00"):
        assert debit() == 6
    assert credit(client) == "9.14"  # 7 hours, 0.86 with tax


def test_an_hour_that_was_begun_is_charged(company, client) -> None:
    with when("2026-03-10T10:20"):
        top_up(client, "10")
        service = active(client, prepaid_product("0.10"))
    with when("2026-03-10T12:30"):
        request(service, "terminate")
    with when("2026-03-11T12:30"):
        assert debit() == 3
        assert debit() == 0
    assert [row.share for row in rows()] == ["1", "1", "1"]


def test_a_month_of_hours_is_right_to_the_cent(company, client) -> None:
    """720 hours of 0.01 are 7.20, and 8.86 with 23 % of tax."""
    with when("2026-05-31T22:00"):  # midnight in Warsaw
        top_up(client, "20")
        active(client, prepaid_product("0.01"))
    with when("2026-06-11T00:05"):
        assert debit() == 242
        assert problems() == []
    with when("2026-06-30T22:00"):
        assert debit() == 478
        assert len(rows()) == 720
        assert credit(client) == "11.14"
        assert prepaid_statements.run(actor=AUTOMATION) == 1
        assert prepaid_statements.run(actor=AUTOMATION) == 0
        assert credit(client) == "11.14"
        (document,) = [row for row in documents() if row.kind == "invoice"]
        assert (document.status, str(document.total.major)) == ("paid", "8.86")
        assert [(line.quantity, line.amount_minor) for line in document.lines] == [(720, 720)]
        assert problems() == []


def test_days_are_those_of_the_company(company, client) -> None:
    """The clocks change on 29 March, and a day that was begun counts."""
    with when("2026-03-28T12:00"):
        top_up(client, "100")
        service = active(client, prepaid_product("1", "daily"))
    with when("2026-03-28T22:59"):
        assert debit() == 0
    with when("2026-03-28T23:00"):
        assert debit() == 1
    with when("2026-03-29T21:59"):
        assert debit() == 0
    with when("2026-03-29T22:00"):  # 23 hours later
        assert debit() == 1
    with when("2026-03-30T08:00"):
        request(service, "suspend")
        assert debit() == 1
        request(service, "unsuspend")
    with when("2026-03-30T22:00"):  # the day was charged
        assert debit() == 0
    with when("2026-03-31T22:00"):
        assert debit() == 1
        assert problems() == []


def test_months_are_counted_from_the_first_day(company, client) -> None:
    with when("2026-01-31T12:00"):
        top_up(client, "100")
        service = active(client, prepaid_product("10", "monthly"))
    with when("2026-04-10T12:00"):
        assert debit() == 2
        request(service, "terminate")
        assert debit() == 1
        ends = [row.ends_at.date().isoformat() for row in rows()]
        assert ends == ["2026-02-27", "2026-03-30", "2026-04-10"]
        assert [row.share for row in rows()] == ["1", "1", "11/30"]
        assert rows()[-1].amount_minor == 367
        assert problems() == []


def test_a_new_price_is_charged_from_the_next_hour(company, client) -> None:
    with when("2026-03-10T10:00"):
        top_up(client, "100")
        service = active(client, prepaid_product("1"))
    with when("2026-03-10T12:30"):
        price = Money(500, "EUR")
        terms.override_price(actor=STAFF, service_uuid=service, price=price, reason="more")
    with when("2026-03-10T15:00"):
        assert debit() == 5
        assert [row.unit_minor for row in rows()] == [100, 100, 100, 500, 500]
        assert problems() == []


def test_what_was_used_beyond_the_credit_is_open_on_the_statement(company, client) -> None:
    with when("2026-03-10T10:00"):
        top_up(client, "1")
        service = active(client, prepaid_product("1"))
    with when("2026-03-10T13:30"):  # nothing ran for three hours
        request(service, "suspend")
        assert debit() == 3  # the hour that was begun is not covered
        assert credit(client) == "-2.69"
        assert problems() == []
    with when("2026-04-01T10:00"):
        assert prepaid_statements.run(actor=AUTOMATION) == 1
        (document,) = documents()
        assert (document.status, str(document.open.major)) == ("partly_paid", "2.69")
        assert credit(client) == "0.00"
        assert problems() == []


def test_two_runs_at_once_charge_once(panel: Panel, company, client) -> None:
    with when("2026-03-10T10:00"):
        top_up(client, "100")
        product = prepaid_product("1")
        for at in range(3):
            active(client, product, f"Cloud {at}")
    with when("2026-03-10T15:00"):
        start, done = threading.Barrier(2), list[int]()

        def one() -> None:
            with panel.app_context():
                start.wait()
                done.append(debit())

        runs = [threading.Thread(target=contextvars.copy_context().run, args=(one,)) for _ in "ab"]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        assert sum(done) == 15
        assert len(rows()) == 15
        assert problems() == []


def test_changed_debits_are_found(company, client) -> None:
    with when("2026-03-10T10:00"):
        top_up(client, "100")
        active(client, prepaid_product("1"))
    with when("2026-03-10T12:00"):
        debit()
        with transaction() as current:
            current.execute(sa.update(Debit).values(debited_minor=Debit.debited_minor + 1))
        assert len(problems()) == 2
