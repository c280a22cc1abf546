"""A run that would suspend or terminate too many services stops and asks staff."""

from __future__ import annotations

import contextvars
import threading
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.brake import RunKind, most_documents, most_services
from puqpanel.domain.errors import ConflictError, PermissionDenied
from puqpanel.domain.permissions import SERVICES_PROVISION
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.inserts import insert_all
from puqpanel.infra.settings import Settings
from puqpanel.models import Audit, Document, DocumentLineRow, Service, Step, StoppedRun, Task
from puqpanel.operations.automation import dunning, stopped_runs, suspensions
from puqpanel.operations.oversight import health
from puqpanel.operations.system import settings as panel_settings
from tests.operations.automation.unpaid import documents, ran, run, work
from tests.operations.billing.conftest import STAFF, client, company, invoice  # noqa: F401
from tests.operations.ordering.dated import at, buy, sold

DAY = "2026-05-20"


def make(count: int, client: Any, *, days: int = 20) -> None:  # noqa: F811
    """Make so many services, each with a document that has been overdue for some days."""
    with at("2026-03-01"):
        product = sold("VPS", {"monthly": "10"}, suspend_after_days=7, terminate_after_days=90)
        buy(client, product)
    due = date.fromisoformat(DAY) - timedelta(days=days)
    service = session().scalars(sa.select(Service)).one()
    first = documents()[0]
    with transaction() as current:
        values = {"status": "issued", "paid_minor": 0, "due_on": due}
        current.execute(sa.update(Document).values(values))
        services = [_copy(service, uuid=f"{at:036}", name=f"VPS {at}") for at in range(1, count)]
        ids = insert_all(Service, services, "uuid")
        copies = [
            {**_copy(first, uuid=f"d{at:035}", number=f"X{at}", digest="", sequence=1000 + at),
             "status": "issued", "paid_minor": 0, "due_on": due, "count": None}
            for at in range(1, count)
        ]  # fmt: skip
        papers = insert_all(Document, copies, "uuid")
        line = first.lines[0]
        insert_all(
            DocumentLineRow,
            [
                {**_copy(line), "document_id": paper, "service_id": found}
                for paper, found in zip(papers, ids, strict=True)
            ],
        )


def _copy(row: Any, **values: Any) -> dict[str, Any]:
    columns = {column.key: getattr(row, column.key) for column in row.__table__.columns}
    return {key: value for key, value in columns.items() if key != "id"} | values


def count(status: str) -> int:
    session().rollback()
    query = sa.select(sa.func.count()).select_from(Service).where(Service.status == status)
    return session().scalar(query) or 0


def stopped() -> StoppedRun:
    session().rollback()
    found = stopped_runs.open_run(RunKind.SERVICES)
    assert found is not None
    return found


def test_automation_switched_on_with_700_stale_invoices_asks(company, client, settings) -> None:  # noqa: F811
    make(700, client)
    with at(DAY):
        panel_settings.save(actor=STAFF, values={"automation.suspensions": False})
        run()
        panel_settings.save(actor=STAFF, values={"automation.suspensions": True})
        assert run(stopped=True) == {}
        assert run(stopped=True) == {}
        assert session().scalar(sa.select(sa.func.count(StoppedRun.id))) == 1
        assert count("active") == 700
        found = stopped()
        assert len(found.steps) == 700
        assert "700 services would be suspended" in str(found.reason)
        (check,) = health.look(settings, ["approvals"]).checks
        assert (check.state, "700 services" in str(check.text)) == ("warn", True)


def test_staff_approve(company, client) -> None:  # noqa: F811
    make(12, client)
    with at(DAY):
        run(stopped=True)
        uuid = stopped().uuid
        clerk = Principal(
            PrincipalKind.STAFF, None, "x", permissions=frozenset({SERVICES_PROVISION})
        )
        with pytest.raises(PermissionDenied):
            stopped_runs.approve(actor=clerk, uuid=uuid)
        with pytest.raises(ConflictError, match="list has changed"):
            stopped_runs.approve(actor=STAFF, uuid=uuid, seen="2026-01-01T00:00:00+00:00")
        with transaction() as current:  # one is paid before staff look
            current.execute(
                sa.update(Document).where(Document.number == "X3").values(status="paid")
            )
        stopped_runs.approve(actor=STAFF, uuid=uuid)
        with pytest.raises(ConflictError, match="already"):
            stopped_runs.dismiss(actor=STAFF, uuid=uuid)
        work()
        work()
        assert (count("suspended"), count("active")) == (11, 1)
        assert dunning.run_approved(*stopped_runs.approved_steps(uuid)) == 0
        assert run() == {}
        action = sa.select(Audit.summary).where(Audit.action == "automation.approved")
        assert "12 services approved" in str(session().scalars(action).one())


