"""The sample of a plugin: its page, its API, its schedule and what it hears."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from puqpanel.app import Panel
from puqpanel.host import migrations
from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from tests.modules.plugins import PluginHouse, switched_on
from tests.modules.stage import STAFF
from tests.sample import make_service


@pytest.fixture
def house(settings: Settings, app: Panel) -> Iterator[PluginHouse]:
    """The plugin, switched on."""
    with switched_on(settings, app, "SamplePlugin") as one:
        yield one


def test_it_loads_clean_and_its_migrations_make_what_its_models_say(house: PluginHouse) -> None:
    assert house.module.warnings == ()
    assert house.differences() == []
    assert "mod_plugin_sampleplugin_notes" in house.tables()
    migrations.downgrade(house.module.folder, house.module.prefix)
    assert "mod_plugin_sampleplugin_notes" not in house.tables()


def test_a_note_is_written_read_and_refused(house: PluginHouse) -> None:
    owner = house.owner()
    assert "No notes yet" in owner.get(f"{house.at}/notes").text
    assert owner.post(f"{house.at}/notes", {"text": "  Ask <b>Anna</b>. "}).status_code == 302
    page = owner.get(f"{house.at}/notes").text
    assert (
        "Ask &lt;b&gt;Anna&lt;/b&gt;." in page,
        "Olga Owner" in page,
        "The note is kept." in page,
    ) == (True, True, True)
    wrong = owner.post(f"{house.at}/notes", {"text": "   "})
    assert (
        wrong.status_code,
        'id="text-e"' in wrong.text,
        "Write something first." in wrong.text,
    ) == (422, True, True)
    long = owner.post(f"{house.at}/notes", {"text": "long " * 500})
    assert (long.status_code, "long long" in long.text) == (
        422,
        True,
    ), "what was typed stands there again"
    found = owner.get(f"/admin/api/modules/Plugin/{house.name}/notes").json["data"]
    assert [(note["text"], note["author"]) for note in found] == [
        ("Ask <b>Anna</b>.", "Olga Owner")
    ]


def test_what_no_database_stores_is_replaced_before_a_module_sees_it(house: PluginHouse) -> None:
    owner = house.owner()
    assert owner.post(f"{house.at}/notes?x=%00", {"text": "one\0two"}).status_code == 302
    assert [one.text for one in house.all(house.part("models.notes").Note)] == ["one\ufffdtwo"]


def test_who_may_only_look_sees_no_form(house: PluginHouse) -> None:
    clerk = house.clerk("view-notes")
    page = clerk.get(f"{house.at}/notes")
    assert (page.status_code, "<textarea" in page.text) == (200, False)
    assert clerk.post(f"{house.at}/notes", {"text": "Mine"}).status_code == 403
    assert house.all(house.part("models.notes").Note) == []


def test_old_notes_are_forgotten(house: PluginHouse) -> None:
    note = house.part("models.notes").Note
    with transaction() as current:
        current.add_all(
            [
                note(text="old", created_at=now() - timedelta(days=91)),
                note(text="new", created_at=now() - timedelta(days=89)),
            ]
        )
    assert house.job("tidy").result.message == "Old notes removed: 1."
    assert [one.text for one in house.all(note)] == ["new"]


def test_a_failed_create_leaves_a_note(house: PluginHouse) -> None:
    service = make_service(STAFF, "")
    hook = next(one for one in house.module.hooks if one.event == "service.create_failed")
    assert (hook.listener, hook.priority) == ("note_failure", 10)
    house.job("note_failure", {"service_uuid": service.uuid, "reason": "The cloud is full."})
    house.job("note_failure", {"service_uuid": "gone by now"})
    (note,) = house.all(house.part("models.notes").Note)
    assert (note.text, note.author, note.service_uuid) == (
        "A service could not be made. The cloud is full.",
        "",
        service.uuid,
    )
