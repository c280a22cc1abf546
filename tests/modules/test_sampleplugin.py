"""SamplePlugin: its page, its API, its schedule and its hook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from puqpanel.app import Panel
from puqpanel.host import migrations
from puqpanel.infra.clock import now
from puqpanel.infra.db import transaction
from puqpanel.infra.settings import Settings
from tests.modules.harness import STAFF
from tests.modules.plugins import PluginHarness, active_plugin
from tests.sample import make_service


@pytest.fixture
def harness(settings: Settings, app: Panel) -> Iterator[PluginHarness]:
    """Return the active module."""
    with active_plugin(settings, app, "SamplePlugin") as plugin:
        yield plugin


def test_loads_without_warnings_and_migrations_match_models(harness: PluginHarness) -> None:
    assert harness.module.warnings == ()
    assert harness.differences() == []
    assert "mod_plugin_sampleplugin_notes" in harness.tables()
    migrations.downgrade(harness.module.folder, harness.module.prefix)
    assert "mod_plugin_sampleplugin_notes" not in harness.tables()


def test_notes_page(harness: PluginHarness) -> None:
    owner = harness.owner()
    assert "No notes yet" in owner.get(f"{harness.at}/notes").text
    assert owner.post(f"{harness.at}/notes", {"text": "  Ask <b>Anna</b>. "}).status_code == 302
    page = owner.get(f"{harness.at}/notes").text
    assert (
        "Ask &lt;b&gt;Anna&lt;/b&gt;." in page,
        "Olga Owner" in page,
        "Note saved." in page,
    ) == (True, True, True)
    rejected = owner.post(f"{harness.at}/notes", {"text": "   "})
    assert (
        rejected.status_code,
        'id="text-e"' in rejected.text,
        "Enter a note." in rejected.text,
    ) == (422, True, True)
    long = owner.post(f"{harness.at}/notes", {"text": "long " * 500})
    assert (long.status_code, "long long" in long.text) == (
        422,
        True,
    ), "the form keeps the input"
    notes = owner.get(f"/admin/api/modules/Plugin/{harness.name}/notes").json["data"]
    assert [(note["text"], note["author"]) for note in notes] == [
        ("Ask <b>Anna</b>.", "Olga Owner")
    ]


def test_unstorable_characters_are_replaced_in_requests(harness: PluginHarness) -> None:
    owner = harness.owner()
    assert owner.post(f"{harness.at}/notes?x=%00", {"text": "one\0two"}).status_code == 302
    assert [note.text for note in harness.all(harness.part("models.notes").Note)] == [
        "one\ufffdtwo"
    ]


def test_view_permission_shows_no_form(harness: PluginHarness) -> None:
    clerk = harness.clerk("view-notes")
    page = clerk.get(f"{harness.at}/notes")
    assert (page.status_code, "<textarea" in page.text) == (200, False)
    assert clerk.post(f"{harness.at}/notes", {"text": "Mine"}).status_code == 403
    assert harness.all(harness.part("models.notes").Note) == []


def test_old_notes_are_deleted(harness: PluginHarness) -> None:
    model = harness.part("models.notes").Note
    with transaction() as current:
        current.add_all(
            [
                model(text="old", created_at=now() - timedelta(days=91)),
                model(text="new", created_at=now() - timedelta(days=89)),
            ]
        )
    assert harness.job("tidy").result.message == "1 old note deleted."
    assert [note.text for note in harness.all(model)] == ["new"]


def test_failed_create_adds_a_note(harness: PluginHarness) -> None:
    service = make_service(STAFF, "")
    hook = next(hook for hook in harness.module.hooks if hook.event == "service.create_failed")
    assert (hook.listener, hook.priority) == ("note_failure", 10)
    harness.job("note_failure", {"service_uuid": service.uuid, "reason": "The cloud is full."})
    harness.job("note_failure", {"service_uuid": "deleted meanwhile"})
    (note,) = harness.all(harness.part("models.notes").Note)
    assert (note.text, note.author, note.service_uuid) == (
        "A service could not be created. The cloud is full.",
        "",
        service.uuid,
    )
