"""Parameters of addresses: what no database takes is no address of the panel's, for any of its
routes.
"""

from __future__ import annotations

import re

from puqpanel.app import Panel
from tests.web.conftest import Browser

PARAMETER = re.compile(r"<(?:(int|path)(?:\([^)]*\))?:)?\w+>")


def test_what_no_database_takes_is_no_address(app: Panel, owner: Browser) -> None:
    rules = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and PARAMETER.search(rule.rule)
    ]
    assert len(rules) > 20
    for rule in rules:
        path = PARAMETER.sub(lambda found: "9" * 30 if found[1] == "int" else "a%00b", rule)
        answer = owner.http.get(path)
        answer.close()
        assert answer.status_code == 404, (path, answer.status_code)
