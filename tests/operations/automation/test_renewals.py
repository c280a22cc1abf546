"""Services are charged for their next periods: once, in time, and as they were sold."""

from __future__ import annotations

import contextvars
import threading
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Charge, Document, OrderItem, Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.automation import due_services, renewals
from puqpanel.operations.automation.renewals import RenewalDocument
from puqpanel.operations.billing import companies, credit_notes, payments
from puqpanel.operations.billing.bulk_issuing import Results
from puqpanel.operations.ordering import coupons, endings
from puqpanel.operations.ordering.coupons import CouponValues
from tests.operations.billing.conftest import STAFF, client, company, credit_of  # noqa: F401  # fixtures
from tests.operations.billing.test_issuing import problems
from tests.operations.ordering.dated import at, buy, change, eur, fresh, sold


def run(**options: Any) -> int:
    results = renewals.run(actor=AUTOMATION, **options)
    assert [str(reason) for _subject, reason in results.refused] == []
    return results.issued


def run_without(other: str, monkeypatch: pytest.MonkeyPatch) -> Results[RenewalDocument]:
    """Renew on 20 February 2026, when one service can't be charged."""
    charge = renewals._charge

    def failing(found: Any) -> None:
        if any(each.service.uuid == other for each in found):
            raise ConflictError("no")  # type: ignore[arg-type]
        charge(found)

    monkeypatch.setattr(renewals, "_charge", failing)
    with at("2026-02-20"):
        return renewals.run(actor=AUTOMATION)


def issued() -> list[Document]:
    """Return the documents of renewals, the oldest first."""
    session().rollback()
    session().expire_all()
    return list(session().scalars(sa.select(Document).order_by(Document.id)))[1:]


@pytest.fixture
def service(company: Any, client: Any) -> str:  # noqa: F811
    """The UUID of a service for 10.00 a month, charged from 31 January to 28 February."""
    with at("2026-01-31"):
        order = buy(client, sold("VPS", {"monthly": "10"}))
    return str(order.items[0].service.uuid)


def test_each_period_is_charged_once_days_before_it_begins(service):
    with at("2026-02-13"):
        assert run() == 0
        assert due_services.invoice_day(fresh(service)) == date(2026, 2, 14)
    with at("2026-02-14"):
        assert run() == 1
        assert run() == 0
    (document,) = issued()
    (line,) = document.lines
    assert (document.kind, document.status, document.net) == ("invoice", "issued", eur(1000))
    assert (document.issued_on, document.due_on) == (date(2026, 2, 14), date(2026, 2, 28))
    assert (line.description, line.kind, line.details) == ("VPS", "recurring", "VPS")
    assert (line.period_start, line.period_end) == (date(2026, 2, 28), date(2026, 3, 31))
    assert fresh(service).paid_until == date(2026, 3, 31)
    with at("2026-03-17"):
        assert run() == 1
    assert issued()[-1].lines[0].period_end == date(2026, 4, 30)
    assert problems() == []


def test_missed_periods_are_charged_one_after_the_other(service):
    with at("2026-04-20"):
        assert run() == 0  # staff decide
        assert session().scalars(due_services.overdue()).all() == ["VPS"]
        assert [run(late=True) for _ in range(5)] == [1, 1, 1, 0, 0]
        assert session().scalars(due_services.overdue()).all() == []
    starts = [document.lines[0].period_start for document in issued()]
    assert starts == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert [document.due_on for document in issued()] == [date(2026, 5, 4)] * 2 + [
        date(2026, 4, 30)
    ]


def test_what_a_client_renews_on_one_day_is_one_document(client, company):  # noqa: F811
    with at("2026-01-31"):
        for name in ("VPS", "Mail", "Domain"):
            period = "annually" if name == "Domain" else "monthly"
            buy(client, sold(name, {period: "10"}), period)
    with at("2026-02-20"):
        assert run() == 1
    names = [line.description for line in issued()[-1].lines]
    assert names == ["VPS", "Mail"]
    with at("2027-01-02"):
        documents = list(renewals.due(late=True))
        assert sorted(len(document.renewals) for document in documents) == [1, 2]


