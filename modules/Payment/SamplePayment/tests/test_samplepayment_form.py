"""Validation of the settings."""

import pytest

from modules.Payment.SamplePayment.forms import SettingsForm, is_valid_iban
from puqpanel.sdk import forms

VALID = {
    "holder": "Lumen",
    "iban": "DE89 3704 0044 0532 0130 00",
    "bic": "EXBKDEFF",
    "webhook_secret": "sixteen letters!",
}


def test_iban_is_saved_without_spaces() -> None:
    answer = forms.save(SettingsForm, VALID | {"iban": "de89 3704 0044 0532 0130 00"})
    assert answer["data"]["iban"] == "DE89370400440532013000"


@pytest.mark.parametrize(
    ("changed", "invalid"),
    [
        ({}, set()),
        ({"iban": "DE89 3704 0044 0532 0130 01"}, {"iban"}),
        ({"iban": "hello"}, {"iban"}),
        ({"holder": ""}, {"holder"}),
        ({"bic": "X"}, {"bic"}),
        ({"webhook_secret": "short"}, {"webhook_secret"}),
        ({"webhook_secret": ""}, {"webhook_secret"}),
        ({"bank_api": "ftp:"}, {"bank_api"}),
        ({"bank_api": "https://bank.example/api"}, set()),
    ],
)
def test_settings(changed: dict[str, str], invalid: set[str]) -> None:
    assert set(forms.save(SettingsForm, VALID | changed).get("errors", {})) == invalid


@pytest.mark.parametrize(
    "iban", ["PL61109010140000071219812874", "GB29NWBK60161331926819", "NO9386011117947"]
)
def test_foreign_ibans(iban: str) -> None:
    assert is_valid_iban(iban)
    assert not is_valid_iban(iban[:-1])
    assert not is_valid_iban(iban[:4] + iban[5:4:-1] + iban[6:])


def test_blank_secret_keeps_the_current_value() -> None:
    answer = forms.save(
        SettingsForm, VALID | {"webhook_secret": ""}, {"webhook_secret": "the stored one of long"}
    )
    assert answer["data"]["webhook_secret"] == "the stored one of long"
