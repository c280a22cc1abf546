"""The reference is made of the sources as they are now, and nothing that a module can use lacks
a page or a test.
"""

from __future__ import annotations

import ast
import dataclasses
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from puqpanel import sdk
from puqpanel.cli import excerpts
from puqpanel.cli.docs import generated_pages
from puqpanel.cli.reference import TYPES, vendor_names
from puqpanel.cli.reference_source import doc_of, members
from puqpanel.domain import settings_table
from puqpanel.domain.errors import UserError
from puqpanel.domain.events import EVENTS
from puqpanel.host.checks import RULES
from puqpanel.host.contract.hooks_table import HOOKS, OFFERED
from puqpanel.infra.settings import PREFIX, ROOT, Settings
from puqpanel.sdk import compat, testing
from puqpanel.sdk.module import Module

REFERENCE = ROOT / "docs" / "reference"
CLASSES: dict[str, type] = {"Module": Module, **TYPES}


def page(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


@cache
def mentioned_in_tests() -> frozenset[str]:
    """Every name that a test mentions, in its code or in the source of a module that it writes;
    comments and docstrings do not count.
    """
    found: set[str] = set()
    for file in [*(ROOT / "tests").rglob("*.py"), *(ROOT / "modules").glob("*/*/tests/**/*.py")]:
        if file != Path(__file__):
            found |= names(ast.parse(file.read_text("utf-8")))
    return frozenset(found)


def names(tree: ast.AST) -> set[str]:
    """Identifiers, and the words of texts, without docstrings."""
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.keyword | ast.arg) and node.arg:
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.update(node.name.split("."))
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        ):
            found.update(re.findall(r"\w+", node.value))
    return found


def test_the_pages_are_up_to_date() -> None:
    stale = [
        str(path.relative_to(ROOT))
        for path, text in generated_pages(ROOT / "docs").items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]
    assert stale == [], "run: puqpanel docs build"


@pytest.mark.parametrize("key", CLASSES)
def test_every_public_method_is_in_the_table(key: str) -> None:
    base = {one.name for one in members(Module)} if key != "Module" else set()
    own = {
        one.name
        for one in members(CLASSES[key])
        if one.name not in base or one.name in vars(CLASSES[key])
    }
    assert own - set(HOOKS[key]) - OFFERED[key] == set(), (
        "host/contract/hooks_table.py has not a line for each"
    )
    unknown = {
        name for name, fact in HOOKS[key].items() if name not in own and not fact.signature
    } | (OFFERED[key] - own)
    assert unknown == set(), "the table names what the class does not have"


@pytest.mark.parametrize("key", CLASSES)
def test_every_hook_has_its_entry_and_a_test(key: str) -> None:
    text = page("module.md" if key == "Module" else f"{key.lower()}.md")
    hooks = [*HOOKS[key], *OFFERED[key]]
    assert [name for name in hooks if f"### `{name}`" not in text] == []
    mentioned = mentioned_in_tests()
    patterns = {
        "variables_{tab}": r"variables_\w+",
        "controller_client_{tab}_{verb}": r"controller_client_\w+",
        "{Name}Controller.{method}": r"\w+Controller",
        "{method}_of_a_task": "task_data",
    }
    spelt = {
        name: "|".join(map(re.escape, [name, *vendor_names(name)])) for name in hooks
    } | patterns
    untested = [
        name for name in hooks if not any(re.fullmatch(spelt[name], word) for word in mentioned)
    ]
    assert untested == [], "no test mentions these"


@pytest.mark.parametrize(("file", "module"), [("sdk.md", sdk), ("compat.md", compat)])
def test_every_name_of_the_sdk_has_its_entry_and_a_test(file: str, module: ModuleType) -> None:
    text = page(file)
    assert [name for name in module.__all__ if f"\n## `{name}`\n" not in text] == []
    assert [name for name in module.__all__ if name not in mentioned_in_tests()] == [], (
        "no test mentions these"
    )


def test_every_name_for_tests_has_its_entry_and_is_tried() -> None:
    assert [name for name in testing.__all__ if f"\n## `{name}`\n" not in page("testing.md")] == []
    assert [name for name in testing.__all__ if name not in mentioned_in_tests()] == [], (
        "no test mentions these"
    )


@pytest.mark.parametrize("file", ["sdk.md", "compat.md"])
def test_every_name_of_the_sdk_says_what_it_is(file: str) -> None:
    silent = [
        entry.partition("`")[0]
        for entry in page(file).split("\n## `")[1:]
        if not re.sub(r"```.*?```", "", entry.partition("\n")[2], flags=re.DOTALL).strip()
    ]
    assert silent == []


def test_every_setting_has_its_line_and_a_test() -> None:
    text = page("settings.md")
    fields = [field.name for field in dataclasses.fields(Settings) if field.name != "overrides"]
    assert [name for name in settings_table.names() if f"| `{name}` |" not in text] == []
    assert [name for name in fields if f"`{PREFIX}{name.upper()}`" not in text] == []
    mentioned = mentioned_in_tests()
    assert [
        name for name in fields if name not in mentioned and PREFIX + name.upper() not in mentioned
    ] == [], "no test mentions these"


def test_every_event_and_every_rule_has_its_line() -> None:
    assert [name for name in EVENTS if f"`{name}`" not in page("events.md")] == []
    assert [name for name in RULES if f"## `{name}`" not in page("checks.md")] == []


def test_docstrings_are_taken_apart() -> None:
    doc = doc_of(
        "Does it.\n\nArgs:\n    name, other: which\n        one.\n    more: further.\n\nReturns:\n "
        "   What came.\n\nRaises: UserError when not."
    )
    assert doc.text == "Does it."
    assert doc.sections == {
        "Args": "* `name`, `other`: which one.\n* `more`: further.",
        "Returns": "What came.",
        "Raises": "UserError when not.",
    }


def test_code_of_real_files_is_filled_in(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "class One:\n    x = 1\n\n    @property\n    def two(self):\n        return 2\n"
    )
    text = "<!-- code: a.py::One.two -->\n```python\nold\n```\nafter\n"
    assert (
        excerpts.fill(text, tmp_path)
        == "<!-- code: a.py::One.two -->\n```python\n@property\ndef two(self):\n    return"
        " 2\n```\nafter\n"
    )
    with pytest.raises(UserError, match=r"One\.three from a\.py, which does not exist"):
        excerpts.fill("<!-- code: a.py::One.three -->\n", tmp_path)
