"""`puqpanel settings`: values, errors, secrets and overrides, in real processes."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.running import puqpanel


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a migrated panel."""
    folder = tmp_path_factory.mktemp("panel")
    assert puqpanel(folder, "db", "upgrade").returncode == 0
    return folder


def test_set_get_list_and_unset(instance: Path) -> None:
    assert (
        puqpanel(instance, "settings", "set", "firm.name", "Lumen").stdout == "Saved firm.name.\n"
    )
    assert puqpanel(instance, "settings", "get", "firm.name").stdout == "Lumen\n"
    assert puqpanel(instance, "settings", "set", "firm.address", given="Main Street 1\nTown\n")
    rows = json.loads(puqpanel(instance, "settings", "list", "--json").stdout)
    by_name = {row["name"]: row for row in rows}
    assert by_name["firm.name"]["source"] == "saved"
    assert by_name["firm.address"]["value"] == "Main Street 1\nTown"
    assert by_name["retention.task_days"] == {
        "name": "retention.task_days",
        "value": "365",
        "source": "default",
        "problem": "",
    }
    assert "firm.name" in puqpanel(instance, "settings", "list").stdout
    assert "default again" in puqpanel(instance, "settings", "unset", "firm.name").stdout
    assert puqpanel(instance, "settings", "get", "firm.name").stdout == "puqpanel\n"


def test_bad_input_is_explained(instance: Path) -> None:
    for arguments, reason in (
        (("set", "firm.nmae", "x"), "Did you mean firm.name?"),
        (("get", "sessions.idle"), "Unknown setting"),
        (("set", "sessions.staff_idle_minutes", "999999"), "whole number from 1 to 1440"),
        (("set", "sessions.staff_idle_minutes", "soon"), "whole number from 1 to 1440"),
        (("set", "firm.colour", "red"), "such as #3451d1"),
        (("set", "region.locale", "xx"), "Enter a language"),
        (("set", "region.locale", "de"), "no translation into this language"),
        (("set", "firm.logo", "/nowhere.png"), "Cannot read /nowhere.png"),
        (("set", "firm.logo", __file__), "Upload a PNG"),
    ):
        done = puqpanel(instance, "settings", *arguments)
        assert done.returncode == 1, arguments
        assert reason in done.stderr, (arguments, done.stderr)
        assert "Traceback" not in done.stderr


def test_an_invalid_saved_value_is_listed_with_its_problem(instance: Path) -> None:
    puqpanel(instance, "settings", "set", "retention.task_days", "20")
    with sqlite3.connect(instance / "puqpanel.db") as database:
        database.execute("UPDATE settings SET value = '\"x\"' WHERE name = 'retention.task_days'")

    rows = json.loads(puqpanel(instance, "settings", "list", "--json").stdout)
    (row,) = [row for row in rows if row["name"] == "retention.task_days"]
    assert "whole number" in row["problem"]
    puqpanel(instance, "settings", "unset", "retention.task_days")


def test_the_environment_wins(instance: Path) -> None:
    outside = {"PUQPANEL_FIRM_NAME": "Outside"}
    assert puqpanel(instance, "settings", "get", "firm.name", **outside).stdout == "Outside\n"
    done = puqpanel(instance, "settings", "set", "firm.name", "x", **outside)
    assert done.returncode == 1
    assert "PUQPANEL_FIRM_NAME" in done.stderr
    done = puqpanel(instance, "settings", "list", PUQPANEL_REGION_TIME_ZONE="Mars/Olympus")
    assert done.returncode == 1
    assert "PUQPANEL_REGION_TIME_ZONE is invalid. Enter a time zone" in done.stderr
