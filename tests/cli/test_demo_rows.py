"""Sample rows for benchmarks, only in a demo."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from puqpanel.app import Panel
from puqpanel.cli.demo import command
from puqpanel.cli.demo.rows import BATCH, add_rows
from puqpanel.domain.errors import UserError
from puqpanel.domain.principals import CLI
from puqpanel.infra.db import release, session
from puqpanel.infra.settings import Settings
from puqpanel.models import Client, Service, Task, TaskAttempt, User
from puqpanel.operations.accounts import clients
from puqpanel.operations.oversight import dashboard
from tests.sample import PASSWORD


def test_rows_are_added_in_proportion_and_further_ones_after_them(panel: Panel) -> None:
    services = BATCH + 10
    counts = add_rows(panel.settings, services)
    assert counts == {
        "clients": 503,
        "users": 503,
        "client_users": 503,
        "services": services,
        "tasks": services,
        "task_attempts": services,
        "audit": services,
        "module_log": services // 2,
    }
    assert add_rows(panel.settings, 8)["services"] == 8
    release()
    for model, number in ((Service, services + 8), (Client, 505), (Task, services + 8)):
        assert session().scalar(sa.select(sa.func.count()).select_from(model)) == number
    figures = dashboard.figures()
    assert figures.active and figures.new_week and figures.recurring
    # the ids that the database gives itself continue after them
    client = clients.create_client(
        actor=CLI, name="Anna", email="a@example.test", user_password=PASSWORD
    )
    assert client.id == 506


def test_rows_are_found_and_complete(panel: Panel) -> None:
    add_rows(panel.settings, 20)
    release()
    service = session().scalars(sa.select(Service).where(Service.matches("www7"))).one()
    assert service.service_data == {} and service.client.email.endswith("@example.test")
    task = session().scalars(sa.select(Task).where(Task.of_service(service.uuid))).one()
    assert task.data == {} and len(task.attempts) == 1
    assert session().scalar(sa.select(sa.func.count()).select_from(TaskAttempt)) == 20
    assert session().scalar(sa.select(User.password_hash).limit(1)) == "!"


@pytest.mark.parametrize("own", ["client", "product"])
def test_a_panel_with_data_of_its_own_is_refused(panel: Panel, own: str) -> None:
    if own == "client":
        clients.create_client(actor=CLI, name="Anna", email="anna@firm.test")
    else:
        from puqpanel.operations.catalog import products

        products.save_product(actor=CLI, uuid=None, name="Web space", module="", price="1")
    with pytest.raises(UserError, match="--instance DIR"):
        add_rows(panel.settings, 5)
    release()
    assert session().scalar(sa.select(sa.func.count()).select_from(Service)) == 0


def test_the_command_prints_what_it_added(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: Settings = panel.settings
    monkeypatch.setattr("puqpanel.cli.context.load_settings", lambda changes=None: settings)
    result = CliRunner().invoke(command, ["--rows", "5"], catch_exceptions=False)
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()][:2] == [
        ["2", "clients"],
        ["2", "users"],
    ]
    assert "--rows" in CliRunner().invoke(command, []).output


def test_it_is_not_combined_with_another_command() -> None:
    result = CliRunner().invoke(command, ["--rows", "5", "seed"])
    assert result.exit_code == 2 and "cannot be combined with seed" in result.output
