"""Forms of module pages read submitted fields only from a form, as the panel's own do."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.exceptions import BadRequest

from puqpanel.app import Panel
from puqpanel.sdk import forms


class ServerForm(forms.PageForm):
    host = forms.StringField("Host", default="cloud.example")


def test_a_body_in_json_is_refused(app: Panel) -> None:
    bodies: tuple[Any, ...] = ({"host": "a"}, {"host": {"x": [1]}}, {"host": 7}, [1], "x", 0)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for body in bodies:
            with (
                app.test_request_context("/", method=method, json=body),
                pytest.raises(BadRequest, match="as a form, not as JSON"),
            ):
                ServerForm()


def test_fields_of_a_form_and_given_values_are_read(app: Panel) -> None:
    with app.test_request_context("/", method="POST", data={"host": "b"}):
        assert ServerForm().host.data == "b"
    with app.test_request_context("/", method="POST", json={"host": "c"}):
        assert ServerForm(None).host.data == "cloud.example"
    with app.test_request_context("/", method="GET", json={"host": "c"}):
        assert ServerForm().host.data == "cloud.example"
