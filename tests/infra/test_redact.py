"""What is masked in logs, and what is left to be read."""

from __future__ import annotations

import pytest

from puqpanel.infra.redact import MASK, mask_secrets, redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the key is swordfish, swordfish!", f"the key is {MASK}, {MASK}!"),
        ("PUT https://cloud.test/swordfish/accounts", "PUT https://cloud.test/swordfish/accounts"),
        ("GET http://swordfish:80/a?key=swordfish", f"GET http://swordfish:80/a?key={MASK}"),
        ("https://admin:swordfish@cloud.test/a", f"https://admin:{MASK}@cloud.test/a"),
        ("swordfish-long before swordfish", f"{MASK} before {MASK}"),
        ("panel and pass", "panel and pass"),
    ],
)
def test_given_secrets(text: str, shown: str) -> None:
    assert mask_secrets(text, ["panel", "pass", "swordfish", "swordfish-long", ""]) == shown


def test_names_are_masked_however_short_what_they_hold() -> None:
    assert redact({"password": "a", "name": "a"}) == {"password": MASK, "name": "a"}
