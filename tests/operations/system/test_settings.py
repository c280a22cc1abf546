"""Settings in the database: reading, saving, secrets, and several processes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.domain import settings_table
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError
from puqpanel.domain.principals import Principal
from puqpanel.domain.settings import Definition, Group, Kind
from puqpanel.infra.db import db, engine_for, session, transaction
from puqpanel.infra.settings import Settings, SettingsError
from puqpanel.models import Audit, Setting
from puqpanel.operations.system import settings

SMS = Group(
    "sms",
    "SMS",
    "A group of a later version.",
    (
        Definition("sms.token", Kind.SECRET, "Token"),
        Definition("sms.share", Kind.DECIMAL, "Share", maximum=1),
        Definition("sms.active", Kind.BOOLEAN, "Active", default=False),
    ),
)


@pytest.fixture
def sms(monkeypatch: pytest.MonkeyPatch) -> Group:
    """A group that is added in one place."""
    monkeypatch.setitem(settings_table.GROUPS, "sms", SMS)
    return SMS


@pytest.fixture
def overridden(panel: Panel) -> Iterator[None]:
    """firm.name from the environment."""
    settings.override({"firm.name": "From outside"})
    yield
    settings.override({})


def _stored(name: str) -> str | None:
    return session().scalar(sa.select(Setting.value).where(Setting.name == name))


def _next_request() -> None:
    db.session.remove()


def test_defaults_need_nothing_saved(panel: Panel) -> None:
    assert settings.get("firm.name") == "puqpanel"
    assert settings.number("sessions.staff_idle_minutes") == 30
    assert settings.duration("sessions.staff_absolute_hours") == timedelta(hours=12)
    with pytest.raises(NotFoundError, match=r"firm\.name"):
        settings.get("firm.nam")


def test_a_saved_value_is_read_and_audited(panel: Panel, staff: Principal) -> None:
    changed = settings.save(actor=staff, values={"firm.name": " Lumen ", "firm.address": ""})
    assert changed == ["firm.name"]
    assert settings.text("firm.name") == "Lumen"
    assert _stored("firm.name") == json.dumps("Lumen")
    entry = session().scalars(sa.select(Audit).where(Audit.action == "settings.changed")).one()
    assert (entry.subject_type, entry.subject_uuid) == ("settings", "firm")
    assert (entry.before, entry.after) == ({"firm.name": "puqpanel"}, {"firm.name": "Lumen"})
    assert settings.show("firm.name").source == "saved"
    assert settings.save(actor=staff, values={"firm.name": "Lumen"}) == []


def test_nothing_is_saved_if_one_value_is_invalid(panel: Panel, staff: Principal) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings.save(
            actor=staff, values={"sessions.staff_idle_minutes": "0", "firm.name": "Lumen"}
        )
    assert caught.value.errors == {
        "sessions.staff_idle_minutes": ["Enter a whole number from 1 to 1440."]
    }
    assert _stored("firm.name") is None


def test_another_process_sees_a_change_at_its_next_request(panel: Panel, staff: Principal) -> None:
    assert settings.text("firm.name") == "puqpanel"
    with (
        engine_for(panel.settings.database_url)
        .connect()
        .execution_options(panel_write=True) as other,
        other.begin(),
    ):
        other.execute(sa.insert(Setting).values(name="firm.name", value='"Elsewhere"'))
        other.execute(sa.insert(Setting).values(name=settings.VERSION, value="another"))
    assert settings.text("firm.name") == "puqpanel"
    _next_request()
    assert settings.text("firm.name") == "Elsewhere"


def test_a_request_costs_one_query(panel: Panel, staff: Principal) -> None:
    settings.save(actor=staff, values={"firm.name": "Lumen"})
    settings.text("firm.name")
    _next_request()
    statements: list[str] = []

    def count(*args: Any) -> None:
        statements.append(args[2])

    engine = engine_for(panel.settings.database_url)
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        for name in settings_table.names():
            settings.get(name)
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    assert len([text for text in statements if text.startswith("SELECT")]) == 1


def test_a_save_that_is_rolled_back_leaves_nothing(panel: Panel, staff: Principal) -> None:
    settings.save(actor=staff, values={"firm.name": "Lumen"})
    with pytest.raises(RuntimeError), transaction():
        settings.save(actor=staff, values={"firm.name": "Lost"})
        assert settings.text("firm.name") == "Lost"
        raise RuntimeError
    assert settings.text("firm.name") == "Lumen"
    _next_request()
    assert settings.text("firm.name") == "Lumen"


def test_a_secret_is_encrypted_masked_and_not_audited(
    panel: Panel, staff: Principal, sms: Group
) -> None:
    settings.save(actor=staff, values={"sms.token": "hunter2-hunter2"})
    assert settings.text("sms.token") == "hunter2-hunter2"
    assert "hunter2" not in str(_stored("sms.token"))
    assert "hunter2" not in settings.show("sms.token").text
    entry = session().scalars(sa.select(Audit).where(Audit.action == "settings.changed")).one()
    assert "hunter2" not in f"{entry.summary}{entry.before}{entry.after}"
    settings.save(actor=staff, values={"sms.share": "0.25", "sms.active": "yes"})
    assert str(settings.get("sms.share")) == "0.25"
    assert settings.get("sms.active") is True


@pytest.mark.parametrize("stored", ['"red"', "not json", "[]", "null", '{"a": 1}', "9" * 6000])
def test_an_invalid_stored_value_gives_the_default(
    panel: Panel, staff: Principal, stored: str
) -> None:
    settings.save(actor=staff, values={"firm.colour": "#112233"})
    with transaction():
        session().execute(
            sa.update(Setting).where(Setting.name == "firm.colour").values(value=stored)
        )
        session().execute(
            sa.update(Setting).where(Setting.name == settings.VERSION).values(value="x")
        )
    _next_request()
    assert settings.get("firm.colour") == ""
    shown = settings.show("firm.colour")
    assert shown.source == "default"
    assert shown.problem
    settings.save(actor=staff, values={"firm.colour": ""})
    assert settings.show("firm.colour").problem == ""


def test_the_environment_wins_and_cannot_be_saved(
    panel: Panel, staff: Principal, overridden: None
) -> None:
    assert settings.text("firm.name") == "From outside"
    assert settings.show("firm.name").source == "environment"
    with pytest.raises(InvalidInput) as caught:
        settings.save(actor=staff, values={"firm.name": "Lumen"})
    assert "PUQPANEL_FIRM_NAME" in caught.value.errors["firm.name"][0]


def test_two_staff_saving_one_group_at_once(panel: Panel, staff: Principal) -> None:
    seen = settings.digest("firm")
    settings.save(actor=staff, values={"firm.name": "First"}, seen=seen)
    settings.save(actor=staff, values={"retention.task_days": "7"})
    with pytest.raises(ConflictError, match="Someone else"):
        settings.save(actor=staff, values={"firm.name": "Second"}, seen=seen)
    assert settings.text("firm.name") == "First"


def test_unset_returns_to_the_default(panel: Panel, staff: Principal) -> None:
    settings.save(actor=staff, values={"firm.name": "Lumen"})
    assert settings.unset(actor=staff, name="firm.name")
    assert not settings.unset(actor=staff, name="firm.name")
    assert settings.text("firm.name") == "puqpanel"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PUQPANEL_SESSIONS_STAFF_IDLE_MINUTES", "soon"),
        ("PUQPANEL_RETENTION_SESSION_DAYS", "-1"),
        ("PUQPANEL_FIRM_COLOUR", "red"),
        ("PUQPANEL_REGION_TIME_ZONE", "Mars/Base"),
    ],
)
def test_an_invalid_variable_stops_the_start(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.load({variable: value})
    assert Settings.load({"PUQPANEL_FIRM_NAME": "Lumen"}).overrides == {"firm.name": "Lumen"}