@pytest.mark.parametrize(
    ("period", "day"),
    [("annually", "2027-01-01"), ("semi_annually", "2026-07-17"), ("weekly", "2026-02-04"),
     ("daily", "2026-02-01")],
)  # fmt: skip
def test_how_long_before_depends_on_the_period(client, company, period, day):  # noqa: F811
    with at("2026-01-31"):
        buy(client, sold("VPS", {period: "10"}), period)
    before = date.fromordinal(date.fromisoformat(day).toordinal() - 1)
    with at(before.isoformat()):
        assert run() == 0
    with at(day):
        assert run() == 1


def test_only_running_services_that_nobody_ends_or_changes_are_renewed(service, client):  # noqa: F811
    with at("2026-02-20"):
        for status in ("pending", "terminated", "cancelled", "fraud"):
            put(service, status=status)
            assert run() == 0
        put(service, status="active")
        endings.request(actor=STAFF, service_uuid=service, at_once=False, reason="x")
        assert run() == 0
        endings.withdraw(actor=STAFF, service_uuid=service)
        put(service, status="suspended")
        assert run() == 1


def put(uuid: str, **values: Any) -> None:
    with transaction():
        session().execute(sa.update(Service).where(Service.uuid == uuid).values(values))


def test_a_change_at_the_end_of_the_period_comes_first(service):
    with at("2026-02-10"):
        found = change(service, sold("Small", {"monthly": "4"}))
        assert found.status == "scheduled"
    with at("2026-02-20"):
        assert run() == 0


def test_a_period_that_was_cut_is_prorated(client, company):  # noqa: F811
    with at("2026-01-31"):
        order = buy(client, sold("VPS", {"monthly": "28"}))
    put(order.items[0].service.uuid, paid_until=date(2026, 3, 17), anchor_day=None)
    put(order.items[0].service.uuid, anchored_on=date(2026, 1, 1))
    with at("2026-03-10"):
        assert run() == 1
    (line,) = issued()[-1].lines
    assert (line.kind, line.period_end) == ("proration", date(2026, 4, 1))
    assert line.net_minor == round(2800 * 15 / 31)


def test_a_fixed_day_is_kept(client, company):  # noqa: F811
    product = sold("VPS", {"monthly": "31"}, anchor_day=1)
    with at("2026-01-11"):
        order = buy(client, product)
    assert fresh(order.items[0].service.uuid).paid_until == date(2026, 2, 1)
    with at("2026-01-20"):
        assert run() == 1
    assert issued()[-1].net == eur(3100)


def test_a_coupon_for_two_periods_reduces_one_renewal(client, company):  # noqa: F811
    values = CouponValues("TWO", percent=Decimal(20), cycles=2)
    coupons.save_coupon(actor=STAFF, uuid=None, values=values)
    with at("2026-01-31"):
        buy(client, sold("VPS", {"monthly": "10"}), coupon="TWO")
    with at("2026-02-20"):
        assert run() == 1
    assert issued()[-1].net == eur(800)
    assert [line.description for line in issued()[-1].lines] == ["VPS", "Coupon TWO"]
    with at("2026-03-20"):
        assert run() == 1
    assert issued()[-1].net == eur(1000)
    assert session().scalars(sa.select(OrderItem.discount)).one()["cycles_left"] == 0


def test_credit_is_used(service, client):  # noqa: F811
    first = session().scalars(sa.select(Document)).one()
    with at("2026-02-01"):
        credit_notes.credit(actor=STAFF, uuid=first.uuid, reason="Outage", amount=eur(500))
    with at("2026-02-20"):
        assert run() == 1
    document = issued()[-1]
    assert (document.status, document.open) == ("partly_paid", eur(1230 - 500))
    assert credit_of(client) == eur(0)
    assert problems() == []


def test_a_company_that_issues_proformas_first(service, company):  # noqa: F811
    companies.save_company(actor=STAFF, uuid=company.uuid, values={"proforma_first": True})
    with at("2026-02-20"):
        assert (run(), run()) == (1, 0)
        (document,) = issued()
        assert document.kind == "proforma"
        payments.mark_paid(actor=STAFF, document_uuid=document.uuid, reason="cash")
    charged = session().scalars(sa.select(Charge.period_start).order_by(Charge.id)).all()
    assert charged[-1] == date(2026, 2, 28)
    assert problems() == []


def test_a_service_that_was_changed_meanwhile_is_left_to_the_next_run(service, monkeypatch):
    with at("2026-02-20"):
        found = list(renewals.due())
        put(service, price_minor=1200)
        monkeypatch.setattr(renewals, "due", lambda **_: iter(found))
        results = renewals.run(actor=AUTOMATION)
        assert results.issued == 0
        assert "has changed in the meantime" in str(results.refused[0][1])
        monkeypatch.undo()
        assert run() == 1
    assert issued()[-1].net == eur(1200)
    assert problems() == []


