"""The task list: service names, search and escaping."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.db import session, transaction
from puqpanel.models import Task, TaskTag
from puqpanel.operations.oversight import tasks
from puqpanel.operations.provisioning import services
from puqpanel.web.admin.oversight.tasks import TASKS
from tests.conftest import BACKEND
from tests.instructions import instructions
from tests.web.conftest import Browser


def add(app: Panel, **values: object) -> str:
    """Add a completed task and return its UUID."""
    values = {"status": "completed", **values}
    with app.app_context(), transaction() as current:
        row = Task(job="ModuleJob", queue="Module", data={}, **values)
        current.add(row)
        current.flush()
        return row.uuid


def test_tasks_name_their_service(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    uuid = add(
        app,
        title="Create",
        subject_type="service",
        subject_uuid=shop["service"],
        note="It is ready.",
    )
    link = f'href="/admin/services/{shop["service"]}"'
    listed = owner.get("/admin/tasks/").text
    assert (link in listed, "berg.example</a>" in listed, "It is ready." in listed) == (
        True,
        True,
        True,
    )
    page = owner.get(f"/admin/tasks/{uuid}").text
    assert (link in page, "Create berg.example</h1>" in page) == (True, True)


def test_search_finds_tasks_by_service_name(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    add(app, title="Create", subject_type="service", subject_uuid=shop["service"])
    other = add(app, title="Tidy up")
    page = owner.get("/admin/tasks/?q=BERG.ex").text
    assert (f'/admin/services/{shop["service"]}"' in page, other in page) == (True, False)
    assert other in owner.get("/admin/tasks/?q=tidy").text
    assert "No results" in owner.get("/admin/tasks/?q=100%25").text


def test_tasks_of_a_deleted_service_and_without_a_service(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    gone = add(
        app,
        title="Terminate",
        subject_type="service",
        subject_uuid="11111111-2222-3333-4444-555555555555",
    )
    assert ">Deleted<" in owner.get(f"/admin/tasks/{gone}").text
    assert "ModuleJob" in owner.get("/admin/tasks/").text


def test_names_are_escaped_in_the_list_but_not_in_the_csv(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    with app.app_context():
        services.rename_service(actor=AUTOMATION, uuid=shop["service"], name="<i>odd</i>")
    add(app, title="Create", subject_type="service", subject_uuid=shop["service"])
    assert "<i>odd" not in owner.get("/admin/tasks/").text
    assert "<i>odd</i>" in owner.get("/admin/tasks/?format=csv").text


def test_tasks_are_listed_on_the_page_of_their_subject(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    for kind, uuid in (("product", shop["product"]), ("client", shop["client"])):
        add(app, title=f"Sync of a {kind}", subject_type=kind, subject_uuid=uuid)
        page = owner.get(f"/admin/{kind}s/{uuid}").text
        assert f"Sync of a {kind}" in page
        found = owner.get(f"/admin/tasks/?about={kind}&subject={uuid}").text
        assert f"Sync of a {kind}" in found
    assert "Sync of a product" not in owner.get("/admin/tasks/?about=client").text


def test_a_waiting_task_says_until_when_without_alarm(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    at = datetime(2031, 5, 6, 14, 20, tzinfo=UTC)
    about = {"subject_type": "service", "subject_uuid": shop["service"]}
    uuid = add(app, title="Create", status="waiting", attempt=1, tries=11, run_at=at, **about)
    for page in (f"/admin/tasks/{uuid}", "/admin/tasks/", f"/admin/services/{shop['service']}"):
        text = owner.get(page).text
        assert "Waiting until 6 May 2031" in text, page
        assert "1 of 11" not in text and "st-warn" not in text, page


def add_many(number: int, **values: object) -> list[int]:
    """Add completed tasks of an automation and return their ids."""
    row = {"job": "ModuleJob", "queue": "Module", "status": "completed", "note": ""}
    row |= {"actor_kind": "automation", "actor_name": "", **values}
    with transaction() as current:
        first = current.scalar(sa.select(sa.func.coalesce(sa.func.max(Task.id), 0))) or 0
        rows = [row | {"id": first + n} for n in range(1, number + 1)]
        current.execute(sa.insert(Task), rows)
        return [row["id"] for row in rows]  # type: ignore[misc]


def tag(task_ids: list[int], text: str) -> None:
    with transaction() as current:
        current.execute(sa.insert(TaskTag), [{"task_id": n, "tag": text} for n in task_ids])


def test_scheduled_tasks_are_those_of_the_condition(panel: Panel) -> None:
    add_many(3)
    add_many(2, job="MaintenanceJob", status="failed")
    tag(add_many(2, job="ReconcileJob"), "schedule")
    tag(add_many(30), "schedule")
    tag(add_many(2, status="failed"), "schedule")
    tag(add_many(2, actor_kind="staff"), "schedule")
    tag(add_many(2), "module:x")
    routine = sa.select(Task.id).where(tasks.ROUTINE).order_by(Task.id.desc())
    expected = list(session().scalars(routine))
    page = TASKS.page(session(), "/", {"tab": "scheduled"})
    assert page.counts["scheduled"] == len(expected) == 34
    assert page.counts["all"] == 9
    assert [row.id for row in page.rows] == expected[:25]
    assert page.next


@pytest.mark.skipif(BACKEND != "sqlite", reason="counts the instructions of SQLite")
@pytest.mark.parametrize("tab", ["all", "scheduled", "completed", "open"])
def test_the_list_does_not_grow_with_its_rows(panel: Panel, tab: str) -> None:
    steps = []
    for number in (1500, 12000):
        add_many(number)
        steps.append(instructions(lambda: TASKS.page(session(), "/", {"tab": tab})))
    assert steps[1] < 1.5 * steps[0], steps
