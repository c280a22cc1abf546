"""A service that was never created is cancelled, by its module if it has a job for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError
from puqpanel.infra.db import session
from puqpanel.infra.settings import Settings
from puqpanel.models import Task
from puqpanel.operations.provisioning import requests
from tests.operations.provisioning.provider_file import (
    STAFF,
    audited,
    made_active,
    provider,
    serving,
    set_states,
    source,
    states,
    work,
)
from tests.sample import make_service, write_module

WITH_JOB = """
    def cancellation_job(self):
        return self._write(verb="cancellation")
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "book.json"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path, book: Path) -> Settings:
    code = source(book)
    write_module(tmp_path / "modules", code, name="Cloud")
    write_module(tmp_path / "modules", code.replace("Cloud", "Job") + WITH_JOB, name="Job")
    return replace(settings, modules_dir=tmp_path / "modules")


@pytest.fixture
def panel(app: Panel, settings: Settings) -> Iterator[Panel]:
    with serving(app, settings, "Cloud", "Job") as panel:
        yield panel


def cancel(uuid: str) -> bool:
    return requests.request(
        actor=STAFF, service_uuid=uuid, verb="cancellation", reason="Ordered twice"
    ).ok


def test_without_a_job_nothing_runs(panel: Panel, book: Path) -> None:
    service = make_service(STAFF, "Product/Cloud")
    assert cancel(service.uuid)
    assert states(service) == ("cancelled", "pending")
    assert session().scalars(sa.select(Task.id)).all() == []
    assert len(audited("service.cancellation_succeeded")) == 1
    with pytest.raises(ConflictError):
        cancel(service.uuid)


def test_the_modules_job_runs(panel: Panel, book: Path) -> None:
    service = make_service(STAFF, "Product/Job")
    assert cancel(service.uuid)
    assert [task.status for task in work()] == ["completed"]
    assert states(service)[0] == "cancelled"
    assert provider(book)["log"] == ["cancellation"]


def test_what_may_exist_at_the_provider_is_not_just_cancelled(panel: Panel, book: Path) -> None:
    service = make_service(STAFF, "Product/Cloud")
    set_states(service, "pending", "failed")
    assert not cancel(service.uuid)
    assert states(service) == ("pending", "failed")
    with pytest.raises(ConflictError):
        cancel(made_active(service).uuid)
