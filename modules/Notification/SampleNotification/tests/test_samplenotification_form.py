"""Validation of the settings: each channel requires its own fields only."""

import pytest

from modules.Notification.SampleNotification.forms import SettingsForm
from puqpanel.sdk import forms

WEB = {"channel": "webhook", "url": "https://chat.example/hook"}
MAIL = {
    "channel": "smtp",
    "server": "mail.example",
    "email": "panel@firm.example",
    "port": "25",
    "encryption": "none",
}


@pytest.mark.parametrize(
    ("data", "invalid"),
    [
        (WEB, set()),
        (MAIL, set()),
        (WEB | {"url": ""}, {"url"}),
        (WEB | {"url": "chat"}, {"url"}),
        (WEB | {"email": "nobody"}, {"email"}),
        (MAIL | {"server": "", "email": ""}, {"server", "email"}),
        (MAIL | {"port": "70000"}, {"port"}),
        (MAIL | {"encryption": "rot13"}, {"encryption"}),
        ({"channel": "pigeon"}, {"channel"}),
    ],
)
def test_settings(data: dict[str, str], invalid: set[str]) -> None:
    assert set(forms.save(SettingsForm, {"encryption": "tls", **data}).get("errors", {})) == invalid
