"""Response headers, error pages and JSON errors."""

from __future__ import annotations

import re
import sqlite3

import pytest
from flask import Blueprint, abort
from sqlalchemy.exc import OperationalError

from puqpanel.app import Panel
from puqpanel.domain.errors import ConflictError, InvalidInput, NotFoundError, PermissionDenied
from puqpanel.web import times
from puqpanel.web.guard import public
from puqpanel.web.look import split_action
from tests.web.conftest import Browser

pytestmark = pytest.mark.sqlite

SECRET = "the-password-is-hunter2"


@pytest.fixture
def broken(app: Panel) -> Browser:
    """A panel with pages that fail in different ways."""
    failing = Blueprint("failing", __name__)
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY
    errors = {
        "boom": RuntimeError(SECRET),
        "conflict": ConflictError("It is locked."),
        "missing": NotFoundError("No such thing."),
        "denied": PermissionDenied("Not for you."),
        "busy": OperationalError("UPDATE", {}, locked),
        "gone": OperationalError("UPDATE", {}, sqlite3.OperationalError("no such table: x")),
        "input": InvalidInput({"name": ["Too long."]}),
    }

    @failing.get("/failing/<name>")
    @public
    def page(name: str) -> str:
        if name.isdecimal():
            abort(int(name))
        raise errors[name]

    app.register_blueprint(failing)
    return Browser(app)


def test_a_locked_database_returns_503(broken: Browser) -> None:
    answer = broken.get("/failing/busy")
    assert answer.status_code == 503
    assert "The database is busy. Nothing was saved. Try again in a moment." in answer.text
    assert broken.get("/failing/gone").status_code == 500


def test_log_actions_show_the_path_before_the_host() -> None:
    assert split_action("GET https://cloud.test:8443/ocs/v1.php/users") == (
        "GET /ocs/v1.php/users",
        "cloud.test:8443",
    )
    assert split_action("GET https://cloud.test") == ("GET /", "cloud.test")
    assert split_action("create_job") == ("create_job", "")


def test_long_durations_are_shown_in_seconds() -> None:
    assert [times.took(each) for each in (0, 850, 9999, 12_300, 90_000)] == [
        "0 ms",
        "850 ms",
        "9,999 ms",
        "12 secs",
        "1 min 30 secs",
    ]


def test_the_content_security_policy_has_a_new_nonce_per_response(visitor: Browser) -> None:
    first, second = visitor.get("/admin/signin"), visitor.get("/admin/signin")
    policy = first.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert (
        policy
        == f"default-src 'none'; script-src 'self' 'nonce-{nonce[1]}'; style-src 'self'; font-src"
        " 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri"
        " 'none'; frame-ancestors 'none'"
    )
    assert f'<script nonce="{nonce[1]}">' in first.text
    assert nonce[1] not in second.headers["Content-Security-Policy"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Cache-Control"] == "no-store"


def test_pages_comply_with_the_content_security_policy(
    owner: Browser, shop: dict[str, str]
) -> None:
    for path in (
        "/admin/",
        "/admin/services/",
        f"/admin/services/{shop['service']}",
        "/admin/modules/",
        "/admin/clients/new",
        "/admin/staff/roles/new",
    ):
        page = owner.get(path).text
        assert not re.search(
            r"\sstyle=|\son[a-z]+=|javascript:|<style|hx-on|https?://(?!panel\.test)",
            page.replace("http://www.w3.org/2000/svg", ""),
        ), path
        assert all("nonce=" in tag or "src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_a_failure_shows_only_a_reference(broken: Browser) -> None:
    answer = broken.get("/failing/boom")
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("conflict", 409, "It is locked."),
        ("missing", 404, "No such thing."),
        ("denied", 403, "Not for you."),
        ("input", 422, "Some fields"),
        ("404", 404, "Page not found"),
        ("403", 403, "have access to this page"),
        ("429", 429, "Too many attempts"),
        ("503", 503, "Temporarily unavailable"),
        ("405", 405, "Method not allowed"),
        ("418", 418, "Invalid request"),
    ],
)
def test_each_error_has_its_page(broken: Browser, name: str, code: int, text: str) -> None:
    answer = broken.get(f"/failing/{name}")
    assert answer.status_code == code
    assert text in answer.text
    assert "</html>" in answer.text


def test_errors_as_json(broken: Browser) -> None:
    answer = broken.get("/failing/input", headers={"Accept": "application/json"})
    assert answer.json == {
        "status": "error",
        "message": "Some fields are invalid.",
        "code": 422,
        "errors": {"name": ["Too long."]},
    }
    boom = broken.get("/failing/boom", headers={"Accept": "application/json"})
    assert boom.json is not None
    assert boom.json["reference"] == boom.headers["X-Request-ID"]
    assert SECRET not in boom.text


def test_an_unknown_url(visitor: Browser) -> None:
    assert visitor.get("/nowhere").status_code == 404
    assert visitor.get("/admin/nowhere").status_code == 404
    assert visitor.http.put("/").status_code == 405
