"""What fails on its day does not stop what is due behind it, and the Health page shows it."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Company, Ending
from puqpanel.operations.billing import ledger, payments
from puqpanel.operations.catalog import products
from puqpanel.operations.ordering import changes, endings, offers
from puqpanel.operations.ordering.quotes import Choice
from puqpanel.operations.oversight import ordering_checks
from puqpanel.operations.provisioning import reconciliation, requests
from puqpanel.operations.system import batches
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.ordering.test_orders import change, place, product  # noqa: F401  # fixture


def test_one_that_fails_does_not_stop_the_others(client, company, product, settings):  # noqa: F811
    """The first one credits its invoice, which the company cannot issue; the second was paid."""
    change(product, provisioning="by_hand")
    sold = products.find_product(product.uuid)
    for token in "ab":
        order = place(client, Choice(sold, "monthly"), token=token)
        uuid = order.items[0].service.uuid
        requests.request(actor=STAFF, service_uuid=uuid, verb="create")
        endings.request(actor=STAFF, service_uuid=uuid, at_once=False, reason="x")
    payments.mark_paid(actor=STAFF, document_uuid=order.document.uuid, reason="cash")
    assert ordering_checks.due_work(settings).state == "ok"
    with transaction():
        session().execute(sa.update(Ending).values(ends_on=ledger.today(company)))
        session().execute(sa.update(Company).values(street=""))
    assert endings.carry_out_due() == 1
    query = sa.select(Ending.status).order_by(Ending.id)
    assert list(session().scalars(query)) == ["scheduled", "started"]
    with transaction():
        session().execute(sa.update(Ending).values(ends_on=now().date() - timedelta(days=3)))
    check = ordering_checks.due_work(settings)
    assert (check.state, "1 cancellation" in str(check.text)) == ("warn", True)
    with transaction():
        session().execute(sa.update(Company).values(street="ul. Morska 14"))
    assert endings.carry_out_due() == 1
    assert ordering_checks.due_work(settings).state == "ok"


def test_all_jobs_go_on_after_a_row_that_fails(panel):
    calls = []

    def action(number: int) -> int:
        calls.append(number)
        return 1 // (number - 1)

    assert batches.carry_out(action, [(1,), (2,), (3,)]) == 1
    assert calls == [1, 2, 3]
    for run in (changes.carry_out_due, offers.expire_due, reconciliation.settle_orphans):
        assert run() == 0
