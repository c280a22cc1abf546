"""Every text of the plugins has a Polish translation with the same names, and none is unused."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "modules" / "Plugin"


@pytest.mark.parametrize("module", ["ServerMonitoring", "SamplePlugin", "Reports"])
def test_translations_are_complete_and_exact(module: str) -> None:
    folder = PLUGINS / module
    written: set[str] = set()
    for file in [*folder.rglob("*.py"), *folder.rglob("*.html")]:
        if "tests" not in file.parts and "lang" not in file.parts:
            written |= texts(file)
    tree = ast.parse((folder / "lang" / "pl.py").read_text("utf-8"))
    polish = next(
        ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)
    )
    assert sorted(written - set(polish)) == []
    assert sorted(set(polish) - written) == []
    for text, translation in polish.items():
        assert set(re.findall(r":([a-z_]+)", text)) == set(
            re.findall(r":([a-z_]+)", translation)
        ), text


# Constants whose labels are translated where they are used.
LABELS = ("TYPES", "STATES", "PERIODS", "TITLES")


def texts(file: Path) -> set[str]:
    """Return the texts in `__("…")`, and the labels that are translated elsewhere."""
    source = file.read_text("utf-8")
    if file.suffix == ".html":
        return set(re.findall(r'__\(\s*"((?:[^"\\]|\\.)*)"', source))
    texts: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            texts |= _strings(_translated_arguments(node, is_form="forms" in str(file)))
        elif isinstance(node, ast.Dict):
            texts |= _strings(_translated_values(node))
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in LABELS:
            labels = _strings(ast.walk(node.value))
            texts |= {label for label in labels if " " in label or label[:1].isupper()}
    return texts


def _strings(nodes: Iterable[ast.AST]) -> set[str]:
    values = [node.value for node in nodes if isinstance(node, ast.Constant)]
    return {value for value in values if isinstance(value, str)}


def _translated_arguments(call: ast.Call, *, is_form: bool) -> list[ast.expr]:
    """Return the text of `__`, or the label and description of a form field."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name == "__":
        return call.args[:1]
    if not name.endswith("Field"):
        return []
    descriptions = [keyword.value for keyword in call.keywords if keyword.arg == "description"]
    return descriptions + (call.args[:1] if is_form else [])


def _translated_values(entry: ast.Dict) -> list[ast.expr]:
    """Return the title of a sidebar entry, or name and description of a permission."""
    values = {
        key.value: value
        for key, value in zip(entry.keys, entry.values, strict=True)
        if isinstance(key, ast.Constant)
    }
    if "link" in values:
        return [values["title"]]
    if "key" in values and "description" in values:
        return [values["name"], values["description"]]
    return []
