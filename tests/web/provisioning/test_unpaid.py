"""Staff and clients see why a service is suspended; staff decide about a run that stopped."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.brake import RunKind
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import Document, Product, Service, StoppedRun
from puqpanel.operations.automation import dunning, stopped_runs
from puqpanel.operations.billing import companies, documents, issuing
from puqpanel.operations.billing.documents import Draft
from puqpanel.operations.billing.lines import Line
from tests.operations.automation.unpaid import ran, work
from tests.web.conftest import Browser


@pytest.fixture
def document(app: Panel, shop: dict[str, str]) -> str:
    """The UUID of a document for an active service that was due 3 days ago."""
    with app.app_context():
        values = {"name": "Host", "country": "PL", "street": "A 1", "city": "B"}
        values |= {"tax_number": "5260250274", "vat_registered": False}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        service = session().scalars(sa.select(Service)).one()
        line = Line("Web S", Decimal(5), service_id=service.id, kind="")
        draft = documents.create_draft(
            actor=AUTOMATION, client_uuid=shop["client"], draft=Draft([line])
        )
        issued = issuing.issue(actor=AUTOMATION, uuid=draft.uuid)
        with transaction() as current:
            due = now().date() - timedelta(days=3)
            current.execute(sa.update(Document).values(due_on=due))
            states = {"status": "active", "provision_status": "completed"}
            current.execute(sa.update(Service).values(states))
            days = {"suspend_after_days": 5, "terminate_after_days": 20}
            current.execute(sa.update(Product).values(days))
        return str(issued.uuid)


def run(app: Panel, days: int, **late: Any) -> None:
    with app.app_context():
        with transaction() as current:
            current.execute(sa.update(Product).values(suspend_after_days=days))
            if late:
                ran(now() - timedelta(**late))
        dunning.run(actor=AUTOMATION)
        work()


def test_pages_say_what_follows_and_what_was_done(
    app: Panel, owner: Browser, shop: dict[str, str], document: str
) -> None:
    anna = Browser(app).sign_in("anna@example.test", "/client")
    at, staff_at = f"/client/services/{shop['service']}", f"/admin/services/{shop['service']}"
    page = anna.get(at, follow_redirects=True).text
    assert "Without payment, this service is suspended on" in page
    assert "It is terminated and its data deleted on" in page
    assert f"/client/documents/{document}" in page or document in page
    page = owner.get(staff_at).text
    assert ("Unpaid invoices" in page, "Termination" in page) == (True, True)
    run(app, days=2)
    page = anna.get(at, follow_redirects=True).text
    assert "This service is suspended, because" in page and document in page
    page = owner.get(staff_at).text
    assert "and is not paid." in page and f"/admin/documents/{document}" in page
    page = owner.get(f"/admin/documents/{document}").text
    assert "Reminders and suspensions" in page and staff_at in page


def test_staff_approve_the_list(
    app: Panel, owner: Browser, shop: dict[str, str], document: str
) -> None:
    assert "Nothing to decide" in owner.get("/admin/stopped-runs/").text
    run(app, days=2, hours=30)
    assert "/admin/stopped-runs/" in owner.get("/admin/schedule/").text
    page = owner.get("/admin/stopped-runs/").text
    assert "berg.example" in page and "were not processed since" in page
    with app.app_context():
        found = stopped_runs.open_run(RunKind.SERVICES)
        assert found is not None
        uuid, seen = found.uuid, found.updated_at.isoformat()
    owner.post(f"/admin/stopped-runs/{uuid}/approve", {"seen": "x"})
    assert "The list has changed" in owner.get("/admin/stopped-runs/").text
    owner.post(f"/admin/stopped-runs/{uuid}/approve", {"seen": seen})
    with app.app_context():
        work()
        work()
        assert session().scalars(sa.select(Service.status)).one() == "suspended"
        assert session().scalars(sa.select(StoppedRun.status)).one() == "approved"
    assert "Suspensions and terminations: 1 approved" in owner.get("/admin/stopped-runs/").text
    assert "Suspension or termination of 1 service approved." in owner.get("/admin/activity/").text


def test_staff_dismiss_the_list(
    app: Panel, clerk: Browser, shop: dict[str, str], document: str
) -> None:
    run(app, days=2, hours=30)
    with app.app_context():
        found = stopped_runs.open_run(RunKind.SERVICES)
        assert found is not None
        uuid = found.uuid
    assert "Dismiss list" not in clerk.get("/admin/stopped-runs/").text
    assert clerk.post(f"/admin/stopped-runs/{uuid}/dismiss").status_code == 403
    owner = Browser(app).sign_in("owner@panel.test")
    owner.post(f"/admin/stopped-runs/{uuid}/dismiss")
    page = owner.get("/admin/stopped-runs/").text
    assert "Suspensions and terminations: 1 dismissed" in page and "Nothing to decide" in page
