"""`module check`, `module test` and `module reload`: output and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import puqpanel
from tests.sample import write_module

PLUGIN = "from puqpanel.sdk import Plugin\n\n\nclass Echo(Plugin):\n    {}\n"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    return tmp_path / "modules"


def test_check_groups_findings_by_module(instance: Path, modules: Path) -> None:
    env = {"PUQPANEL_MODULES_DIR": str(modules)}
    write_module(modules, PLUGIN.format("def run(self):\n        exit(1)"), type="Plugin")
    write_module(
        modules, PLUGIN.replace("Echo", "Fine").format("kept = {}"), type="Plugin", name="Fine"
    )
    process = puqpanel(instance, "module", "check", "--all", **env)
    assert process.returncode == 1
    assert (
        "Plugin/Echo\n  Echo.py:6  error  exit() affects the entire process, not only this module. "
        " [ends-the-process]\n      Raise an exception" in process.stdout
    )
    assert "2 modules checked: 1 error, 1 warning, 2 hints." in process.stdout
    assert puqpanel(instance, "module", "check", "Fine", **env).returncode == 0
    assert puqpanel(instance, "module", "check", "Fine", "--strict", **env).returncode == 1
    rows = json.loads(
        puqpanel(instance, "module", "check", "Plugin/Fine", "--no-hints", "--json", **env).stdout
    )
    assert [(row["rule"], row["severity"], row["file"], row["line"]) for row in rows] == [
        ("shared-state", "warning", "Fine.py", 5)
    ]
    assert set(rows[0]) == {"module", "rule", "severity", "file", "line", "message", "fix"}
    assert not instance.exists()


def test_a_config_that_ends_the_process_does_not_stop_the_check(
    instance: Path, modules: Path
) -> None:
    write_module(modules, PLUGIN.format("pass"), type="Plugin")
    bad = write_module(
        modules, PLUGIN.replace("Echo", "Bad").format("pass"), type="Plugin", name="Bad"
    )
    (bad / "config.py").write_text(
        'import os\nos._exit(0)\nCONFIG = {"name": "Bad", "version": "1.0.0"}\n'
    )
    process = puqpanel(
        instance, "module", "check", "--all", "--json", PUQPANEL_MODULES_DIR=str(modules)
    )
    assert process.returncode == 1
    rows = json.loads(process.stdout)
    assert {
        (row["module"], row["rule"]) for row in rows if row["severity"] in ("refused", "error")
    } == {("Plugin/Bad", "refused"), ("Plugin/Bad", "ends-the-process")}


def test_check_lists_its_rules(instance: Path) -> None:
    process = puqpanel(instance, "module", "check", "--rules")
    assert process.returncode == 0
    assert "swallows-timeout  error\n    A job that times out is" in process.stdout
    rows = json.loads(puqpanel(instance, "module", "check", "--rules", "--json").stdout)
    assert {"id", "severity", "why", "fix"} == set(rows[0])


def test_the_contract_tests_of_a_module(instance: Path, modules: Path) -> None:
    env = {"PUQPANEL_MODULES_DIR": str(modules)}
    write_module(modules, PLUGIN.format("pass"), type="Plugin")
    said = puqpanel(instance, "module", "test", "Echo", **env)
    assert said.returncode == 0, said.stdout
    assert "  ✓ activated twice  Succeeded both times.\n" in said.stdout
    assert "  – scheduled jobs twice  The module has no schedule.\n" in said.stdout
    assert said.stdout.count("The module has no admin routes.") == 2
    assert "  – 1 more  The module has no admin routes.\n" in said.stdout
    assert " passed, 0 failed, " in said.stdout
    listed = puqpanel(instance, "module", "test", "Echo", "--list", **env)
    assert "malformed events\n" in listed.stdout
    wrong = puqpanel(instance, "module", "test", "Echo", "--probe", "nonsense", **env)
    assert (
        wrong.returncode,
        "Plugin modules have no probe “nonsense”" in wrong.stderr,
    ) == (1, True)


def test_a_module_that_ends_the_test_process_fails(instance: Path, modules: Path) -> None:
    env = {"PUQPANEL_MODULES_DIR": str(modules)}
    write_module(
        modules,
        PLUGIN.format("def deactivate(self):\n        import os\n        os._exit(3)"),
        type="Plugin",
    )
    process = puqpanel(instance, "module", "test", "Echo", "--json", **env)
    assert process.returncode == 1
    results = json.loads(process.stdout)
    assert [result["outcome"] for result in results] == ["passed", "passed", "failed"]
    assert results[2] == {
        "probe": "deactivated and activated again",
        "outcome": "failed",
        "message": "Ended the test process.",
        "seconds": 0.0,
    }


def test_a_refused_module_fails_the_first_probe(instance: Path, modules: Path) -> None:
    write_module(modules, PLUGIN.format("def"), type="Plugin")
    said = puqpanel(instance, "module", "test", "Echo", PUQPANEL_MODULES_DIR=str(modules))
    assert said.returncode == 1
    assert "✗ loads  The module was refused: Echo.py has a syntax error" in said.stdout
    assert "0 passed, 1 failed, 0 not tested" in said.stdout


def test_check_without_modules(instance: Path, modules: Path) -> None:
    process = puqpanel(instance, "module", "check", "--all", PUQPANEL_MODULES_DIR=str(modules))
    assert (process.returncode, process.stdout) == (0, f"No modules in {modules}.\n")


def test_reload_reaches_every_process(instance: Path, modules: Path) -> None:
    env = {"PUQPANEL_MODULES_DIR": str(modules)}
    write_module(modules, PLUGIN.format("pass"), type="Plugin")
    assert puqpanel(instance, "db", "upgrade", **env).returncode == 0
    assert puqpanel(instance, "module", "reload", **env).stdout == "No active modules.\n"
    assert puqpanel(instance, "module", "activate", "Echo", **env).returncode == 0
    before = _generation(instance)
    assert puqpanel(instance, "module", "reload", **env).stdout == "Reloaded Plugin/Echo.\n"
    assert puqpanel(instance, "module", "reload", "Echo", **env).returncode == 0
    assert _generation(instance) == before + 2
    write_module(modules, PLUGIN.format("pass") + "\nraise ValueError('no')\n", type="Plugin")
    process = puqpanel(instance, "module", "reload", "Echo", **env)
    assert process.returncode == 1 and "Reloaded" not in process.stdout
    assert "Plugin/Echo was not reloaded: Echo.py does not load: ValueError: no" in process.stderr
    assert _generation(instance) == before + 2


def _generation(instance: Path) -> int:
    import sqlite3

    with sqlite3.connect(instance / "puqpanel.db") as database:
        (number,) = database.execute("SELECT number FROM generation").fetchone()
    return int(number)


def test_fail_fast_stops_at_the_first_failure(instance: Path, modules: Path) -> None:
    source = (
        "from puqpanel.sdk import Plugin\n\n\nclass Echo(Plugin):\n"
        "    def activate(self):\n        return 'no'\n"
    )
    write_module(modules, source, type="Plugin")
    said = puqpanel(
        instance, "module", "test", "Echo", "--fail-fast", PUQPANEL_MODULES_DIR=str(modules)
    )
    assert said.returncode == 1
    assert said.stdout.count("✗") == 1
    assert ", 1 failed, 0 not tested" in said.stdout
