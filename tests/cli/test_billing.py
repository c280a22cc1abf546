"""`puqpanel billing run` charges what is due, and shows it before."""

from __future__ import annotations

import json
from datetime import timedelta
from subprocess import CompletedProcess
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Document, Service
from tests.cli.running import puqpanel
from tests.operations.billing.conftest import client, company  # noqa: F401  # fixtures
from tests.operations.ordering.dated import buy, sold


def run(settings: Settings, *arguments: str) -> CompletedProcess[str]:
    return puqpanel(
        settings.instance, "billing", "run", *arguments, PUQPANEL_DATABASE_URL=settings.database_url
    )


@pytest.mark.usefixtures("company")
def test_renewals_are_shown_and_issued(settings: Settings, client: Any) -> None:  # noqa: F811
    buy(client, sold("VPS", {"monthly": "10"}))
    until = session().scalars(sa.select(Service.paid_until)).one()
    session().rollback()
    ahead = ("--date", (until - timedelta(days=14)).isoformat())
    assert run(settings).stdout == "Issued 0 documents, 0 refused.\n"
    done = run(settings, *ahead, "--dry-run")
    assert f"{client.name}: VPS, {until} to " in done.stdout and "10.00 EUR" in done.stdout
    (due,) = json.loads(run(settings, *ahead, "--dry-run", "--json").stdout)["due"]
    assert (due["client"], due["kind"], due["services"][0]["name"]) == (
        client.name,
        "invoice",
        "VPS",
    )
    done = json.loads(run(settings, *ahead, "--json").stdout)
    assert (done["issued"], done["refused"], done["steps"]) == (1, [], {})
    assert done["charges"] == 0
    assert run(settings, *ahead).stdout == "Issued 0 documents, 0 refused.\n"
    wrong = run(settings, "--company", "Nobody")
    assert (wrong.returncode, "There is no company “Nobody”." in wrong.stderr) == (2, True)


@pytest.mark.usefixtures("company")
def test_unpaid_services_are_shown_and_suspended(settings: Settings, client: Any) -> None:  # noqa: F811
    product = sold("VPS", {"monthly": "10"}, suspend_after_days=7)
    for _number in range(11):
        buy(client, product, token=str(_number))
    with transaction() as current:
        values = {"status": "issued", "paid_minor": 0, "due_on": now().date() - timedelta(days=8)}
        current.execute(sa.update(Document).values(values))
    session().rollback()
    shown = run(settings, "--dry-run")
    assert f"{client.name}: suspend VPS. " in shown.stdout
    assert "Needs approval: 11 services" in shown.stdout
    found = json.loads(run(settings, "--dry-run", "--json").stdout)
    assert {each["step"] for each in found["steps"]} == {"overdue", "suspend"}
    assert found["stopped"]
    done = run(settings, "--json")
    assert (done.returncode, json.loads(done.stdout)["held"]) == (1, 11)
    stopped = run(settings)
    assert "11 services would be suspended or terminated in a day" in stopped.stderr
    approved = json.loads(run(settings, "--approve", "--json").stdout)
    assert (approved["steps"], approved["held"]) == ({"suspend": 11}, 0)
    assert run(settings).stdout == "Issued 0 documents, 0 refused.\n"
