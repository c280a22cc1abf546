"""Which new passwords are accepted, and how they are compared."""

from __future__ import annotations

import subprocess
import sys

import pytest

from puqpanel.app import Panel
from puqpanel.domain.errors import InvalidInput
from puqpanel.domain.principals import AUTOMATION
from puqpanel.operations.accounts import passwords
from puqpanel.operations.system import settings


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short one", "at least 10"),
        ("x" * 100 + "y" * 157, "at most 256"),
        ("Password123", "too common"),
        (" " * 10, "too common"),
        ("aAaAaAaAaAaA", "too common"),
        ("1212121212", "too common"),
        ("P@ssw0rd2024!", "too common"),
        ("$3cret12345", "too common"),
        ("dragondragon", "too common"),
        ("ｐａｓｓｗｏｒｄ１２", "too common"),
        ("Pąsswórd!!!", "too common"),
        ("!Qwertyuiop", "too common"),
        ("zyxwvutsrq", "too common"),
        ("9876543210", "too common"),
        ("1l0vey0u2024", "too common"),
        ("AnnaBerg1985", "without the person"),
        ("grebanna-99", "without the person"),
        ("anna.berg@example.test", "without the person"),
        ("Lumen2026!!!", "without the person"),
        ("lum3n-ateli3r", "without the person"),
        ("Łumen-password", "without the person"),
        ("a long\0enough one", "control characters"),
        ("a long\nenough one", "control characters"),
        ("a long \ud800 one", "control characters"),
    ],
)
def test_weak_passwords_are_refused(panel: Panel, password: str, reason: str) -> None:
    settings.save(actor=AUTOMATION, values={"firm.name": "Lumen Atelier"})
    with pytest.raises(InvalidInput) as refused:
        passwords.check_password(password, about=("Anna Berg", "anna.berg@example.test"))
    assert reason in str(refused.value.errors["password"][0])


@pytest.mark.parametrize(
    "password",
    [
        "a long enough one",
        "anna likes night trains",
        "correct horse battery",
        "x9$Lq!27vb",
        "żółw-i-mrówka",
    ],
)
def test_other_passwords_are_accepted(panel: Panel, password: str) -> None:
    passwords.check_password(password, about=("Anna Berg", "anna.berg@example.test"))


def test_text_that_cannot_be_encoded_does_not_match() -> None:
    assert not passwords.matches(passwords.hash_password("a long enough one"), "\ud800 long one")


def test_a_longer_password_with_the_same_beginning_does_not_match(panel: Panel) -> None:
    longest = "long password " * 18 + "end."
    assert len(longest) == passwords.LONGEST
    passwords.check_password(longest)
    hashed = passwords.hash_password(longest)
    assert passwords.matches(hashed, longest)
    assert not passwords.matches(hashed, longest + "x")
    assert not passwords.matches(None, longest)


def test_a_hash_is_as_costly_as_argon2_recommends() -> None:
    """In a process of its own, because this one uses a cheap hash."""
    source = "from puqpanel.operations.accounts import passwords as p; print(p.hash_password('x'))"
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
