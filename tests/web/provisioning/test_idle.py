"""Staff make services idle, and resume them, if their module can."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.differences import Observation
from puqpanel.domain.principals import AUTOMATION
from puqpanel.infra.clock import now
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Audit, Task
from puqpanel.operations.provisioning import differences, observations, requests, services
from tests.sample import activate, make_service, write_module
from tests.web.conftest import PASSWORD, Browser

JOBS = ["create", "suspend", "unsuspend", "termination", "change_package"]
Drain = Callable[..., None]


def source(*jobs: str) -> str:
    methods = "".join(
        f"    def {job}_job(self):\n        return {{'status': 'success'}}\n" for job in jobs
    )
    return f"from puqpanel.sdk import Product\n\n\nclass Echo(Product):\n{methods}"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    jobs = getattr(request, "param", [*JOBS, "idle", "unidle"])
    fails = "    def idle_job(self):\n        return {'status': 'error', 'message': 'No answer.'}\n"
    text = source(*(job for job in jobs if job != "failing"))
    write_module(tmp_path / "modules", text + fails * ("failing" in jobs))
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def sold(settings: Settings, app: Panel, owner: Browser) -> Iterator[tuple[Panel, Browser, str]]:
    """The panel with the module active, an owner's browser, and a service."""
    with app.app_context():
        activate(app, AUTOMATION)
    panel = Live(settings).ensure()
    with panel.app_context():
        uuid = make_service(AUTOMATION).uuid
    yield panel, Browser(panel).sign_in("owner@panel.test", password=PASSWORD), uuid
    dismantle(panel)


def create(panel: Panel, uuid: str, drain: Drain) -> None:
    with panel.app_context():
        assert requests.request(actor=AUTOMATION, service_uuid=uuid, verb="create").ok
        drain()


def is_idle(panel: Panel, uuid: str) -> tuple[str, str, bool | None]:
    with panel.app_context():
        service = services.find_service(uuid)
        return service.status, service.provision_status, service.idle


def work(panel: Panel, drain: Drain) -> None:
    with panel.app_context():
        drain()


def test_a_service_is_made_idle_and_resumed(sold: tuple[Panel, Browser, str], drain: Drain) -> None:
    panel, owner, uuid = sold
    at = f"/admin/services/{uuid}"
    assert f"{at}/idle" not in owner.get(at).text, "it is not created"
    create(panel, uuid, drain)
    page = owner.get(at).text
    assert (f'href="{at}/idle"' in page, f"{at}/unidle" in page) == (True, False)
    assert "Make service idle" in owner.get(f"{at}/idle").text
    owner.post(f"{at}/idle", {"reason": "Not used at night"})
    work(panel, drain)
    assert is_idle(panel, uuid) == ("active", "completed", True)
    page = owner.get(at).text
    assert (f"{at}/idle" in page, f'action="{at}/unidle"' in page) == (False, True)
    assert "</i>Idle since" in page
    assert "Not used at night" in page
    assert ">Idle</span>" in owner.get("/admin/services/").text
    assert "already idle" in owner.post(f"{at}/idle", follow_redirects=True).text
    owner.post(f"{at}/unidle")
    work(panel, drain)
    assert is_idle(panel, uuid) == ("active", "completed", False)
    assert "is not idle" in owner.post(f"{at}/unidle", follow_redirects=True).text
    with panel.app_context():
        actions = set(session().scalars(sa.select(Audit.action)))
        assert {
            f"service.{verb}_{end}"
            for verb in ("idle", "unidle")
            for end in ("requested", "succeeded")
        } <= actions
        titles = session().scalars(sa.select(Task.title).order_by(Task.id)).all()
        assert titles == ["Create", "Make idle", "Resume from idle"]


