"""What the documentation says is so: its paths and names exist, its smallest module loads, its settings and commands are the real ones."""

from __future__ import annotations

import dataclasses
import importlib
import re
import textwrap
from pathlib import Path

import click
import pytest

from puqpanel.cli import Commands
from puqpanel.host.loader import load_module
from puqpanel.host.registry import unload
from puqpanel.infra.settings import ROOT, Settings

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_and_functions_exist(page: Path) -> None:
    missing = []
    for path, name in re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)(?:::(\w+))?", page.read_text()):
        file = ROOT / "puqpanel" / path
        if not file.exists() and not (ROOT / path).exists():
            missing.append(path)
        elif name:
            module = importlib.import_module("puqpanel." + path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
            if not hasattr(module, name):
                missing.append(f"{path}::{name}")
    assert missing == []


def test_the_smallest_module_loads(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "modules.md").read_text()
    block = re.search(r"    modules/Product/Minimal/\n((?:      .+\n)+)", text)
    assert block
    files: dict[str, list[str]] = {}
    name = ""
    for line in textwrap.dedent(block[1]).splitlines():
        found = re.match(r"(\w+\.py)\s+(.*)", line)
        name, code = (found[1], found[2]) if found else (name, line.strip())
        files.setdefault(name, []).append(code)
    folder = tmp_path / "Product" / "Minimal"
    folder.mkdir(parents=True)
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    module = load_module(folder, "Product", "Minimal")
    assert module.version == "1.0.0"
    unload(module.package)


def test_every_setting_has_its_line() -> None:
    text = (ROOT / "docs" / "production.md").read_text()
    named = set(re.findall(r"PUQPANEL_([A-Z_]+)`", text))
    assert {field.name.upper() for field in dataclasses.fields(Settings)} <= named


def test_named_commands_exist() -> None:
    known = set(Commands(name="puqpanel").list_commands(click.Context(Commands(name="puqpanel"))))
    for page in PAGES:
        for command in re.findall(r"(?:\./panel|`puqpanel|    puqpanel) ([a-z]+)\b", page.read_text()):
            assert command in known, f"{page.name} names {command}"
