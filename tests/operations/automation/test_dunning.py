"""What happens if documents are not paid: each step once, on its day, and undone when paid."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.automation import renewals
from tests.operations.automation.unpaid import documents, ran, run, status, taken
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.ordering.dated import at, buy, sold


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
    days = ["2026-05-06", "2026-05-07", "2026-05-30"]
    assert taken() == list(zip(("overdue", "suspend", "terminate"), days, strict=True))
