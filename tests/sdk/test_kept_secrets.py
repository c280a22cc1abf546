"""A saved secret is never kept when the fields change that decide where it is sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from puqpanel.sdk import forms

SAVED: dict[str, Any] = {
    "title": "Main",
    "host": "cloud.example",
    "apiUrl": "https://cloud.example",
    "port": 443,
    "username": "admin",
    "verify_tls": True,
    "password": "saved-secret",
}
SUBMITTED = {
    "title": "Main",
    "host": "cloud.example",
    "apiUrl": "https://cloud.example",
    "port": "443",
    "username": "admin",
    "verify_tls": "y",
    "password": "",
}


class ServerForm(forms.Form):
    title = forms.StringField("Title")
    host = forms.StringField("Host")
    apiUrl = forms.StringField("API URL")
    port = forms.IntegerField("Port", default=443)
    username = forms.StringField("User name")
    verify_tls = forms.BooleanField("Verify the TLS certificate")
    password = forms.SecretField("Password", [forms.validators.InputRequired()])


class DeclaredForm(ServerForm):
    password = forms.SecretField("Password", sent_to=("title",))


class OldForm(ServerForm):
    password = forms.PasswordField("Password")


@pytest.mark.parametrize("form", [ServerForm, OldForm])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "evil.example"),
        ("apiUrl", "https://evil.example"),
        ("port", "8443"),
        ("username", "root"),
        ("verify_tls", None),
    ],
)
def test_a_changed_address_requires_the_secret_again(
    form: type[forms.Form], field: str, value: str | None
) -> None:
    submitted: dict[str, Any] = {**SUBMITTED, field: value}
    answer = forms.save(form, submitted, SAVED)
    assert answer["status"] == "error"
    assert "was changed" in answer["errors"]["password"][0]
    assert "saved-secret" not in str(answer)
    answer = forms.save(form, {**submitted, "password": "entered"}, SAVED)
    assert (answer["status"], answer["data"]["password"]) == ("success", "entered")


@pytest.mark.parametrize("changed", [{}, {"title": "Other"}, {"host": " cloud.example "}])
@pytest.mark.parametrize("saved", [SAVED, SimpleNamespace(**SAVED)])
def test_a_blank_secret_keeps_its_value_otherwise(changed: dict[str, str], saved: Any) -> None:
    answer = forms.save(ServerForm, {**SUBMITTED, **changed}, saved)
    assert (answer["status"], answer["data"]["password"]) == ("success", "saved-secret")


def test_a_field_that_was_never_saved_has_its_default() -> None:
    saved = {name: value for name, value in SAVED.items() if name != "port"}
    assert forms.save(ServerForm, SUBMITTED, saved)["status"] == "success"
    assert forms.save(ServerForm, {**SUBMITTED, "port": "8443"}, saved)["status"] == "error"


def test_a_form_declares_where_its_secret_is_sent() -> None:
    kept = forms.save(DeclaredForm, {**SUBMITTED, "host": "evil.example"}, SAVED)
    assert kept["data"]["password"] == "saved-secret"
    assert forms.save(DeclaredForm, {**SUBMITTED, "title": "Other"}, SAVED)["status"] == "error"