def test_staff_dismiss(company, client) -> None:  # noqa: F811
    make(12, client)
    with at(DAY):
        run(stopped=True)
        stopped_runs.dismiss(actor=STAFF, uuid=stopped().uuid)
        assert run() == {}
        assert (count("active"), stopped_runs.open_run(RunKind.SERVICES)) == (12, None)
    with at("2026-05-21"):  # a day later, it asks again
        assert run(stopped=True) == {}
        assert run(stopped=False, approve=True) == {"suspend": 12}
        assert (count("suspended"), stopped_runs.open_run(RunKind.SERVICES)) == (12, None)


def test_a_list_that_was_paid_is_closed(company, client) -> None:  # noqa: F811
    make(12, client)
    with at(DAY):
        run(stopped=True)
        with transaction() as current:
            current.execute(sa.update(Document).values(status="paid"))
        assert run() == {}
        assert stopped_runs.open_run(RunKind.SERVICES) is None


def test_what_is_done_in_several_runs_of_a_day_counts_together(company, client) -> None:  # noqa: F811
    make(16, client)
    late = sa.update(Document).where(Document.number.in_([f"X{at}" for at in range(1, 9)]))
    with transaction() as current:
        current.execute(late.values(due_on=date.fromisoformat(DAY)))
    with at(DAY):
        assert run()["suspend"] == 8
        with transaction() as current:
            current.execute(late.values(due_on=date(2026, 5, 1)))
        run(stopped=True)
        assert len(stopped().steps) == 8
    assert count("suspended") == 8


def test_after_a_day_without_a_run_staff_are_asked(company, client) -> None:  # noqa: F811
    make(2, client)
    with at("2026-05-18"):
        ran()
    with at(DAY):
        assert run(stopped=True) == {"overdue": 2}
        assert run(stopped=True) == {}
        assert "were not processed since" in str(stopped().reason)
        stopped_runs.approve(actor=STAFF, uuid=stopped().uuid)
        work()
        work()
    assert count("suspended") == 2


def test_limits() -> None:
    assert most_services(1000, 5, 0, []) == 50
    assert most_services(100, 5, 0, []) == 10
    assert most_services(10_000, 5, 10, [2, 3, 4]) == 30
    assert most_services(10_000, 5, 10, []) == 500
    assert most_services(50, 0, 0, [1]) >= 50
    assert most_documents(1000, 5, 10, []) == 50
    assert most_documents(1000, 5, 10, [1, 2, 600, 3]) == 1200
    assert most_documents(100, 0, 10, [4]) == 40
    assert most_documents(50, 0, 0, [1]) is None


def test_two_runs_at_once_act_once(panel: Panel, company, client) -> None:  # noqa: F811
    make(6, client)
    with at(DAY):
        start, done = threading.Barrier(2), []

        def one() -> None:
            with panel.app_context():
                start.wait()
                done.append(dunning.run(actor=AUTOMATION))

        runs = [threading.Thread(target=contextvars.copy_context().run, args=(one,)) for _ in "ab"]
        for thread in runs:
            thread.start()
        for thread in runs:
            thread.join()
        assert len(done) == 2
        counts = [sum(each.steps.get(step, 0) for each in done) for step in ("overdue", "suspend")]
        assert counts == [6, 6]
        kinds = sa.select(Step.step, sa.func.count()).group_by(Step.step)
        assert dict(session().execute(kinds).all()) == {"overdue": 6, "suspend": 6}
        assert session().scalar(sa.select(sa.func.count(Task.id))) == 6


def test_a_killed_run_is_continued(company, client, monkeypatch) -> None:  # noqa: F811
    make(6, client)
    take = suspensions.take

    def killed(found: Any, day: Any = None) -> bool:
        if found.debt.service == "VPS 3":
            raise KeyboardInterrupt
        return take(found, day)

    with at(DAY):
        monkeypatch.setattr(suspensions, "take", killed)
        with pytest.raises(KeyboardInterrupt):
            dunning.run(actor=AUTOMATION)
        monkeypatch.undo()
        work()
        assert count("suspended") == 3
        assert run() == {"suspend": 3}
    assert (count("suspended"), now() > now() - timedelta(1)) == (6, True)


def test_the_panel_settings_of_a_run_that_is_off(company, client, settings: Settings) -> None:  # noqa: F811
    (check,) = health.look(settings, ["approvals"]).checks
    assert check.state == "ok"


def test_many_reminders_ask(company, client) -> None:  # noqa: F811
    make(12, client, days=3)
    with at(DAY):
        assert run(stopped=True) == {"overdue": 12}
        (found,) = stopped_runs.open_runs()
        assert found.kind == RunKind.REMINDERS
        assert "12 reminders would be sent in a day; the limit is 10." in str(found.reason)
        assert {what for _uuid, what in found.steps} == {"+3"}
        stopped_runs.approve(actor=STAFF, uuid=found.uuid)
        work()
        assert run() == {}
        reminders = sa.select(sa.func.count(Step.id)).where(Step.step == "reminder")
        assert session().scalar(reminders) == 12
