"""`module new`: whatever it makes loads, is spotless in the checker, passes its contract and
its own tests, and overwrites nothing.
"""

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
def test_what_it_makes_is_whole(module_type: str, instance: Path, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    env = {"PUQPANEL_MODULES_DIR": str(modules)}
    said = puqpanel(
        instance, "module", "new", module_type.lower(), "MyVPSBox", "--author", "Ann Author", **env
    )
    assert said.returncode == 0, said.stderr
    assert f"{module_type}/MyVPSBox is made" in said.stdout
    assert f"./panel test {tmp_path}/modules/{module_type}/MyVPSBox/tests" in said.stdout
    assert "./panel module test MyVPSBox" in said.stdout
    folder = modules / module_type / "MyVPSBox"
    for path in ("MyVPSBox.py", "config.py", "lang/en.py", "tests/test_myvpsbox.py"):
        assert f"\n    {path}\n" in said.stdout
        assert (folder / path).is_file()
    assert '"name": "My VPS Box"' in (folder / "config.py").read_text()
    assert '"author": "Ann Author"' in (folder / "config.py").read_text()
    assert not [path for path in folder.rglob("*") if path.is_file() and "@@" in path.read_text()]
    assert (
        json.loads(puqpanel(instance, "module", "check", "MyVPSBox", "--json", **env).stdout) == []
    )
    tried = puqpanel(instance, "module", "test", "MyVPSBox", "--json", **env)
    assert tried.returncode == 0, tried.stdout
    card = json.loads(tried.stdout)
    assert "provider.py" not in " ".join(
        line["says"] for line in card if line["outcome"] == "not tested"
    )
    assert sum(line["outcome"] == "passed" for line in card) >= 7
    assert not instance.exists()


@pytest.mark.parametrize("module_type", TYPES)
def test_its_own_tests_pass_with_plain_pytest(
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


def test_its_code_is_in_the_houses_style(instance: Path, tmp_path: Path) -> None:
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
    ("name", "sentence"),
    [
        (
            "my-module",
            (
                "“my-module” cannot be the name of a module: two to sixty letters and digits,"
                " beginning with a capital letter. MyModule would do."
            ),
        ),
        ("../../evil", "Evil would do."),
        ("X", "two to sixty letters"),
        ("9Lives", "Lives would do."),
        ("Łódź", "cannot be the name"),
        ("Plugin", "Plugin is the name of a type"),
        ("A" * 61, "cannot be the name"),
    ],
)
def test_a_name_that_cannot_be_used(
    name: str, sentence: str, instance: Path, tmp_path: Path
) -> None:
    said = puqpanel(
        instance, "module", "new", "Plugin", name, PUQPANEL_MODULES_DIR=str(tmp_path / "modules")
    )
    assert said.returncode == 1
    assert sentence in said.stderr
    assert not (tmp_path / "modules").exists()


def test_it_never_overwrites(instance: Path, tmp_path: Path) -> None:
    env = {"PUQPANEL_MODULES_DIR": str(tmp_path / "modules")}
    (tmp_path / "modules" / "Plugin" / "mine").mkdir(parents=True)
    (tmp_path / "modules" / "Plugin" / "mine" / "notes.txt").write_text("mine")
    said = puqpanel(instance, "module", "new", "Plugin", "Mine", **env)
    assert said.returncode == 1
    assert "is there already; nothing was written" in said.stderr
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
def test_words_that_would_break_what_is_written(
    option: str, text: str, instance: Path, tmp_path: Path
) -> None:
    said = puqpanel(
        instance,
        "module",
        "new",
        "Plugin",
        "Fresh",
        option,
        text,
        PUQPANEL_MODULES_DIR=str(tmp_path / "modules"),
    )
    assert said.returncode == 1
    assert "must be plain text" in said.stderr
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
def test_a_name_in_words(name: str, words: str) -> None:
    assert in_words(name) == words


def test_the_templates_come_with_the_package() -> None:
    assert "cli/scaffold/**" in (ROOT / "setup.cfg").read_text()
    assert {path.name for path in SCAFFOLD.iterdir()} == {one.lower() for one in TYPES}
