"""Validation of the settings."""

from __future__ import annotations

import pytest

from modules.Payment.PuqStripe.forms import SettingsForm
from modules.Payment.PuqStripe.tests.gateway import Gateway
from modules.Payment.PuqStripe.tests.stripe_server import SETTINGS
from puqpanel.sdk import forms
from puqpanel.sdk.testing import pages

LIVE = "sk_live_51Seed"


@pytest.mark.parametrize(
    ("changed", "invalid", "said"),
    [
        ({}, "", ""),
        ({"secret_key": "rk_test_abc"}, "", ""),
        ({"secret_key": LIVE, "sandbox": False}, "", ""),
        ({"secret_key": f" {LIVE}\n", "sandbox": False}, "", ""),
        ({"secret_key": LIVE}, "secret_key", "live key"),
        ({"sandbox": False}, "secret_key", "test key"),
        ({"secret_key": "pk_test_abc"}, "secret_key", "publishable"),
        ({"secret_key": "whsec_abc"}, "secret_key", "not a secret key"),
        ({"secret_key": ""}, "secret_key", ""),
        ({"webhook_secret": "sk_test_abc"}, "webhook_secret", "whsec_"),
        ({"webhook_secret": ""}, "webhook_secret", ""),
        ({"previous_webhook_secret": ""}, "", ""),
        ({"previous_webhook_secret": "abc"}, "previous_webhook_secret", "whsec_"),
    ],
)
def test_settings(changed: dict[str, object], invalid: str, said: str) -> None:
    errors = forms.save(SettingsForm, {**SETTINGS, **changed}).get("errors", {})
    assert set(errors) == ({invalid} if invalid else set())
    assert said in " ".join(errors.get(invalid, []))


def test_a_kept_key_of_the_other_mode_is_refused() -> None:
    blank = {"sandbox": False, "secret_key": "", "webhook_secret": ""}
    assert "secret_key" in forms.save(SettingsForm, blank, SETTINGS)["errors"]
    assert forms.save(SettingsForm, blank | {"sandbox": True}, SETTINGS)["status"] == "success"


def test_the_page_lists_the_events_and_no_secret(gateway: Gateway) -> None:
    with pages(gateway.lab) as panel, panel.app.test_request_context():
        page = gateway.value("get_settings_page")
    assert "<dl" in page
    assert "checkout.session.async_payment_failed" in page
    assert "2026-10-28.endive" in page
    assert "/webhooks/Payment/PuqStripe" not in page  # the panel shows it beside the settings
    assert not [value for value in SETTINGS.values() if str(value) in page and value is not True]