def test_one_that_fails_stops_no_other(service, client, monkeypatch):  # noqa: F811
    with at("2026-02-01"):
        other = buy(client, sold("Mail", {"monthly": "3"})).items[0].service.uuid
    for _ in "ab":  # the second run of the day records nothing more
        results = run_without(other, monkeypatch)
        assert len(results.refused) == 1
    refused = sa.select(Audit.summary).where(Audit.action == "service.renewal_refused")
    (summary,) = session().scalars(refused.where(Audit.subject_uuid == other)).all()
    assert str(summary).startswith("Not renewed: ")
    assert fresh(service).paid_until == date(2026, 3, 31)
    assert fresh(other).paid_until == date(2026, 3, 1)
    assert problems() == []


@pytest.mark.parametrize("separate", [False, True])
def test_a_client_gets_one_document_a_day_or_one_per_service(client, company, separate):  # noqa: F811
    details = {"name": client.name, "email": client.email, "country": client.country}
    clients.update_client(actor=STAFF, uuid=client.uuid, separate_documents=separate, **details)
    clients.update_client(actor=STAFF, uuid=client.uuid, **details)  # kept
    with at("2026-01-31"):
        for name in ("VPS", "Mail", "Disk"):
            buy(client, sold(name, {"monthly": "10"}))
    with at("2026-02-20"):
        assert run() == (3 if separate else 1)
        assert run() == 0
    lines = [line.description for document in issued()[2:] for line in document.lines]
    assert lines == ["VPS", "Mail", "Disk"]
    assert problems() == []


def test_one_that_fails_does_not_hold_up_others_of_its_day(service, client, monkeypatch):  # noqa: F811
    with at("2026-01-31"):
        other = buy(client, sold("Mail", {"monthly": "3"})).items[0].service.uuid
    results = run_without(other, monkeypatch)
    assert (results.issued, len(results.refused)) == (1, 1)
    (refused,) = results.refused[0][0].renewals
    assert refused.service.uuid == other
    assert fresh(service).paid_until == date(2026, 3, 31)
    assert fresh(other).paid_until == date(2026, 2, 28)
    assert problems() == []


def test_two_runs_at_once_charge_once(panel, service):
    with at("2026-02-20"):
        start, done = threading.Barrier(2), []

        def one() -> None:
            with panel.app_context():
                start.wait()
                done.append(renewals.run(actor=AUTOMATION).issued)

        runs = [threading.Thread(target=contextvars.copy_context().run, args=(one,)) for _ in "ab"]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        assert sum(done) == 1
    assert len(issued()) == 1
    assert problems() == []


def test_a_date_ahead_shows_what_will_be_due(service):
    with at("2026-02-01"):
        assert list(renewals.due()) == []
        (found,) = renewals.due(day=date(2026, 2, 14))
        assert [line.amount for line in found.lines] == [eur(1000)]
        assert issued() == []


@pytest.mark.parametrize("proforma_first", [False, True])
def test_a_service_can_end_before_unpaid_days(service, client, company, proforma_first):  # noqa: F811
    values = {"proforma_first": proforma_first}
    companies.save_company(actor=STAFF, uuid=company.uuid, values=values)
    with at("2026-01-31"):
        other = buy(client, sold("Mail", {"monthly": "3"})).items[0].service.uuid
    with at("2026-02-20"):
        assert run() == 1
        assert fresh(service).paid_until == date(2026, 3, 31)
        ending = endings.request(actor=STAFF, service_uuid=service, at_once=False, reason="x")
        assert ending.ends_on == date(2026, 2, 28)
    with at("2026-02-28"):
        assert endings.carry_out_due() == 1
        (left,) = [each for each in issued() if each.open and each.kind != "credit_note"]
        assert (left.open, left.due_on) == (eur(369), date(2026, 2, 28))
        payments.mark_paid(actor=STAFF, document_uuid=left.uuid, reason="cash")
    assert fresh(other).paid_until == date(2026, 3, 31)
    charged = sa.select(Charge.service_id).where(Charge.live.is_(True), Charge.amount_minor == 300)
    assert len(session().scalars(charged).all()) == 2
    assert problems() == []
