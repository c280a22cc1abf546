"""Which new passwords are accepted, and how they are compared."""

from __future__ import annotations

import pytest

from puqpanel.domain.errors import InvalidInput
from puqpanel.operations.accounts import passwords


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short one", "at least 10"),
        ("x" * 100 + "y" * 157, "at most 256"),
        ("Password123", "too common"),
        (" " * 10, "too common"),
        ("aAaAaAaAaAaA", "too common"),
        ("1212121212", "too common"),
    ],
)
def test_weak_passwords_are_refused(password: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        passwords.check_password(password)
    assert reason in str(refused.value.errors["password"][0])


def test_a_longer_password_with_the_same_beginning_does_not_match() -> None:
    longest = "long password " * 18 + "end."
    assert len(longest) == passwords.LONGEST
    passwords.check_password(longest)
    hashed = passwords.hash_password(longest)
    assert passwords.matches(hashed, longest)
    assert not passwords.matches(hashed, longest + "x")
    assert not passwords.matches(None, longest)
