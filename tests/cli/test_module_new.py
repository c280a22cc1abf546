"""`module new`: the new module loads, has no findings, passes all tests, and overwrites nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from puqpanel.cli.module_new import SCAFFOLD, in_words
from puqpanel.infra.settings import ROOT
from tests.cli.running import environment, puqpanel

TYPES = ("Product", "Plugin", "Payment", "Notification")


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path / "instance"


@pytest.mark.parametrize("module_type", TYPES)
def test_a_new_module_is_complete(module_type: str, instance: Path, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    env = {"PUQPANEL_MODULES_DIR": str(modules)}
    process = puqpanel(
        instance, "module", "new", module_type.lower(), "MyVPSBox", "--author", "Ann Author", **env
    )
    assert process.returncode == 0, process.stderr
    assert f"{module_type}/MyVPSBox in " in process.stdout
    assert f"puqpanel test {tmp_path}/modules/{module_type}/MyVPSBox/tests" in process.stdout
    assert "puqpanel module test MyVPSBox" in process.stdout
    folder = modules / module_type / "MyVPSBox"
    for path in ("MyVPSBox.py", "config.py", "lang/pl.po", "tests/test_myvpsbox.py"):
        assert f"\n    {path}\n" in process.stdout
        assert (folder / path).is_file()
    assert '"name": "My VPS Box"' in (folder / "config.py").read_text()
    assert '"author": "Ann Author"' in (folder / "config.py").read_text()
    assert not [path for path in folder.rglob("*") if path.is_file() and "@@" in path.read_text()]
    assert (
        json.loads(puqpanel(instance, "module", "check", "MyVPSBox", "--json", **env).stdout) == []
    )
    texts = puqpanel(instance, "module", "texts", "MyVPSBox", "--check", **env)
    assert texts.returncode == 0 and "complete" in texts.stdout, texts.stdout
    tested = puqpanel(instance, "module", "test", "MyVPSBox", "--json", **env)
    assert tested.returncode == 0, tested.stdout
    results = json.loads(tested.stdout)
    assert "provider.py" not in " ".join(
        result["message"] for result in results if result["outcome"] == "not tested"
    )
    assert sum(result["outcome"] == "passed" for result in results) >= 7
    assert not instance.exists()


@pytest.mark.parametrize("module_type", TYPES)
def test_the_tests_of_a_new_module_pass_with_plain_pytest(
    module_type: str, instance: Path, tmp_path: Path
) -> None:
    puqpanel(
        instance,
        "module",
        "new",
        module_type,
        "Fresh",
        PUQPANEL_MODULES_DIR=str(tmp_path / "modules"),
    )
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:playwright",
            "-p",
            "no:cacheprovider",
            str(tmp_path / "modules" / module_type / "Fresh" / "tests"),
            "-k",
            "not TestContract or twice",
        ],
        cwd=ROOT,
        env=environment(instance),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_the_code_of_a_new_module_passes_the_linters(instance: Path, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    for module_type in TYPES:
        puqpanel(instance, "module", "new", module_type, "Fresh", PUQPANEL_MODULES_DIR=str(modules))
    config = tmp_path / "pyproject.toml"
    config.write_text((ROOT / "pyproject.toml").read_text())
    for command in (
        ["ruff", "check", "--config", str(config), "modules"],
        ["mypy", "--config-file", str(ROOT / "setup.cfg"), "modules"],
    ):
        run = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={**environment(instance), "MYPYPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "my-module",
            (
                "“my-module” is not a valid module name. Use 2 to 60 letters and digits, starting"
                " with a capital letter. Try MyModule."
            ),
        ),
        ("../../evil", "Try Evil."),
        ("X", "2 to 60 letters"),
        ("9Lives", "Try Lives."),
        ("Łódź", "is not a valid module name"),
        ("Plugin", "Plugin is a module type"),
        ("A" * 61, "is not a valid module name"),
    ],
)
def test_an_invalid_name_is_rejected(
    name: str, message: str, instance: Path, tmp_path: Path
) -> None:
    process = puqpanel(
        instance, "module", "new", "Plugin", name, PUQPANEL_MODULES_DIR=str(tmp_path / "modules")
    )
    assert process.returncode == 1
    assert message in process.stderr
    assert not (tmp_path / "modules").exists()


def test_existing_files_are_never_overwritten(instance: Path, tmp_path: Path) -> None:
    env = {"PUQPANEL_MODULES_DIR": str(tmp_path / "modules")}
    (tmp_path / "modules" / "Plugin" / "mine").mkdir(parents=True)
    (tmp_path / "modules" / "Plugin" / "mine" / "notes.txt").write_text("mine")
    process = puqpanel(instance, "module", "new", "Plugin", "Mine", **env)
    assert process.returncode == 1
    assert "already exists; nothing was written" in process.stderr
    assert [path.name for path in (tmp_path / "modules" / "Plugin").iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--title", 'A "quoted" one'),
        ("--author", "two\nlines"),
        ("--title", "x" * 81),
        ("--title", "{{ 7*7 }}"),
    ],
)
def test_a_title_or_author_that_would_break_the_code_is_rejected(
    option: str, text: str, instance: Path, tmp_path: Path
) -> None:
    process = puqpanel(
        instance,
        "module",
        "new",
        "Plugin",
        "Fresh",
        option,
        text,
        PUQPANEL_MODULES_DIR=str(tmp_path / "modules"),
    )
    assert process.returncode == 1
    assert "must be plain text" in process.stderr
    assert not (tmp_path / "modules").exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MyVPSHosting", "My VPS Hosting"),
        ("Reports", "Reports"),
        ("S3Box", "S3 Box"),
        ("DNSCheck2", "DNS Check2"),
    ],
)
def test_a_name_is_split_into_words(name: str, words: str) -> None:
    assert in_words(name) == words


def test_the_templates_are_packaged() -> None:
    assert "cli/scaffold/**" in (ROOT / "setup.cfg").read_text()
    assert {path.name for path in SCAFFOLD.iterdir()} == {
        module_type.lower() for module_type in TYPES
    }
