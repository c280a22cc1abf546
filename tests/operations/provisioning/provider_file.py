"""A module whose provider is a file, and helpers to look at its services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.principals import Principal, PrincipalKind
from puqpanel.domain.texts import verbatim
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.jobs.entry import HANDLERS
from puqpanel.live import Live, dismantle
from puqpanel.models import Audit, Service, ServiceDifference, Task
from puqpanel.operations.provisioning import observations, requests
from puqpanel.operations.provisioning.services import find_service
from puqpanel.tasks import run
from tests.sample import activate

STAFF = Principal(PrincipalKind.STAFF, None, "A test", permissions=frozenset({"*"}))
SOURCE = """
import json
from pathlib import Path
from wtforms import StringField
from puqpanel.sdk import Product, Result
from puqpanel.sdk.forms import Form

BOOK = Path({book!r})


class ServiceForm(Form):
    ip = StringField("IP address")


class Cloud(Product):
    ServiceForm = ServiceForm
    repeatable = ("create_job", "suspend_job", "unsuspend_job", "change_package_job")
    {extra}

    def _write(self, **values):
        book = json.loads(BOOK.read_text())
        book["log"] = [*book.get("log", []), values.pop("verb")]
        if book.get("refuses"):
            BOOK.write_text(json.dumps(book))
            return Result.error(book["refuses"], retry=False)
        book["answer"] = {{**book["answer"], **values}}
        BOOK.write_text(json.dumps(book))
        return Result.success()

    def create_job(self):
        self.service_data["ip"] = "10.0.0.1"
        return self._write(verb="create", exists=True, suspended=False)

    def suspend_job(self):
        return self._write(verb="suspend", suspended=True)

    def unsuspend_job(self):
        return self._write(verb="unsuspend", suspended=False)

    def change_package_job(self):
        return self._write(verb="change_package", data={{}})

    def termination_job(self):
        return self._write(verb="terminate", exists=False)

    def observe(self):
        book = json.loads(BOOK.read_text())
        book["asked"] = [*book.get("asked", []), self.service_uuid]
        BOOK.write_text(json.dumps(book))
        if book.get("raises"):
            raise ValueError(book["raises"])
        if book.get("error"):
            return Result.error(book["error"])
        if book.get("pending"):
            return Result.pending("It is being built.")
        return book["answer"]
"""


@contextmanager
def serving(app: Panel, settings: Settings, *names: str) -> Iterator[Panel]:
    """Activate product modules and enter a panel that serves them."""
    with app.app_context():
        for name in names:
            activate(app, STAFF, name)
    panel = Live(settings).ensure()
    with panel.app_context():
        yield panel
    dismantle(panel)


def source(book: Path, extra: str = "") -> str:
    """Return the module's source."""
    book.write_text(json.dumps({"answer": {"exists": False, "suspended": False, "data": {}}}))
    return SOURCE.format(book=str(book), extra=extra)


def provider(book: Path, **values: Any) -> dict[str, Any]:
    """Change what the provider has, `answer` by its keys, and return everything it has."""
    now: dict[str, Any] = json.loads(book.read_text())
    now["answer"] = {**now["answer"], **values.pop("answer", {})}
    now |= values
    book.write_text(json.dumps(now))
    return now


def work() -> list[Task]:
    """Run all queued tasks and return them."""
    done = []
    while queued := session().scalars(sa.select(Task.id).where(Task.status == "queued")).all():
        release()
        for task_id in queued:
            run.run(task_id, HANDLERS)
            release()
        done += queued
    query = sa.select(Task).where(Task.id.in_(done)).execution_options(populate_existing=True)
    return list(session().scalars(query.order_by(Task.id)))


def made_active(service: Service) -> Service:
    """Create a service at the provider."""
    requests.request(actor=STAFF, service_uuid=service.uuid, verb="create")
    work()
    return again(service)


def refreshed(service: Service) -> str:
    """Ask about a service and return the kind of its difference; empty if there is none."""
    observations.refresh(actor=STAFF, service_uuid=service.uuid)
    tasks = work()
    assert [task.status for task in tasks] == ["completed"], [str(task.note) for task in tasks]
    return kind_of(service)


def again(service: Service) -> Service:
    """Return the current row of a service."""
    session().expire_all()
    return find_service(service.uuid)


def kind_of(service: Service) -> str:
    """Return the kind of the stored difference of a service; empty if there is none."""
    query = sa.select(ServiceDifference.kind).join(
        Service, Service.id == ServiceDifference.service_id
    )
    return session().scalar(query.where(Service.uuid == service.uuid)) or ""


def seen(service: Service) -> str:
    """Return the digest of the difference of a service."""
    found = observations.difference_of(again(service))
    assert found is not None
    return found[1].digest


def states(service: Service) -> tuple[str, str]:
    """Return the status and the provision status of a service."""
    row = again(service)
    return row.status, row.provision_status


def audited(action: str) -> list[Audit]:
    """Return the audit entries of an action."""
    return list(session().scalars(sa.select(Audit).where(Audit.action == action)))


def set_states(service: Service, status: str, provision: str, verb: str = "") -> None:
    """Give a service states without a task."""
    with transaction() as current:
        current.execute(
            sa.update(Service)
            .where(Service.uuid == service.uuid)
            .values(status=status, provision_status=provision, verb=verb, failure=verbatim(""))
        )
    release()
