"""What comparisons with providers must survive, and what they must not reveal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError
from puqpanel.host import registry
from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.infra.settings import Settings
from puqpanel.models import Service, Task, TaskAttempt
from puqpanel.operations.provisioning import differences, observations
from puqpanel.sdk.testing import Provider
from puqpanel.web.admin.provisioning.comparison import lines
from tests.operations.provisioning.provider_file import (
    STAFF,
    again,
    seen,
    serving,
    set_states,
    work,
)
from tests.sample import make_client, make_service, write_module

LIMITED = """
from puqpanel.sdk import Product, Result, http

class Limited(Product):
    def observe(self):
        with http.session(self.product_data["url"]) as cloud:
            answer = cloud.get("/accounts")
        return {"exists": False} if answer.ok else Result.error(answer.error)
"""
SECRET = """
from wtforms import PasswordField
from puqpanel.sdk import Product, Result
from puqpanel.sdk.forms import Form

class ServiceForm(Form):
    panel_login = PasswordField("Panel login code")
    server = PasswordField("Server")

class Secret(Product):
    ServiceForm = ServiceForm
    def observe(self):
        return Result.success(data={"exists": True, "suspended": False, "data": {"panel_login": "new-code-7731"}})
"""


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    write_module(tmp_path / "modules", LIMITED, name="Limited")
    write_module(tmp_path / "modules", SECRET, name="Secret")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def cloud(app: Panel, settings: Settings) -> Iterator[Panel]:
    with serving(app, settings, "Limited", "Secret") as panel:
        yield panel


def due_now() -> None:
    with transaction() as current:
        current.execute(
            sa.update(Task).where(Task.status == "waiting").values(status="queued", run_at=now())
        )
    release()


def test_a_server_that_asks_to_wait_keeps_no_other_waiting(cloud: Panel) -> None:
    client = make_client(STAFF)[0]
    with Provider() as a, Provider() as b:
        one = make_service(STAFF, "Product/Limited", {"url": a.url}, client=client)
        two = make_service(STAFF, "Product/Limited", {"url": b.url}, client=client)
        for s in (one, two):
            set_states(s, "active", "completed")
        for _ in range(5):
            a.fail("429", after=276)
            observations.schedule_batches()
            work()
            due_now()
        assert again(two).observed_at is not None, "two, on a healthy server, was never asked"


def test_a_service_from_the_future_keeps_no_other_waiting(cloud: Panel) -> None:
    client = make_client(STAFF)[0]
    with Provider() as a:
        one = make_service(STAFF, "Product/Limited", {"url": a.url}, client=client)
        two = make_service(STAFF, "Product/Limited", {"url": a.url}, client=client)
        for s in (one, two):
            set_states(s, "active", "completed")
        with transaction() as current:
            current.execute(
                sa.update(Service)
                .where(Service.uuid == one.uuid)
                .values(status_since=now() + timedelta(days=30))
            )
        release()
        for _ in range(5):
            observations.schedule_batches()
            work()
        assert again(two).observed_at is not None


def secret_service() -> Service:
    s = make_service(STAFF, "Product/Secret")
    with transaction() as current:
        row = current.scalars(sa.select(Service).where(Service.uuid == s.uuid)).one()
        row.service_data = {
            "panel_login": "old-code-1199",
            "server": "https://root:Pa55word@10.0.0.9",
            "user": "anna77",
        }
    release()
    set_states(s, "active", "completed")
    return s


def test_declared_secrets_are_not_searched(cloud: Panel) -> None:
    s = secret_service()
    text = again(s).search_text
    assert "anna77" in text and "old-code-1199" not in text and "pa55word" not in text, text


def test_attempts_keep_no_data_of_providers(cloud: Panel) -> None:
    s = secret_service()
    observations.refresh(actor=STAFF, service_uuid=s.uuid)
    work()
    outputs = [str(output) for output in session().scalars(sa.select(TaskAttempt.output))]
    assert outputs and not any("new-code-7731" in output for output in outputs)


def test_values_are_hidden_while_the_module_is_inactive(
    cloud: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = secret_service()
    observations.refresh(actor=STAFF, service_uuid=s.uuid)
    work()
    row = again(s)
    digest = seen(s)
    monkeypatch.delitem(registry.current().modules, "Product/Secret")
    found = observations.difference_of(again(s))
    assert found is not None
    shown = lines(None, row.status, row.provision_status, *found)
    assert "new-code" not in str([(line.panel, line.provider) for line in shown])
    with pytest.raises(ConflictError, match="not active"):
        differences.take_over(actor=STAFF, service_uuid=s.uuid, seen=digest)
