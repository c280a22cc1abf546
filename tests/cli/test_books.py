"""`puqpanel books` finds what was changed behind the panel's back."""

from __future__ import annotations

import json
from decimal import Decimal
from subprocess import CompletedProcess
from typing import Any

import sqlalchemy as sa

from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from puqpanel.operations.accounts import clients
from puqpanel.operations.billing import companies, documents, issuing
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.cli.running import puqpanel
from tests.sample import SELLER


def run(settings: Settings, *arguments: str) -> CompletedProcess[str]:
    return puqpanel(
        settings.instance, "books", *arguments, PUQPANEL_DATABASE_URL=settings.database_url
    )


def test_the_books_are_checked_and_verified(app: Any, settings: Settings) -> None:
    with app.app_context():
        values = {**SELLER, "name": "Seller", "country": "US", "vat_registered": False}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        client = clients.create_client(actor=AUTOMATION, name="Anna", email="anna@example.test")
        for _ in range(2):
            draft = documents.create_draft(
                actor=AUTOMATION, client_uuid=client.uuid, draft=Draft([Line("Work", Decimal(5))])
            )
            issuing.issue(actor=AUTOMATION, uuid=draft.uuid)
    done = run(settings, "verify")
    assert (done.returncode, done.stdout) == (0, "Checked 2 documents: 0 problems.\n")
    assert run(settings, "check").returncode == 0
    with app.app_context(), transaction() as current:
        current.execute(sa.text("UPDATE documents SET net_minor = 1, tax_minor = 0"))
    done = run(settings, "verify", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["checked"]) == (1, 2)
    assert "sum to its total" in answer["problems"][0]["problem"]
    done = run(settings, "check")
    assert done.returncode == 1
    assert "00001, Anna: Amount due is 0.01 EUR, but the ledger has 5.00 EUR." in done.stderr