@pytest.mark.parametrize(("verb", "idle"), [("suspend", True), ("terminate", False)])
def test_what_other_operations_leave_of_it(
    sold: tuple[Panel, Browser, str], drain: Drain, verb: str, idle: bool
) -> None:
    panel, owner, uuid = sold
    create(panel, uuid, drain)
    owner.post(f"/admin/services/{uuid}/idle")
    work(panel, drain)
    with panel.app_context():
        assert requests.request(actor=AUTOMATION, service_uuid=uuid, verb=verb).ok
        drain()
    assert is_idle(panel, uuid)[2] == idle
    owner.post(f"/admin/services/{uuid}/unsuspend")
    work(panel, drain)
    assert is_idle(panel, uuid)[2] is False


@pytest.mark.parametrize("settings", [[*JOBS, "failing", "unidle"]], indirect=True)
def test_a_service_that_was_half_made_idle_can_be_resumed(
    sold: tuple[Panel, Browser, str], drain: Drain
) -> None:
    panel, owner, uuid = sold
    create(panel, uuid, drain)
    owner.post(f"/admin/services/{uuid}/idle")
    work(panel, drain)
    assert is_idle(panel, uuid) == ("active", "failed", None)
    assert f'action="/admin/services/{uuid}/unidle"' in owner.get(f"/admin/services/{uuid}").text
    owner.post(f"/admin/services/{uuid}/unidle")
    work(panel, drain)
    assert is_idle(panel, uuid) == ("active", "completed", False)


def test_an_idle_service_is_not_suspended_at_its_provider(
    sold: tuple[Panel, Browser, str], drain: Drain
) -> None:
    panel, owner, uuid = sold
    create(panel, uuid, drain)
    owner.post(f"/admin/services/{uuid}/idle")
    work(panel, drain)

    def observe(*, suspended: bool) -> None:
        seen = Observation(exists=True, suspended=suspended, data=None)
        observations.record(service_uuid=uuid, observation=seen, asked_at=now())

    with panel.app_context():
        observe(suspended=True)
        assert observations.difference_of(services.find_service(uuid)) is None
        assert requests.request(actor=AUTOMATION, service_uuid=uuid, verb="suspend").ok
        drain()
        observe(suspended=False)
        found = observations.difference_of(services.find_service(uuid))
        assert found is not None
        differences.take_over(actor=AUTOMATION, service_uuid=uuid, seen=found[1].digest)
    assert is_idle(panel, uuid) == ("active", "completed", False)


def test_bulk_idle_takes_those_that_are_not(sold: tuple[Panel, Browser, str], drain: Drain) -> None:
    panel, owner, uuid = sold
    create(panel, uuid, drain)
    assert 'value="idle"' in owner.get("/admin/services/").text
    data = {"do": "idle", "id": [uuid]}
    assert "Make 1 service idle" in owner.post("/admin/services/bulk", data).text
    owner.post(f"/admin/services/{uuid}/idle")
    work(panel, drain)
    assert "already idle" in owner.post("/admin/services/bulk", data).text
    page = owner.post("/admin/services/bulk", {"do": "unidle", "id": [uuid]}).text
    assert "Resume 1 service from idle" in page


@pytest.mark.parametrize("settings", [JOBS], indirect=True)
def test_modules_without_the_jobs_are_offered_none(
    sold: tuple[Panel, Browser, str], drain: Drain
) -> None:
    panel, owner, uuid = sold
    create(panel, uuid, drain)
    at = f"/admin/services/{uuid}"
    assert "idle" not in owner.get(at).text
    assert 'value="idle"' not in owner.get("/admin/services/").text
    assert "no idle_job()" in owner.post(f"{at}/idle", follow_redirects=True).text
    page = owner.post("/admin/services/bulk", {"do": "idle", "id": [uuid]}).text
    assert "does not support this action" in page


def test_a_service_without_a_module_is_never_idle(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    at = f"/admin/services/{shop['service']}"
    owner.post(f"{at}/create")
    assert "idle" not in owner.get(at).text
    assert "without a module" in owner.post(f"{at}/idle", follow_redirects=True).text
    assert is_idle(app, shop["service"]) == ("active", "completed", False)
