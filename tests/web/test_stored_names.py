"""Names that are stored as a code or in English are shown in the language of the viewer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from puqpanel.app import Panel
from puqpanel.domain.principals import AUTOMATION, CLI
from puqpanel.domain.settings_table import GROUPS
from puqpanel.domain.texts import _, named, packed, using
from puqpanel.infra import catalogs
from puqpanel.operations.oversight.health import CHECKS
from puqpanel.tasks.add import add
from puqpanel.web import look, numbers
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

POLISH = catalogs.find("pl")
assert POLISH is not None


def test_actors_that_are_no_persons_are_named_in_polish() -> None:
    with using(POLISH):
        shown = [str(look.actor_name(actor.kind, actor.name)) for actor in (CLI, AUTOMATION)]
        assert shown == ["wiersz poleceń", "automatyzacja"]
        assert look.actor_name("staff", "automation") == "automation", "a person's name stays"


def test_titles_of_tasks_are_translated() -> None:
    stored = packed(_("Test of %(sender)s", sender="50 % off"))
    with using(POLISH):
        assert str(named(stored)) == "Test: 50 % off"
        assert str(named("Suspend")) == "Zawieś"
        row = SimpleNamespace(title="", job="ModuleJob 50 %", module="Product/Gone")
        assert str(look.task_title(row)) == "ModuleJob 50 %"


def test_checks_units_and_sizes_have_polish_names() -> None:
    units = {each.unit for group in GROUPS.values() for each in group.settings}
    assert units <= set(look.UNITS) and set(CHECKS) <= set(look.HEALTH)
    with using(POLISH):
        assert str(look.health_label("database")) == "Baza danych"
        assert [numbers.size(count) for count in (9, 1_500, 5_430_000_000)] == [
            "9 B",
            "1,5 kB",
            "5,4 GB",
        ]
        assert (numbers.shown(12345.5), numbers.shown("1.5")) == ("12\u00a0345,5", "1.5")


@pytest.mark.usefixtures("app")
def test_the_list_of_tasks_has_no_english_names(app: Panel, owner: Browser) -> None:
    with app.app_context():
        add(job="Unknown", queue="Module", title="Suspend", actor=AUTOMATION, data={})
    owner.post("/admin/language", {"language": "pl", "next": "/admin/"})
    page = owner.get("/admin/tasks/").text
    assert "Zawieś" in page and "automatyzacja" in page
    assert ">Suspend<" not in page and "automation" not in page
