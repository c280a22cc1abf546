"""A document is overdue when its due date is over in the zone of its company, wherever it is seen."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine

from puqpanel.infra.db import session, transaction
from puqpanel.models import Document
from puqpanel.operations.billing.overdue import is_overdue
from puqpanel.operations.ordering import risks
from puqpanel.operations.oversight import finance
from puqpanel.web.documents import shown_state
from tests.operations.billing.conftest import STAFF

DUE = date(2026, 1, 10)
KEPT = sa.select(Document.uuid).where(is_overdue())


@pytest.fixture
def document(invoice, company):
    """A function that gives the company a zone, and returns its invoice, due on DUE."""

    def make(zone: str) -> Document:
        issued = invoice("100")
        with transaction():
            issued = session().get(Document, issued.id)
            issued.due_on, issued.company.zone = DUE, zone
        return issued

    return make


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", datetime(2026, 1, 11, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 1, 10, 11, tzinfo=UTC)),
        ("Europe/Warsaw", datetime(2026, 1, 10, 23, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 1, 11, 8, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 1, 10, 10, tzinfo=UTC)),
        ("Etc/GMT+12", datetime(2026, 1, 11, 12, tzinfo=UTC)),
    ],
)
def test_it_is_overdue_once_the_day_is_over_in_the_zone(document, client, zone, first):
    issued = document(zone)
    for moment, overdue in ((first - timedelta(seconds=1), False), (first, True)):
        with time_machine.travel(moment, tick=False):
            state = shown_state(issued.status, issued.due_on, issued.company.zone, issued.kind)
            assert (state == "overdue") is overdue
            assert session().scalars(KEPT).all() == [issued.uuid] * overdue
            facts = [note["risk"] for note in risks.facts(STAFF, client)]
            assert ("overdue" in facts) is overdue
            (row,) = finance.receivables()
            assert (row.not_due == row.total, row.to_30 == row.total) == (not overdue, overdue)
            assert len(finance.debtors()) == overdue
            aged = first + timedelta(days=30)
        with time_machine.travel(aged - timedelta(seconds=1), tick=False):
            assert finance.receivables()[0].to_30 == row.total
    with time_machine.travel(aged, tick=False):
        assert finance.receivables()[0].to_60 == row.total


def test_a_document_without_a_due_date_is_never_overdue(document):
    issued = document("UTC")
    with transaction():
        session().get(Document, issued.id).due_on = None
    assert session().scalars(KEPT).all() == []
    assert shown_state("issued", None, "UTC", "invoice") == "issued"
