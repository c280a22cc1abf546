"""Masking of given secrets, and by field name."""

from __future__ import annotations

import pytest

from puqpanel.infra.redact import MASK, mask_secrets, redact


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


def test_short_values_are_masked_by_field_name() -> None:
    assert redact({"password": "a", "name": "a"}) == {"password": MASK, "name": "a"}
