"""Requests from start to settlement, with a real module and worker."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.host import calls
from puqpanel.infra.clock import now
from puqpanel.infra.db import db, release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.live import Live, dismantle
from puqpanel.models import Audit, Service, Task
from puqpanel.operations.modules import breaker, lifecycle
from puqpanel.operations.modules.availability import defines
from puqpanel.operations.oversight import tasks as task_operations
from puqpanel.operations.provisioning import reconciliation, requests, services, settlement
from puqpanel.tasks import claim, sweep
from tests.sample import activate, make_service, write_module

ECHO = '''
import json, os, time
from pathlib import Path
from puqpanel.sdk import Product, Result, Service, Task

BOOK = Path(__file__).parent / "book.json"

class Echo(Product):
    """Return what the product's configuration says and record each job in a file."""

    def _do(self, verb):
        book = json.loads(BOOK.read_text()) if BOOK.exists() else []
        BOOK.write_text(json.dumps([*book, verb]))
        answer = self.product_data.get(verb, "ok")
        if answer == "raise":
            raise ValueError("password=hunter2 went wrong")
        if answer == "exit":
            raise SystemExit(3)
        if answer == "die":
            os._exit(9)
        if answer == "error":
            return {"status": "error", "message": "The provider said no."}
        if answer == "says_failed":
            Service.find(self.service_uuid).set_provision_status("failed")
            return {"status": "error", "message": "Try again."}
        if answer == "says_completed":
            Service.find(self.service_uuid).set_provision_status("completed")
        if answer == "garbage":
            half = b"\\xff".decode("utf-8", "surrogateescape")
            return {"status": "error", "message": f"\\0 {half} password=hunter2" + "x" * 10**6, "data": {half: [half, float("nan"), "\\0", "y" * 10**6]}}
        if answer == "final":
            return Result.error("Never again.", retry=False)
        if answer == "pending" and verb not in book:
            return Result.pending("Still building.")
        if answer == "follow" and verb == "create":
            Task.add("ModuleJob", "Module", {"module": self, "method": "checkJob", "tries": 1, "backoff": 0}, ["check"])
        self.service_data["username"] = "u-" + verb
        return {"status": "success"}

    def save_service_data(self, data=None):
        (BOOK.parent / "saving").touch()
        time.sleep(float((data or {}).pop("slow", 0)))
        return super().save_service_data(data)

    def create(self):
        if self.product_data.get("helper"):
            Task.add("ModuleJob", "Module", {"module": self, "method": "checkJob", "tries": 1, "delay": 60}, ["check"])
        if not self.product_data.get("own"):
            return super().create()
        Task.add("ModuleJob", "Module", {"module": self, "method": "createJob", "tries": 1}, ["create", f"service:{self.service_uuid}"])
        return {"status": "success"}

    def create_job(self): return self._do("create")
    def suspend_job(self): return self._do("suspend")
    def unsuspend_job(self): return self._do("unsuspend")
    def termination_job(self): return self._do("terminate")
    def change_package_job(self): return self._do("change_package")
    def checkJob(self): return self._do("check")
