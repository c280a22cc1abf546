"""A run that would charge many more documents than usual stops and asks staff."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.domain.brake import RunKind
from puqpanel.domain.errors import PermissionDenied
from puqpanel.domain.permissions import SERVICES_TERMINATE
from puqpanel.domain.principals import AUTOMATION, Principal, PrincipalKind
from puqpanel.infra import clock
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Document, StoppedRun
from puqpanel.operations.accounts import staff
from puqpanel.operations.automation import charging, late_fees, stopped_runs
from puqpanel.operations.oversight import health
from puqpanel.operations.system import settings as panel_settings
from tests.cli.running import puqpanel
from tests.conftest import STAFF
from tests.operations.automation.unpaid import ran
from tests.operations.automation.unpaid import work as run_tasks
from tests.web.billing.test_charges import at, charges, issue, method, work  # noqa: F401
from tests.web.billing.test_payments import Outside, Scene, scene, settings  # noqa: F401
from tests.web.conftest import PASSWORD

MANY = 12


@pytest.fixture
def many(scene: Scene, method: str) -> list[str]:  # noqa: F811
    """Documents that are due at noon."""
    return [issue(scene) for _ in range(MANY)]


def open_run() -> StoppedRun:
    session().rollback()
    session().expire_all()
    found = stopped_runs.open_run(RunKind.CHARGES)
    assert found is not None
    return found


def run(**options: Any) -> tuple[int, int]:
    """Run the hourly job and its tasks; return how many charges were opened and held."""
    done = charging.run(actor=AUTOMATION, **options)
    work()
    return done.opened, done.held


def test_nothing_is_charged_until_staff_approve(
    scene: Scene,  # noqa: F811
    many: list[str],
    settings: Settings,  # noqa: F811
) -> None:
    with at(0):
        assert [run(), run()] == [(0, MANY), (0, MANY)]
        found = open_run()
        assert "12 charges would be made in a day; the limit is 10." in str(found.reason)
        assert {subject for subject, _number in found.steps} == set(many)
        (check,) = health.look(settings, ["approvals"]).checks
        assert (check.state, "12 charges" in str(check.text)) == ("warn", True)
        other = Principal(
            PrincipalKind.STAFF, None, "x", permissions=frozenset({SERVICES_TERMINATE})
        )
        with pytest.raises(PermissionDenied):
            stopped_runs.approve(actor=other, uuid=found.uuid)
        stopped_runs.approve(actor=STAFF, uuid=found.uuid)
        run_tasks()
        work()
        assert [scene.status(uuid) for uuid in many] == ["paid"] * MANY
        assert run() == (0, 0)
        # what staff approved does not count against the rest of the day
        issue(scene)
        assert run() == (1, 0)
    assert len(charges()) == MANY + 1
    assert scene.problems() == []


def test_what_staff_dismiss_is_left_alone_for_a_day(scene: Scene, many: list[str]) -> None:  # noqa: F811
    with at(0):
        run()
        stopped_runs.dismiss(actor=STAFF, uuid=open_run().uuid)
        assert run() == (0, 0)
    with at(0, hours=23):
        assert run() == (0, 0)
    with at(1):
        ran()
        assert run() == (0, MANY)
        assert run(approve=True) == (MANY, 0)
        assert stopped_runs.open_runs() == []
    assert {scene.status(uuid) for uuid in many} == {"paid"}


def test_after_a_day_without_a_run_even_one_charge_asks(scene: Scene, method: str) -> None:  # noqa: F811
    issue(scene)
    with at(0):
        ran(clock.now() - timedelta(hours=25))
        assert run() == (0, 1)
        assert "payments may be missing" in str(open_run().reason)


def test_a_day_that_was_as_large_before_is_usual(scene: Scene, many: list[str]) -> None:  # noqa: F811
    with at(0):
        assert run(approve=True) == (MANY, 0)
    again = [issue(scene) for _ in range(MANY)]
    with at(1):
        ran()
        assert run() == (MANY, 0)
    assert {scene.status(uuid) for uuid in again} == {"paid"}


def test_staff_decide_on_the_page(scene: Scene, method: str) -> None:  # noqa: F811
    many = [scene.invoice() for _ in range(MANY)]
    with transaction() as current:
        current.execute(sa.update(Document).values(due_on=clock.now().date()))
    assert run() == (0, MANY)
    staff.create_staff(
        actor=AUTOMATION, email="owner@panel.test", name="Olga Owner", password=PASSWORD
    )
    owner = Outside(scene.panel).sign_in("owner@panel.test")
    assert "/admin/stopped-runs/" in owner.get("/admin/schedule/").text
    page = owner.get("/admin/stopped-runs/").text
    assert page.count("Visa •••• 4242") == MANY and page.count("123.00") >= MANY
    found = open_run()
    seen = found.updated_at.isoformat()
    owner.post(f"/admin/stopped-runs/{found.uuid}/approve", {"seen": seen})
    run_tasks()
    work()
    page = owner.get("/admin/stopped-runs/").text
    assert "Charges of saved payment methods: 12 approved" in page
    assert {scene.status(uuid) for uuid in many} == {"paid"}


def test_the_command_line_says_so(scene: Scene, many: list[str], settings: Settings) -> None:  # noqa: F811
    release()
    options = {
        "PUQPANEL_DATABASE_URL": settings.database_url,
        "PUQPANEL_MODULES_DIR": str(settings.modules_dir),
    }
    command = (settings.instance, "billing", "run", "--date", "2026-03-02")
    shown = puqpanel(*command, "--dry-run", **options).stdout
    assert "Needs approval: 12 charges would be made in a day" in shown
    made = puqpanel(*command, "--json", **options)
    assert made.returncode == 1, made.stderr
    done = json.loads(made.stdout)
    assert (done["charges"], done["held"]) == (0, MANY)
    assert "12 charges would be made" in done["stopped"]


def test_what_waits_for_approval_has_no_late_fee(scene: Scene, many: list[str]) -> None:  # noqa: F811
    panel_settings.save(actor=STAFF, values={"automation.fee": "percent"})
    with at(0):
        assert run() == (0, MANY)
    with at(7):
        ran()
        assert run() == (0, MANY)
        assert late_fees.due() == []
        stopped_runs.dismiss(actor=STAFF, uuid=open_run().uuid)
        assert len(late_fees.due()) == MANY


def test_approval_for_one_company_leaves_the_list_of_all(scene: Scene, many: list[str]) -> None:  # noqa: F811
    with at(0):
        assert run() == (0, MANY)
        assert run(approve=True, company_uuid="another") == (0, 0)
        assert len(open_run().steps) == MANY
        assert run() == (0, MANY)


def test_what_was_held_is_released_when_charges_are_switched_off(
    scene: Scene,  # noqa: F811
    many: list[str],
) -> None:
    with at(0):
        assert run() == (0, MANY)
        panel_settings.save(actor=STAFF, values={"billing.automatic_charges": ""})
        assert charging.run_automatically() == 0
        assert stopped_runs.open_runs() == []


def test_an_approval_holds_for_a_day(scene: Scene, many: list[str]) -> None:  # noqa: F811
    with at(0):
        run()
        uuid = open_run().uuid
        stopped_runs.approve(actor=STAFF, uuid=uuid)
    with at(2):
        assert stopped_runs.approved_steps(uuid) == (RunKind.CHARGES, set())
