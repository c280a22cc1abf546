"""URL converters reject values that no database accepts; URL builders are compiled late."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.routing import Rule

from puqpanel.app import Panel
from puqpanel.web import converters
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

PARAMETER = re.compile(r"<(?:(int|path)(?:\([^)]*\))?:)?\w+>")


def test_values_no_database_accepts_return_404(app: Panel, owner: Browser) -> None:
    rules = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and PARAMETER.search(rule.rule)
    ]
    assert len(rules) > 20
    for rule in rules:
        path = PARAMETER.sub(lambda match: "9" * 30 if match[1] == "int" else "a%00b", rule)
        answer = owner.http.get(path)
        answer.close()
        assert answer.status_code == 404, (path, answer.status_code)


def test_a_url_builder_is_compiled_at_its_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    compile_builder = Rule._compile_builder

    def count(rule: Rule, append_unknown: bool = True) -> Any:
        compiled.append(append_unknown)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(Rule, "_compile_builder", count)
    urls = {}
    for kind in (Rule, converters.LateRule):
        rule = kind("/a/<int:number>/<rule>/", endpoint="a", defaults={"page": 1})
        adapter = converters.Addresses([rule], host_matching=False).bind("panel.test")
        added = len(compiled)
        values = {"number": 7, "rule": "x y", "page": 1, "q": "ä"}
        urls[kind] = [adapter.build("a", values) for _ in range(2)]
        assert (added, len(compiled)) == ((0, 1) if kind is converters.LateRule else (2, 2))
        compiled.clear()
    assert urls[Rule] == urls[converters.LateRule] == ["/a/7/x%20y/?q=%C3%A4"] * 2