'''


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", ECHO)
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def echo(settings: Settings, app: Panel) -> Iterator[Panel]:
    """The panel with the module active."""
    with app.app_context():
        activate(app, Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"})))
    live = Live(settings)
    panel = live.ensure()
    with panel.app_context():
        yield panel
    dismantle(panel)


def look(uuid: str) -> Service:
    release()
    db.session.expire_all()
    return services.find_service(uuid)


def book(settings: Settings) -> list[str]:
    import json

    path = settings.modules_dir / "Product" / "Echo" / "book.json"
    found: list[str] = json.loads(path.read_text()) if path.exists() else []
    return found


def ask(actor: Principal, service: Service, verb: str, drain: Callable[..., None]) -> Service:
    result = requests.request(actor=actor, service_uuid=service.uuid, verb=verb)
    assert result.ok, result.message
    assert look(service.uuid).provision_status == "processing"
    drain()
    return look(service.uuid)


STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))


def test_reason_of_a_request_is_recorded(echo: Panel, drain: Callable[..., None]) -> None:
    service = make_service(STAFF)
    ask(STAFF, service, "create", drain)
    assert requests.request(
        actor=STAFF, service_uuid=service.uuid, verb="suspend", reason=" Unpaid\nsince May "
    ).ok
    entry = session().scalar(sa.select(Audit).where(Audit.action == "service.suspend_requested"))
    assert (
        entry is not None
        and str(entry.summary) == "Suspension requested: Unpaid since May"
        and entry.after == {"reason": "Unpaid since May"}
    )


def test_service_lifecycle(echo: Panel, drain: Callable[..., None], settings: Settings) -> None:
    service = make_service(STAFF)
    assert (service.status, service.provision_status) == ("pending", "pending")
    after = ask(STAFF, service, "create", drain)
    assert (after.status, after.provision_status, str(after.failure), after.verb) == (
        "active",
        "completed",
        "",
        "",
    )
    assert after.provision_data["username"] == "u-create"
    after = ask(STAFF, service, "suspend", drain)
    assert (after.status, after.provision_status) == ("suspended", "suspended")
    after = ask(STAFF, service, "change_package", drain)
    assert (after.status, after.provision_status) == ("suspended", "suspended")
    after = ask(STAFF, service, "unsuspend", drain)
    assert (after.status, after.provision_status) == ("active", "completed")
    after = ask(STAFF, service, "terminate", drain)
    assert (after.status, after.provision_status) == (
        "terminated",
        "terminated",
    ) and after.terminated_at is not None
    assert book(settings) == ["create", "suspend", "change_package", "unsuspend", "terminate"]
    actions = (
        session().scalars(sa.select(Audit.action).where(Audit.subject_uuid == service.uuid)).all()
    )
    assert {
        "service.create_requested",
        "service.create_succeeded",
        "service.terminate_succeeded",
    } <= set(actions)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("error", "The provider said no."),
        ("raise", "ValueError"),
        ("exit", "SystemExit"),
        ("final", "Never again."),
    ],
)
def test_failed_job_reports_its_reason_and_can_be_retried(
    echo: Panel, drain: Callable[..., None], answer: str, words: str, settings: Settings
) -> None:
    service = make_service(STAFF, config={"create": answer})
    after = ask(STAFF, service, "create", drain)
    assert (after.status, after.provision_status) == (
        "pending",
        "failed",
    ) and words in str(after.failure)
    assert "hunter2" not in str(after.failure)
    task = session().scalars(sa.select(Task)).one()
    assert task.status == "failed"
    with transaction():
        services.find_service(service.uuid).product.config = {}
    task_operations.retry_task(actor=STAFF, uuid=task.uuid)
    assert look(service.uuid).provision_status == "processing"
    drain()
    after = look(service.uuid)
    assert (after.status, after.provision_status, str(after.failure)) == ("active", "completed", "")
    assert book(settings) == ["create", "create"]


def test_crashed_worker_leaves_no_service_processing(
    echo: Panel, drain: Callable[..., None]
) -> None:
    service = make_service(STAFF, config={"create": "die"})
    after = ask(STAFF, service, "create", drain)
    assert after.provision_status == "failed" and "stopped unexpectedly" in str(after.failure)
    assert session().scalars(sa.select(Task.status)).all() == ["lost"]


def test_pending_job_runs_again_until_completed(
    echo: Panel, drain: Callable[..., None], settings: Settings
) -> None:
    service = make_service(STAFF, config={"create": "pending"})
    after = ask(STAFF, service, "create", drain)
    assert after.provision_status == "processing"
    with transaction() as current:
        current.execute(sa.update(Task).values(run_at=now(), dispatched_at=None))
    drain()
    after = look(service.uuid)
    assert (after.status, after.provision_status) == ("active", "completed") and book(settings) == [
        "create",
        "create",
    ]


def test_service_completes_after_its_last_task(
    echo: Panel, drain: Callable[..., None], settings: Settings
) -> None:
    service = make_service(STAFF, config={"create": "follow"})
    after = ask(STAFF, service, "create", drain)
    assert (after.status, after.provision_status) == ("active", "completed") and book(settings) == [
        "create",
        "check",
    ]


def test_failed_follow_up_task_fails_the_service(echo: Panel, drain: Callable[..., None]) -> None:
    service = make_service(STAFF, config={"create": "follow", "check": "error"})
    after = ask(STAFF, service, "create", drain)
    assert (after.status, after.provision_status) == (
        "pending",
        "failed",
    ) and str(after.failure) == "The provider said no."


def test_status_failed_with_attempts_left_keeps_the_service_reserved(
    echo: Panel, drain: Callable[..., None]
) -> None:
    service = make_service(STAFF, config={"create": "says_failed"})
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    with transaction() as current:
        current.execute(sa.update(Task).values(tries=2))
    drain(1)
    after = look(service.uuid)
    assert after.provision_status == "processing" and str(after.failure) == "Try again."
    with pytest.raises(ConflictError):
        requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")


def test_module_is_called_only_for_verbs_that_it_overrides(
    echo: Panel, drain: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = make_service(STAFF)
    called: list[str] = []
    invoke = calls.invoke

    def spy(call: calls.Call) -> calls.Called:
        called.append(call.method)
        return invoke(call)

    with monkeypatch.context() as patch:
        patch.setattr(calls, "invoke", spy)
        assert requests.request(actor=STAFF, service_uuid=service.uuid, verb="create").ok
    assert called == ["create"]
    drain()
    called.clear()
    with monkeypatch.context() as patch:
        patch.setattr(calls, "invoke", spy)
        assert requests.request(actor=STAFF, service_uuid=service.uuid, verb="suspend").ok
    assert called == []
    task = session().scalars(sa.select(Task).order_by(Task.id.desc())).first()
    assert task is not None
    assert (task.title, task.data["method"], task.data["verb"]) == (
        "Suspend",
        "suspend_job",
        "suspend",
    )
    assert (task.tries, task.backoff, task.timeout, task.max_exceptions, task.on_loss) == (
        1,
        60,
        600,
        1,
        "lose",
    )


def test_verb_without_a_job_is_rejected_and_the_service_unchanged(
    echo: Panel, drain: Callable[..., None]
) -> None:
    service = make_service(STAFF)
    ask(STAFF, service, "create", drain)
    result = requests.request(actor=STAFF, service_uuid=service.uuid, verb="idle")
    assert (result.ok, result.code) == (False, 501)
    assert result.message == "Echo does not support this action: it has no idle_job()."
    after = look(service.uuid)
    assert (after.provision_status, after.verb, str(after.failure)) == (
        "completed",
        "",
        result.message,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{'suspend': {'retries': 3}}", "unknown keys: retries"),
        ("{'suspend': {'tries': 0}}", "tries must be a whole number"),
        ("7", "job_options are invalid: AttributeError"),
    ],
)
def test_invalid_job_options_reject_the_request(
    echo: Panel,
    drain: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    message: str,
) -> None:
    service = make_service(STAFF)
    ask(STAFF, service, "create", drain)
    module = services.module_of(services.find_service(service.uuid))
    assert module is not None
    monkeypatch.setattr(module.cls, "job_options", ast.literal_eval(options))
    result = requests.request(actor=STAFF, service_uuid=service.uuid, verb="suspend")
    assert (result.ok, result.code) == (False, 400) and message in result.message
    assert look(service.uuid).provision_status == "completed"


def test_defines_ignores_inherited_sdk_methods(echo: Panel) -> None:
    module = services.module_of(services.find_service(make_service(STAFF).uuid))
    assert module is not None
    assert defines(module, "create") and defines(module, "create_job")
    assert not defines(module, "suspend") and not defines(module, "get_settings_page")


def test_second_request_is_refused(echo: Panel) -> None:
    service = make_service(STAFF)
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def click() -> None:
        with echo.app_context():
            barrier.wait()
            try:
                outcomes.append(
                    "ok"
                    if requests.request(actor=STAFF, service_uuid=service.uuid, verb="create").ok
                    else "refused"
                )
            except ConflictError:
                outcomes.append("refused")

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ok", "refused", "refused", "refused"]
    release()
    assert len(session().scalars(sa.select(Task.id)).all()) == 1


def test_cancelling_an_unattempted_task_restores_the_service(
    echo: Panel, drain: Callable[..., None], settings: Settings
) -> None:
    service = make_service(STAFF)
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    task_operations.cancel_task(actor=STAFF, uuid=session().scalars(sa.select(Task.uuid)).one())
    assert look(service.uuid).provision_status == "pending"
    drain()
    assert book(settings) == []
    assert ask(STAFF, service, "create", drain).status == "active"


def test_cancelling_a_parked_task_restores_the_service(
    echo: Panel, drain: Callable[..., None]
) -> None:
    service = make_service(STAFF)
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    with transaction():
        breaker.record_failure("Product/Echo", "it raised", weight=breaker.FAILURE_LIMIT)
    drain()
    (task,) = session().scalars(sa.select(Task).execution_options(populate_existing=True)).all()
    assert (task.status, look(service.uuid).provision_status) == ("parked", "processing")
    task_operations.cancel_task(actor=STAFF, uuid=task.uuid)
    assert look(service.uuid).provision_status == "pending", "no attempt reached the module"


def test_processing_service_without_a_task_is_settled(echo: Panel) -> None:
    service = make_service(STAFF)
    with transaction() as current:
        current.execute(sa.update(Service).values(provision_status="processing", verb="create"))
    assert reconciliation.settle_orphans() == 0, "it may be between its two transactions"
    with transaction() as current:
        current.execute(sa.update(Service).values(provision_since=sa.text("'2020-01-01 00:00:00'")))
    assert reconciliation.settle_orphans() == 1
    assert look(service.uuid).provision_status == "failed"


def test_tasks_of_an_inactive_module_are_parked_and_resumed(
    echo: Panel, drain: Callable[..., None], settings: Settings, app: Any
) -> None:

    service = make_service(STAFF)
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    lifecycle.deactivate(
        actor=STAFF, modules_dir=settings.modules_dir, module_type="Product", name="Echo"
    )
    drain()
    task = session().scalars(sa.select(Task)).one()
    assert (
        task.status == "parked"
        and "not active" in str(task.note)
        and look(service.uuid).provision_status == "processing"
    )
    activate(echo, STAFF)
    drain()
    after = look(service.uuid)
    assert (after.status, after.provision_status) == ("active", "completed")


@pytest.mark.parametrize("own", [False, True])
def test_old_task_cannot_be_retried_after_a_newer_one(
    echo: Panel, drain: Callable[..., None], settings: Settings, own: bool
) -> None:
    service = make_service(STAFF, config={"create": "error", "own": own})
    assert ask(STAFF, service, "create", drain).provision_status == "failed"
    old = session().scalars(sa.select(Task.uuid)).one()
    with transaction():
        services.find_service(service.uuid).product.config = {"own": own}
    assert requests.request(actor=STAFF, service_uuid=service.uuid, verb="create").ok
    new_id, new = session().execute(sa.select(Task.id, Task.uuid).where(Task.uuid != old)).one()
    assert claim.claim(new_id, "busy") is not None
    with pytest.raises(ConflictError, match="another task of this service has not finished"):
        task_operations.retry_task(actor=STAFF, uuid=old)
    sweep.rescue({}, new_id, "busy")
    with transaction() as current:
        current.execute(sa.update(Service).values(provision_status="failed"))
    task_operations.retry_task(actor=STAFF, uuid=new)
    drain()
    for status in ("active", "terminated"):
        assert look(service.uuid).status == status
        with pytest.raises(ConflictError, match="“Create” is not available"):
            task_operations.retry_task(actor=STAFF, uuid=old)
        drain()
        assert book(settings).count("create") == 2
        if status == "active":
            ask(STAFF, service, "terminate", drain)


@pytest.mark.parametrize("own", [False, True])
def test_interrupted_attempt_is_observed_however_its_task_was_added(
    settings: Settings, app: Panel, drain: Callable[..., None], own: bool
) -> None:
    sees = (
        "\n    def observe(self): return {'exists': 'create' in json.loads(BOOK.read_text()),"
        " 'suspended': False}\n"
    )
    write_module(settings.modules_dir, ECHO + sees)
    with app.app_context():
        activate(app, STAFF)
    panel = Live(settings).ensure()
    with panel.app_context():
        service = make_service(STAFF, config={"create": "die", "own": own})
        after = ask(STAFF, service, "create", drain)
        assert (after.status, after.provision_status) == ("active", "completed") and book(
            settings
        ) == ["create"]
    dismantle(panel)


def test_package_change_succeeds_on_the_second_request(
    echo: Panel, drain: Callable[..., None]
) -> None:
    service = make_service(STAFF, config={"change_package": "error"})
    ask(STAFF, service, "create", drain)
    assert ask(STAFF, service, "change_package", drain).provision_status == "failed"
    with transaction():
        services.find_service(service.uuid).product.config = {}
    after = ask(STAFF, service, "change_package", drain)
    assert (after.status, after.provision_status, str(after.failure)) == ("active", "completed", "")


def test_package_change_settled_by_the_module_is_recorded(
    echo: Panel, drain: Callable[..., None]
) -> None:
    service = make_service(STAFF, config={"change_package": "says_completed"})
    ask(STAFF, service, "create", drain)
    after = ask(STAFF, service, "change_package", drain)
    assert (after.provision_status, after.verb) == ("completed", "")
    actions = (
        session().scalars(sa.select(Audit.action).where(Audit.subject_uuid == service.uuid)).all()
    )
    assert "service.change_package_succeeded" in actions


def test_completed_helper_does_not_hide_a_failed_job(
    echo: Panel, drain: Callable[..., None], settings: Settings
) -> None:
    service = make_service(STAFF, config={"create": "error", "helper": True})
    after = ask(STAFF, service, "create", drain)
    assert (after.provision_status, str(after.failure)) == ("failed", "The provider said no.")
    with transaction() as current:
        current.execute(
            sa.update(Task).where(Task.status == "queued").values(run_at=now(), dispatched_at=None)
        )
    drain()
    after = look(service.uuid)
    assert book(settings) == ["create", "check"] and (after.status, after.provision_status) == (
        "pending",
        "failed",
    )


def test_garbage_in_a_result_is_a_failure(echo: Panel, drain: Callable[..., None]) -> None:
    service = make_service(STAFF, config={"create": "garbage"})
    after = ask(STAFF, service, "create", drain)
    task = session().scalars(sa.select(Task)).one()
    assert (after.provision_status, task.status) == ("failed", "failed")
    assert (
        "hunter2" not in str(after.failure) + str(task.note)
        and len(str(after.failure)) < 5000
        and len(str(task.attempts[0].output)) < 5000
    )


def test_saving_settings_keeps_concurrent_provision_data(
    echo: Panel, drain: Callable[..., None], settings: Settings
) -> None:
    service = make_service(STAFF)
    settlement.keep_service_data(service_uuid=service.uuid, changes={"domain": "told.test"})

    def job() -> None:
        while not (settings.modules_dir / "Product" / "Echo" / "saving").exists():
            pass
        with echo.app_context():
            settlement.keep_service_data(
                service_uuid=service.uuid, changes={"password": "made-by-the-job"}
            )

    thread = threading.Thread(target=job)
    thread.start()
    services.save_service_data(actor=STAFF, uuid=service.uuid, data={"domain": "x.test", "slow": 1})
    thread.join()
    after = look(service.uuid)
    assert after.service_data == {"domain": "x.test"} and after.provision_data == {
        "password": "made-by-the-job"
    }
