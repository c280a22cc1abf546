"""Input that no browser sends: JSON in place of forms, half characters, huge numbers."""

from __future__ import annotations

import base64
import json
from typing import Any

import flask
import pytest
from werkzeug.exceptions import BadRequest

from puqpanel.app import Panel
from puqpanel.web.incoming import StorableRequest
from tests.web.conftest import PASSWORD, Browser

HALF = "\ud800"
BODIES = (
    '{"email": {"a": [1]}, "password": [["x"]]}',
    "[[1, 2, 3]]",
    "[" * 100_000,
    '{"a":' * 5000 + "1" + "}" * 5000,
    "null",
    "7",
    '"\\ud800"',
    '{"email": "owner@panel.test", "password": "a long enough one"}',
    "{",
)
LISTS = (
    "clients",
    "staff",
    "services",
    "products",
    "tasks",
    "activity",
    "module-log",
    "modules",
    "search",
)


def test_json_in_place_of_a_form_is_refused(owner: Browser) -> None:
    visitor = Browser(owner.http.application)
    for browser, path in (
        (visitor, "/admin/signin"),
        (visitor, "/client/signin"),
        (visitor, "/admin/clients/new"),
        (owner, "/admin/clients/new"),
    ):
        for token in (browser.token("/admin"), "", "wrong"):
            for body in BODIES:
                answer = browser.http.post(
                    path,
                    data=body,
                    content_type="application/json",
                    headers={"X-CSRFToken": token},
                )
                assert answer.status_code in (400, 401), (path, token, body[:20])


@pytest.mark.parametrize("area", ["admin", "client"])
def test_json_after_too_many_attempts_is_refused(app: Panel, area: str) -> None:
    visitor, path = Browser(app), f"/{area}/signin"
    token = visitor.token(f"/{area}")
    for number in range(40):
        form = {"csrf_token": token, "email": f"a{number}@b.test", "password": "x"}
        if visitor.http.post(path, data=form).status_code == 429:
            break
    sent = {"data": "[1]", "content_type": "application/json", "headers": {"X-CSRFToken": token}}
    assert visitor.http.post(path, **sent).status_code == 429
    form = {"csrf_token": token, "email": "a@b.test", "password": "x" * 17 * 1024 * 1024}
    headers = {"X-CSRFToken": token}
    assert visitor.http.post(path, data=form, headers=headers).status_code in (413, 429)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd"}),
        (b'{"a": "\\ud800\\u0000"}', {"a": "\ufffd\ufffd"}),
        ('{"a": "\\udfff"}'.encode("utf-16"), {"a": "\ufffd"}),
        (b'\xef\xbb\xbf{"a": "\xc5\xbc"}', {"a": "ż"}),
        (b'{"a": NaN}', None),
        (b'{"a": ' + b"9" * 5000 + b"}", None),
        (b"[" * 100_000, None),
    ],
)
def test_texts_of_json_can_be_stored(body: bytes, value: object) -> None:
    app = Panel(__name__)
    app.request_class = StorableRequest
    sent: dict[str, Any] = {"method": "POST", "data": body, "content_type": "application/json"}
    with app.test_request_context(**sent):
        assert flask.request.get_json(silent=True) == value
        assert flask.request.get_data() == body, "signatures are over the raw body"
    if value is None:
        with app.test_request_context(**sent), pytest.raises(BadRequest):
            flask.request.get_json()


def test_half_characters_in_a_position_are_ignored(owner: Browser) -> None:
    for value in (HALF, "a" + HALF, "\0", "x\udfff"):
        for order in ("email", "-email"):
            cursor = json.dumps([order, 1, value, 5, 1])
            at = base64.urlsafe_b64encode(cursor.encode()).decode()
            for page in ("clients", "staff"):
                answer = owner.get(f"/admin/{page}/", query_string={"sort": order, "at": at})
                assert answer.status_code == 200


def test_strange_arguments_are_no_server_error(owner: Browser) -> None:
    names = ("q", "tab", "sort", "at", "page", "view", "format", "client", "created", "task")
    for value in ("%ED%A0%80", "%00", "%F4%90%80%80", "9" * 30):
        query = "&".join(f"{name}={value}" for name in (*names, value))
        for page in LISTS:
            assert owner.get(f"/admin/{page}/?{query}").status_code < 500


def test_strange_paths_are_not_found(owner: Browser) -> None:
    numbers = (2**31, 2**32, 2**63 - 1, 2**63, 2**64, 10**40)
    for value in ("%ED%A0%80", "%FF", "%00", *numbers):
        for page in ("clients", "tasks", "module-log", "activity"):
            assert owner.get(f"/admin/{page}/{value}").status_code == 404


def test_strange_headers_are_no_server_error(owner: Browser) -> None:
    values = ("\xed\xa0\x80", "panel_staff_device=\xff.x", "9" * 40, "\xff;q=nan")
    for header in ("Cookie", "User-Agent", "Accept-Language", "X-CSRFToken", "Accept"):
        for value in values:
            for path in ("/admin/", "/admin/signin"):
                assert owner.get(path, headers={header: value}).status_code < 500


def test_strange_sign_ins_are_no_server_error(owner: Browser) -> None:
    visitor = Browser(owner.http.application)
    for email in (HALF, "a" * 2000, "xn--@xn--", "\0@\0", "a@" + "ß" * 300):
        for password in (PASSWORD, HALF, "\0" * 20):
            data = {
                "email": email.encode("utf-8", "surrogatepass"),
                "password": password.encode("utf-8", "surrogatepass"),
            }
            assert visitor.post("/admin/signin", data).status_code in (422, 429)
