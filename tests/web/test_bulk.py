"""Bulk actions of lists: confirmation, one task, results."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, BulkItem, Document, DocumentLineRow, Service, Task
from puqpanel.operations.billing import bulk_issuing, companies, documents, issuing, taxes
from puqpanel.operations.billing.lines import Line
from puqpanel.operations.oversight import bulk
from puqpanel.operations.provisioning import requests, services
from puqpanel.tasks import fence
from tests.sample import SELLER
from tests.web.conftest import Browser

URL = "/admin/services/bulk"


@pytest.fixture
def many(app: Panel, shop: dict[str, str]) -> list[str]:
    """The UUIDs of 30 services: 20 active, 5 pending and 5 terminated."""
    statuses = [("active", "completed")] * 20 + [("pending", "pending")] * 5
    statuses += [("terminated", "terminated")] * 5
    made = []
    with app.app_context():
        for number, (status, provision) in enumerate(statuses):
            service = services.create_service(
                actor=AUTOMATION,
                client_uuid=shop["client"],
                product_uuid=shop["product"],
                name=f"s{number:02}.example",
            )
            with transaction():
                row = services.find_service(service.uuid)
                row.status, row.provision_status = status, provision
            made.append(service.uuid)
    return made


def digest(page: str) -> dict[str, str]:
    found = re.search(r'name="digest" value="(\w+)"', page)
    return {"digest": found[1]} if found else {}


def counts(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<dd class="num">(\d+)</dd>', page)]


def test_confirmation_counts_what_is_eligible_and_groups_the_reasons(
    owner: Browser, many: list[str]
) -> None:
    page = owner.post(URL, {"do": "suspend", "id": many}).text
    assert "20 of 30 selected rows are eligible." in page and "Suspend 20 services" in page
    assert (
        page.count('<details class="mb-2">') == 2
        and "is “Pending”" in page
        and "is “Terminated”" in page
    )
    none = owner.post(URL, {"do": "suspend", "id": many[20:]}).text
    assert "0 of 10 selected rows are eligible." in none and "data-confirmed" not in none
    assert owner.post(URL, {"do": "explode", "id": many}).status_code == 400


def test_bulk_action_is_one_task_with_a_page_of_results(
    app: Panel, owner: Browser, many: list[str], drain: Callable[..., None]
) -> None:
    data = {"do": "suspend", "id": many, "confirmed": "yes", "reason": "Unpaid invoice 7"}
    started = owner.post(URL, data)
    assert started.status_code == 302 and "/admin/bulk/" in started.location
    page = owner.get(started.location).text
    assert counts(page) == [0, 0, 20, 10, 0] and "<progress" in page and "hx-get" in page
    with app.app_context():
        assert session().scalar(sa.select(sa.func.count(Task.id))) == 1
    drain(1)
    page = owner.get(started.location).text
    assert (
        counts(page) == [20, 0, 0, 10, 0]
        and "20 of 30 done, 10 refused" in " ".join(page.split())
        and 'hx-trigger="every' not in page
    )
    with app.app_context():
        found = sa.select(Audit).where(Audit.action == "service.suspend_requested")
        entries = session().scalars(found).all()
        assert len(entries) == 20
        assert {(entry.after or {})["reason"] for entry in entries} == {"Unpaid invoice 7"}
        assert {entry.actor_name for entry in entries} == {"Olga Owner"}


def test_all_that_match_the_filter(owner: Browser, many: list[str], app: Panel) -> None:
    query = "?tab=active&q=s0"
    listed = owner.get(f"/admin/services/{query}").text
    carried = re.search(r'name="query" value="([^"]*)"', listed)
    assert carried and carried[1].replace("&amp;", "&") != ""
    data = {"do": "suspend", "all": "yes", "query": carried[1].replace("&amp;", "&")}
    page = owner.post(URL, data).text
    assert "10 of 10 selected rows are eligible." in page
    confirmed = {**data, "confirmed": "yes", **digest(page)}
    with app.app_context():
        requests.request(actor=AUTOMATION, service_uuid=many[0], verb="suspend")
    changed = owner.post(URL, confirmed)
    assert changed.status_code == 422 and "The selection has changed." in changed.text
    again = owner.post(URL, {**confirmed, **digest(changed.text)})
    assert again.status_code == 302


def test_create_in_bulk(owner: Browser, many: list[str], drain: Callable[..., None]) -> None:
    started = owner.post(URL, {"do": "create", "id": many, "confirmed": "yes"})
    drain(1)
    assert counts(owner.get(started.location).text) == [5, 0, 0, 25, 0]


def test_termination_requires_the_number_of_eligible_rows(owner: Browser, many: list[str]) -> None:
    data = {"do": "terminate", "id": many}
    asked = owner.post(URL, data).text
    assert "TERMINATE 20" in asked and asked.count("of Anna Berg</li>") >= 20
    wrong = owner.post(URL, {**data, "confirmed": "yes", "typed": "TERMINATE 30"})
    assert wrong.status_code == 422 and "Type TERMINATE 20 exactly" in wrong.text
    right = owner.post(URL, {**data, "confirmed": "yes", "typed": " TERMINATE 20 "})
    assert right.status_code == 302


def test_interrupted_bulk_action_continues_without_repeating_anything(
    app: Panel, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        task = bulk.start(actor=AUTOMATION, action="suspend", subjects=many[:6])
        child, calls = bulk._child, []

        def dies(*args: object) -> None:
            calls.append(args)
            if len(calls) == 3:
                raise KeyboardInterrupt  # after the request, before its result is recorded
            child(*args)  # type: ignore[arg-type]

        monkeypatch.setattr(bulk, "_child", dies)
        with pytest.raises(KeyboardInterrupt):
            bulk.work(task)
        states = session().scalars(sa.select(BulkItem.state).order_by(BulkItem.id)).all()
        assert states == ["queued", "queued", "started", "waiting", "waiting", "waiting"]
        session().rollback()
        bulk.work(bulk.find_bulk(task.uuid))
        results = bulk.progress(task)
        assert (results.done, results.refused_count, results.waiting) == (6, 0, 0)
        requested = sa.select(sa.func.count(Audit.id)).where(
            Audit.action == "service.suspend_requested"
        )
        assert session().scalar(requested) == 6


def test_each_row_asks_for_the_permission_that_the_actor_has_then(
    app: Panel, many: list[str]
) -> None:
    actor = Principal(
        PrincipalKind.STAFF, 999, "Gone", permissions=frozenset({"services.provision"})
    )
    with app.app_context():
        task = bulk.start(actor=actor, action="suspend", subjects=many[:3])
        bulk.work(bulk.find_bulk(task.uuid))
        results = bulk.progress(task)
        assert results.refused_count == 3 and "services.provision" in next(iter(results.refused))
        active = sa.select(sa.func.count(Service.id)).where(Service.status == "active")
        assert session().scalar(active) == 20


def test_cancel_tasks_in_bulk(owner: Browser, app: Panel, drain: Callable[..., None]) -> None:
    from puqpanel.tasks import add

    with app.app_context(), transaction():
        uuids = [add.add(job="HookJob", data={"n": number}, delay=600).uuid for number in range(3)]
    data = {"do": "cancel", "id": uuids, "confirmed": "yes", "typed": "CANCEL 3"}
    started = owner.post("/admin/tasks/bulk", data)
    drain(1)
    assert counts(owner.get(started.location).text) == [3, 0, 0, 0, 0]


@pytest.fixture
def drafts(app: Panel, shop: dict[str, str]) -> list[str]:
    """The UUIDs of 12 drafts, and of an invoice."""
    with app.app_context():
        values = {**SELLER, "name": "Fjordhost", "country": "PL"}
        companies.save_company(actor=AUTOMATION, uuid=None, values=values)
        taxes.load_eu_rates(actor=AUTOMATION)
        made = [
            documents.create_draft(
                actor=AUTOMATION,
                client_uuid=shop["client"],
                draft=documents.Draft([Line(f"Hour {number}", Decimal(10))]),
            ).uuid
            for number in range(13)
        ]
        issuing.issue(actor=AUTOMATION, uuid=made[12])
    return made


def test_selected_drafts_are_issued(
    app: Panel, owner: Browser, drafts: list[str], drain: Callable[..., None]
) -> None:
    assert 'value="issue"' in owner.get("/admin/documents/?tab=drafts").text
    asked = owner.post("/admin/documents/bulk", {"do": "issue", "id": drafts}).text
    assert "12 of 13 selected rows are eligible." in asked and "Issue 12 documents" in asked
    confirmed = {"do": "issue", "id": drafts, "confirmed": "yes"}
    started = owner.post("/admin/documents/bulk", confirmed)
    with app.app_context(), transaction() as current:  # its total is another one now
        changed = sa.update(DocumentLineRow).where(DocumentLineRow.description == "Hour 3")
        current.execute(changed.values(amount_minor=900))
    drain(1)
    page = html.unescape(owner.get(started.location).text)
    assert counts(page) == [11, 0, 0, 2, 0] and "/admin/documents/" in page
    assert "The total has changed to" in page and "Issued documents can't be changed." in page
    with app.app_context():
        query = sa.select(Document.count).where(Document.uuid.in_(drafts[:12]))
        assert list(session().scalars(query.order_by(Document.id))) == [
            2,
            3,
            4,
            None,
            *range(5, 13),
        ]


def test_a_lost_worker_leaves_no_draft_in_doubt(
    app: Panel, drafts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_issuing, "CHUNK", 5)
    with app.app_context():
        task = bulk.start(actor=AUTOMATION, action="issue", subjects=drafts[:12])
        check, calls = fence.check, []

        def dies() -> None:
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt  # in the transaction of the second chunk
            check()

        with monkeypatch.context() as patch:
            patch.setattr(fence, "check", dies)
            with pytest.raises(KeyboardInterrupt):
                bulk.work(task)
        issued = sa.select(sa.func.count(Document.number)).where(Document.uuid.in_(drafts[:12]))
        assert session().scalar(issued) == bulk.progress(task).done == 5
        bulk.work(task)
        assert session().scalar(issued) == bulk.progress(task).done == 12


def test_a_bulk_action_without_the_permission_refuses_all(app: Panel, drafts: list[str]) -> None:
    with app.app_context():
        task = bulk.start(actor=AUTOMATION, action="issue", subjects=drafts[:2])
        with transaction() as current:
            row = current.get_one(Task, task.id)
            row.actor_kind, row.actor_id = PrincipalKind.STAFF, 0  # who has left since
        bulk.work(row)
        progress = bulk.progress(row)
        assert (progress.refused_count, progress.done) == (2, 0)
