"""Masking of given secrets, and by field name."""

from __future__ import annotations

import pytest

from puqpanel.infra.redact import (
    MASK,
    MAX_LENGTH,
    mask_secrets,
    redact,
    redact_message,
    redact_text,
)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("the key is swordfish, swordfish!", f"the key is {MASK}, {MASK}!"),
        ("PUT https://cloud.test/swordfish/accounts", "PUT https://cloud.test/swordfish/accounts"),
        ("GET http://swordfish:80/a?key=swordfish", f"GET http://swordfish:80/a?key={MASK}"),
        ("https://admin:swordfish@cloud.test/a", f"https://admin:{MASK}@cloud.test/a"),
        ("swordfish-long before swordfish", f"{MASK} before {MASK}"),
        ("panel and pass", "panel and pass"),
    ],
)
def test_given_secrets_are_masked_except_in_urls(text: str, masked: str) -> None:
    assert mask_secrets(text, ["panel", "pass", "swordfish", "swordfish-long", ""]) == masked


def test_a_password_after_many_spaces_is_masked() -> None:
    assert redact_text(f"password:{' ' * 50_000}hunter2;") == f"password:{' ' * 50_000}{MASK};"
    assert len(redact_text("a" * 10_000_000)) == MAX_LENGTH
    assert str(redact_message("a" * 10_000_000, 4000)) == "a" * 4000


def test_short_values_are_masked_by_field_name() -> None:
    assert redact({"password": "a", "name": "a"}) == {"password": MASK, "name": "a"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", f"Authorization: Basic {MASK}"),
        ('{"authorization": "basic abcdefgh"}', f'{{"authorization": "basic {MASK}"}}'),
        ("sent Basic dXNlcjpwYXNz", f"sent Basic {MASK}"),
        ("sent BASIC dXNlcjpwYXNz", f"sent BASIC {MASK}"),
        ("Basic QUJDREVG", f"Basic {MASK}"),
        ("Bearer abcdefgh", f"Bearer {MASK}"),
        ("Product Cloud Basic saved.", "Product Cloud Basic saved."),
        ("Basic Enterprise is a basic requirement", "Basic Enterprise is a basic requirement"),
    ],
)
def test_credentials_are_masked_but_not_names_of_products(text: str, masked: str) -> None:
    assert redact_text(text) == masked
