"""URL converters reject values that no database accepts."""

from __future__ import annotations

import re

from puqpanel.app import Panel
from tests.web.conftest import Browser

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
