"""Every text of the plugins has a Polish translation with the same names in it, and none is
left over.
"""

from __future__ import annotations

import ast
import re
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


def texts(file: Path) -> set[str]:
    """What stands in `__("…")`, and the labels of forms and states, which are translated when
    they are shown.
    """
    source = file.read_text("utf-8")
    if file.suffix == ".html":
        return set(re.findall(r'__\(\s*"((?:[^"\\]|\\.)*)"', source))
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = (
                node.func.id
                if isinstance(node.func, ast.Name)
                else node.func.attr
                if isinstance(node.func, ast.Attribute)
                else ""
            )
            taken = (
                node.args[:1]
                if name == "__" or (name.endswith("Field") and "forms" in str(file))
                else []
            )
            taken += [
                word.value
                for word in node.keywords
                if name.endswith("Field") and word.arg == "description"
            ]
            found |= {
                one.value
                for one in taken
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
        elif isinstance(node, ast.Dict):  # entries of the side bar, and permissions
            entry = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            shown = (
                ("title",)
                if "link" in entry
                else ("name", "description")
                if "key" in entry and "description" in entry
                else ()
            )
            found |= {
                value.value for name in shown if isinstance(value := entry[name], ast.Constant)
            }
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id in ("TYPES", "STATES", "PERIODS", "TITLES")
        ):
            found |= {
                one.value
                for one in ast.walk(node.value)
                if isinstance(one, ast.Constant)
                and isinstance(one.value, str)
                and (" " in one.value or one.value[:1].isupper())
            }
    return found
