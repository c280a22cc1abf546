"""`puqpanel billing forecast` prints what will be charged."""

from __future__ import annotations

import json
from typing import Any

from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from tests.cli.running import puqpanel
from tests.operations.billing.conftest import client, company  # noqa: F401  # fixtures
from tests.operations.ordering.dated import buy, sold


def test_sums_and_documents(settings: Settings, client: Any, company: Any) -> None:  # noqa: F811
    def run(*arguments: str) -> Any:
        done = puqpanel(
            settings.instance,
            *("billing", "forecast", *arguments),
            PUQPANEL_DATABASE_URL=settings.database_url,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run() == "Nothing is expected.\n"
    buy(client, sold("VPS", {"monthly": "10"}))
    session().rollback()
    rows = json.loads(run("--json"))
    assert len(rows) in (11, 12, 13)
    assert {(row["company"], row["currency"], row["renewals"]) for row in rows} == {
        (company.name, "EUR", "10.00")
    }
    assert json.loads(run("--company", company.name, "--json")) == rows
    documents = json.loads(run("--client", client.uuid, "--months", "3", "--json"))
    assert json.loads(run("--client", client.email, "--months", "3", "--json")) == documents
    assert [(row["amount"], row["services"]) for row in documents] == [("12.30", "VPS")] * len(
        documents
    )
    assert len(documents) in (2, 3)
    assert "12.30  EUR  VPS" in run("--client", client.uuid)
