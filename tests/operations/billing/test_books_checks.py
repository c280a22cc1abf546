"""The nightly integrity check: what it keeps, and what the Health page says about it."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import save, session, transaction
from puqpanel.models import BooksCheck, Document, ScheduleEntry
from puqpanel.models.billing.books import LONGEST
from puqpanel.operations.billing import books_checks
from puqpanel.operations.oversight import billing_checks, maintenance, schedule
from tests.operations.billing.conftest import STAFF


def test_problems_are_kept_and_shown(invoice, panel, settings):
    assert billing_checks.books(settings).state == "ok"
    issued = invoice("10")
    assert books_checks.run() == 0
    assert books_checks.last(STAFF).documents == 1
    check = billing_checks.books(settings)
    assert str(check.text) == "The books agree; 1 issued document was verified."
    with transaction():
        session().execute(sa.update(Document).values(notes="Changed by SQL"))
    assert books_checks.run() == 1
    (problem,) = books_checks.problems(books_checks.last(STAFF))
    assert problem.subject == f"{issued.number}, {issued.client.name}"
    assert str(problem.text) == "Its content was changed after it was issued."
    check = billing_checks.books(settings)
    assert (check.state, str(check.text)) == (
        "warn",
        "The nightly integrity check found 1 problem.",
    )


def test_few_problems_and_few_checks_are_kept(invoice, panel, monkeypatch):
    monkeypatch.setattr(books_checks, "SHOWN", 1)
    monkeypatch.setattr(books_checks, "KEPT", 2)
    invoice("10")
    invoice("20")
    with transaction():
        session().execute(sa.update(Document).values(notes="Changed by SQL"))
    for _time in range(3):
        assert books_checks.run() == 2
    assert len(books_checks.last(STAFF).problems) == 1
    assert session().scalar(sa.select(sa.func.count()).select_from(BooksCheck)) == 2


def test_a_check_that_failed_or_did_not_run_is_reported(panel, settings):
    def state() -> str:
        return billing_checks.books(settings).state

    with transaction():
        first = save(BooksCheck())
    assert state() == "ok"  # it runs
    with transaction():
        first.started_at = now() - LONGEST - timedelta(minutes=1)
    assert state() == "warn"
    books_checks.run()
    assert state() == "ok"
    with transaction():
        session().execute(sa.update(BooksCheck).values(started_at=now() - timedelta(days=3)))
    assert state() == "warn"


def test_it_runs_every_night(panel):
    work = maintenance.ENTRIES["Check the books"][0]
    assert work.after(now()) - now() <= timedelta(days=1)
    schedule.run_due()
    names = session().scalars(sa.select(ScheduleEntry.name)).all()
    assert "Check the books" in names
