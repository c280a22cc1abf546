"""`puqpanel billing simulate` works on a copy of the database, and changes nothing in it."""

from __future__ import annotations

import hashlib
import json
from subprocess import CompletedProcess
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.infra import queue
from puqpanel.infra.db import Model, engine_for, session
from puqpanel.infra.settings import Settings
from puqpanel.models import Service
from puqpanel.operations.accounts import clients
from puqpanel.operations.system import settings as panel_settings
from tests.cli.running import puqpanel
from tests.operations.billing.conftest import STAFF, client, company  # noqa: F401  # fixtures
from tests.operations.ordering.dated import buy, sold


def run(settings: Settings, *arguments: str) -> CompletedProcess[str]:
    return puqpanel(
        settings.instance,
        *("billing", "simulate", *arguments),
        PUQPANEL_DATABASE_URL=settings.database_url,
    )


def simulated(settings: Settings, *arguments: str) -> dict[str, Any]:
    done = run(settings, "--json", *arguments)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, found["problems"]) == (0, [])
    return found


def digest(settings: Settings) -> str:
    """Return a digest of all rows."""
    found = hashlib.sha256()
    with engine_for(settings.database_url).connect() as connection:
        for table in Model.metadata.sorted_tables:
            rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns))
            found.update(repr([tuple(row) for row in rows]).encode())
    return found.hexdigest()


def total(found: dict[str, Any], kind: str) -> int:
    return sum(month[kind].get("EUR", {"number": 0})["number"] for month in found["months"])


@pytest.fixture
def service(client: Any, company: Any) -> Service:  # noqa: F811
    order = buy(
        client, sold("VPS", {"monthly": "10"}, suspend_after_days=7, terminate_after_days=30)
    )
    return order.items[0].service


def test_a_year_is_simulated_on_a_copy(settings: Settings, service: Service) -> None:
    session().rollback()
    before, queued = digest(settings), queue.connection().keys()
    found = simulated(settings, "--paying", "all", "--seed", "7")
    left = found["months"][-1]["open"].get("EUR", {"number": 0})["number"]
    assert total(found, "issued") - total(found, "paid") == left <= 1
    assert total(found, "issued") in (11, 12, 13)
    assert found["months"][2]["issued"] == {"EUR": {"number": 1, "sum": "12.30"}}
    assert found["seed"] == 7
    assert len(found["days"]) in (365, 366)
    assert simulated(settings, "--paying", "all", "--seed", "8")["days"] == found["days"]
    assert (digest(settings), queue.connection().keys()) == (before, queued)


def test_nobody_pays(settings: Settings, service: Service) -> None:
    session().rollback()
    found = simulated(settings, "--paying", "none", "--months", "4")
    steps = {kind: sum(month[kind] for month in found["months"]) for kind in
             ("reminder", "suspend", "terminate", "unsuspend")}  # fmt: skip
    assert (steps["suspend"], steps["terminate"], steps["unsuspend"]) == (1, 1, 0)
    assert steps["reminder"] >= 3
    assert total(found, "paid") == 0
    assert found["months"][-1]["open"] != {}


def test_the_same_seed_gives_the_same_months(
    settings: Settings,
    client: Any,  # noqa: F811
    service: Service,
) -> None:
    for number in range(5):
        buy(client, sold(f"Mail {number}", {"monthly": "3"}))
    session().rollback()
    options = ("--paying", "50", "--months", "3")
    first = simulated(settings, *options, "--seed", "1")
    assert simulated(settings, *options, "--seed", "1") == first
    assert any(simulated(settings, *options, "--seed", seed)["days"] != first["days"]
               for seed in "2345")  # fmt: skip


def test_one_client_only(settings: Settings, service: Service) -> None:
    other = clients.create_client(
        actor=STAFF, name="Other", email="o@example.org", country="PL", currency="EUR"
    )
    buy(clients.find_client(other.uuid), sold("Mail", {"monthly": "3"}))
    session().rollback()
    options = ("--paying", "all", "--months", "2")
    both = simulated(settings, *options)
    one = simulated(settings, *options, "--client", other.uuid)
    assert (total(both, "issued"), total(one, "issued")) == (4, 2)
    assert simulated(settings, *options, "--client", "o@example.org")["days"] == one["days"]
    wrong = run(settings, "--client", "nobody")
    assert (wrong.returncode, "No client matches “nobody”." in wrong.stderr) == (2, True)


def test_clients_pay_as_they_did_before(settings: Settings, service: Service) -> None:
    for _number in range(3):
        buy(service.client, sold("Mail", {"monthly": "3"}), token=str(_number))
    session().rollback()
    found = simulated(settings, "--months", "3")
    assert found["paying"] == "as-before"
    assert total(found, "issued") > 0


def test_the_table(settings: Settings, service: Service) -> None:
    session().rollback()
    done = run(settings, "--paying", "all", "--months", "2", "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "1: 12.30 EUR" in done.stdout
    assert "paying all, seed 3." in done.stdout
    assert "Books of the copy: 0 problems." in done.stdout
    wrong = run(settings, "--paying", "101")
    assert (wrong.returncode, "percentage from 0 to 100" in wrong.stderr) == (2, True)


def test_switched_off_renewals_stay_off(settings: Settings, service: Service) -> None:
    panel_settings.save(actor=STAFF, values={"billing.renewals": False})
    session().rollback()
    assert total(simulated(settings, "--months", "2"), "issued") == 0
