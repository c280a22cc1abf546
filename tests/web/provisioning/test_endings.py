"""Cancelled services, and services marked as fraud."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import session, transaction
from puqpanel.models import Audit, Service, Task
from tests.web.conftest import Browser


def states(app: Panel, uuid: str) -> tuple[str, str]:
    with app.app_context():
        service = session().scalars(sa.select(Service).where(Service.uuid == uuid)).one()
        return service.status, service.provision_status


def put(app: Panel, uuid: str, status: str, provision: str) -> None:
    with app.app_context(), transaction() as current:
        values = {"status": status, "provision_status": provision, "failure": ""}
        current.execute(sa.update(Service).where(Service.uuid == uuid).values(values))


def test_a_service_that_was_never_created_can_be_cancelled(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    uuid = shop["service"]
    put(app, uuid, "pending", "pending")
    at = f"/admin/services/{uuid}"
    assert f'href="{at}/cancel"' in owner.get(at).text
    assert "Cancel " in owner.get(f"{at}/cancel").text
    owner.post(f"{at}/cancel", {"reason": "Ordered twice"})
    assert states(app, uuid) == ("cancelled", "pending")
    page = owner.get(at).text
    assert ("Ordered twice" in page, f"{at}/cancel" in page, ">Create<" in page) == (
        True,
        False,
        False,
    )
    assert uuid in owner.get("/admin/services/?tab=cancelled").text


def test_a_service_at_a_provider_cannot_be_cancelled(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    for status, provision in (("active", "completed"), ("suspended", "suspended")):
        put(app, shop["service"], status, provision)
        at = f"/admin/services/{shop['service']}"
        assert f"{at}/cancel" not in owner.get(at).text
        owner.post(f"{at}/cancel")
        assert states(app, shop["service"]) == (status, provision)


def test_fraud_is_marked_and_lifted(app: Panel, owner: Browser, shop: dict[str, str]) -> None:
    uuid = shop["service"]
    at = f"/admin/services/{uuid}"
    for status, provision in (
        ("pending", "pending"),
        ("active", "completed"),
        ("suspended", "suspended"),
        ("active", "failed"),
        ("cancelled", "pending"),
    ):
        put(app, uuid, status, provision)
        assert f"{at}/fraud" in owner.get(at).text
        owner.post(f"{at}/fraud", {"reason": "Stolen card"})
        assert states(app, uuid) == ("fraud", provision), status
        page = owner.get(at).text
        assert ("Stolen card" in page, f"{at}/fraud/lift" in page) == (True, True)
        assert "Why is its status “Fraud”?" in page
        owner.post(f"{at}/suspend")
        assert states(app, uuid) == ("fraud", provision)
        owner.post(f"{at}/fraud/lift")
        assert states(app, uuid) == (status, provision)
    with app.app_context():
        actions = session().scalars(sa.select(Audit.action).order_by(Audit.id.desc()).limit(2))
        assert list(actions) == ["service.fraud_lifted", "service.fraud_marked"]


def test_lifting_the_mark_keeps_when_a_service_was_terminated(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    put(app, shop["service"], "terminated", "terminated")
    ended = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    with app.app_context(), transaction() as current:
        current.execute(sa.update(Service).values(terminated_at=ended))
    at = f"/admin/services/{shop['service']}"
    owner.post(f"{at}/fraud")
    assert states(app, shop["service"])[0] == "fraud"
    owner.post(f"{at}/fraud/lift")
    assert states(app, shop["service"]) == ("terminated", "terminated")
    with app.app_context():
        assert session().scalars(sa.select(Service.terminated_at)).first() == ended


def test_fraud_waits_for_the_operation_in_progress(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    put(app, shop["service"], "active", "processing")
    at = f"/admin/services/{shop['service']}"
    assert f"{at}/fraud" not in owner.get(at).text
    owner.post(f"{at}/fraud")
    assert states(app, shop["service"]) == ("active", "processing")


def test_what_a_mark_forbids_is_not_offered(
    app: Panel, owner: Browser, shop: dict[str, str]
) -> None:
    at = f"/admin/services/{shop['service']}"
    with app.app_context(), transaction() as current:
        task = Task(
            job="ModuleJob",
            queue="Module",
            title="Create",
            status="failed",
            subject_type="service",
            subject_uuid=shop["service"],
            data={"method": "create_job"},
        )
        current.add(task)
        current.execute(sa.update(Service).values(verb="create", failure=verbatim("No room.")))
    for status, offered in (("pending", True), ("fraud", False)):
        with app.app_context(), transaction() as current:
            current.execute(sa.update(Service).values(status=status, provision_status="failed"))
        page = owner.get(at).text
        assert (f'action="{at}/retry"' in page) == offered, status
    owner.post(f"{at}/retry")
    assert states(app, shop["service"]) == ("fraud", "failed")
