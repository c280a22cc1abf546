"""What the documentation says is so: its links, paths, names and commands exist, its code is
Python, its smallest module loads.
"""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from pathlib import Path

import click
import pytest

from puqpanel.app import Panel
from puqpanel.cli import COMMANDS, Commands
from puqpanel.host.loader import load_module
from puqpanel.host.registry import unload
from puqpanel.infra.settings import ROOT
from tests.docs.blocks import blocks

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def anchors(page: Path) -> set[str]:
    """The headings of a page as links name them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    seen: dict[str, int] = {}
    for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    missing = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
        if "://" in target or not (target or anchor):
            continue
        file = page.parent / target if target else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(f"{target}#{anchor}")
    assert missing == []


def test_every_page_can_be_reached() -> None:
    todo, reached = [ROOT / "README.md"], set()
    while todo:
        page = todo.pop().resolve()
        if page in reached:
            continue
        reached.add(page)
        todo += [
            page.parent / target
            for target in re.findall(r"\]\(([^)#\s]+\.md)", page.read_text("utf-8"))
            if "://" not in target
        ]
    assert {page.resolve() for page in PAGES} - reached == set()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_code_is_python(page: Path) -> None:
    for code in re.findall(
        r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        ast.parse(textwrap.dedent(code))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_named_files_and_functions_exist(page: Path) -> None:
    missing = []
    for path, name in re.findall(
        r"`([a-z_]+(?:/[a-z_]+)+\.py)(?:::(\w+))?", page.read_text("utf-8")
    ):
        if path.startswith("lang/"):
            continue  # a file that authors of modules write
        file = ROOT / "puqpanel" / path
        if not file.exists() and not (ROOT / path).exists():
            if not list((ROOT / "modules").glob(f"*/*/{path}")):  # a path within a module's folder
                missing.append(path)
        elif name:
            module = importlib.import_module(
                "puqpanel." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            )
            if not hasattr(module, name):
                missing.append(f"{path}::{name}")
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_named_modules_exist(page: Path) -> None:
    named = re.findall(
        r"`(?:modules/)?((?:Product|Plugin|Payment|Notification)/[A-Z]\w+)`",
        page.read_text("utf-8"),
    )
    assert [
        name
        for name in named
        if not (ROOT / "modules" / name).is_dir()
        and not name.endswith(("/Name", "/Echo", "/SiteBox"))
    ] == []


def test_the_smallest_module_loads(tmp_path: Path) -> None:
    found = blocks((ROOT / "docs" / "what-is-a-module.md").read_text("utf-8"))
    assert len(found) == 2
    for block in found:
        block.put(tmp_path)
    module = load_module(tmp_path / "modules/Product/Minimal", "Product", "Minimal")
    assert (module.version, module.warnings) == ("1.0.0", ())
    unload(module.package)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_named_commands_exist(page: Path) -> None:
    context = click.Context(Commands(name="puqpanel"))
    for line in re.findall(
        r"(?:\./panel|`puqpanel|    puqpanel) ([a-z][^`\n]*)", page.read_text("utf-8")
    ):
        words = line.split()
        assert words[0] in COMMANDS, f"{page.name} names {line}"
        command = (
            Commands(name="puqpanel").get_command(context, words[0])
            if words[0] in COMMANDS
            else None
        )
        if (
            isinstance(command, click.Group)
            and len(words) > 1
            and not (command.invoke_without_command and words[1].startswith("--"))
        ):
            assert words[1].rstrip(".,;") in command.commands, f"{page.name} names {line}"
        options = {
            option
            for one in [
                command,
                *(command.commands.values() if isinstance(command, click.Group) else []),
            ]
            if one
            for parameter in one.params
            for option in parameter.opts
        }
        used = [word for word in words if word.startswith("--") and words[0] != "test"]
        assert (
            not command
            or [word for word in used if word.rstrip(".,;") not in options | {"--help"}] == []
        ), f"{page.name} names {line}"


def test_routes_are_served_by_the_files_named(panel: Panel) -> None:
    text = (ROOT / "docs" / "life-of-a-form.md").read_text("utf-8")
    claims = re.findall(r"`(GET|POST) (/\S+)` \| `([\w/]+)\.py::(\w+)`", text)
    assert len(claims) >= 5
    for method, path, file, function in claims:
        views = [
            panel.view_functions[rule.endpoint]
            for rule in panel.url_map.iter_rules()
            if method in (rule.methods or ())
            and re.sub(r"<[^<>]*:(\w+)>", r"<\1>", rule.rule) == path
        ]
        names = {(view.__module__, view.__name__) for view in views}
        assert (f"puqpanel.{file.replace('/', '.')}", function) in names, (path, names)
