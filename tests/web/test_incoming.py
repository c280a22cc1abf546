"""Request values are storable, and the raw body stays unchanged."""

from __future__ import annotations

import json

from flask import request

from puqpanel.app import Panel


def test_arguments_fields_and_json_are_storable(app: Panel) -> None:
    with app.test_request_context(
        "/?q=a%00b&q=c", method="POST", data={"one": "x\0y", "two": ["fine", "\0"]}
    ):
        assert request.args.getlist("q") == ["a\ufffdb", "c"]
        assert (request.form["one"], request.form.getlist("two")) == (
            "x\ufffdy",
            ["fine", "\ufffd"],
        )
        assert request.values["one"] == "x\ufffdy"
    body = json.dumps({"a\0": ["\0", {"b": "\ud800"}], "n": 1})
    with app.test_request_context("/", method="POST", data=body, content_type="application/json"):
        assert request.get_json() == {"a\ufffd": ["\ufffd", {"b": "\ufffd"}], "n": 1}
        assert request.json == request.get_json()
        assert request.get_data() == body.encode()
