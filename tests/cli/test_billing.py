"""`puqpanel billing run` charges what is due, and shows it before."""

from __future__ import annotations

import json
from datetime import timedelta
from subprocess import CompletedProcess
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.models import Service
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
    assert json.loads(run(settings, *ahead, "--json").stdout) == {"issued": 1, "refused": []}
    assert run(settings, *ahead).stdout == "Issued 0 documents, 0 refused.\n"
    wrong = run(settings, "--company", "Nobody")
    assert (wrong.returncode, "There is no company “Nobody”." in wrong.stderr) == (2, True)
