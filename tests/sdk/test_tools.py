"""The smaller tools of the SDK: passwords, secrets, texts, moments, and both spellings of what is imported."""

from __future__ import annotations

import string
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puqpanel import sdk
from puqpanel.infra.crypto import KeyFileError
from puqpanel.sdk import Crypt, __, decrypt, encrypt, generateStrongPassword, now, strip_tags, version_compare
from puqpanel.sdk.passwords import SYMBOLS


@given(st.integers(4, 200))
def test_strong_passwords(length: int) -> None:
    password = generateStrongPassword(length)
    assert len(password) == length
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS):
        assert set(password) & set(kind)


def test_short_and_silly_passwords() -> None:
    assert len(generateStrongPassword(1)) == 1
    assert len({generateStrongPassword(10) for _ in range(200)}) == 200
    for length in (0, -1, 5000, True):
        with pytest.raises(ValueError, match="1 to 1024"):
            generateStrongPassword(length)


def test_secrets_open_again_and_do_not_show(keys_dir: Path) -> None:
    del keys_dir
    for value in ("hunter2", "", "ż", {"a": [1, None]}, 5, None):
        token = encrypt(value)
        assert "hunter2" not in token
        assert decrypt(token) == value
        assert type(decrypt(token)) is type(value)
    assert Crypt.decryptString(Crypt.encryptString("x")) == "x"  # type: ignore[attr-defined]
    with pytest.raises(KeyFileError):
        decrypt("nonsense")


@pytest.mark.parametrize(
    ("text", "plain"),
    [("<b>bold</b> text", "bold text"), ("a < b", "a < b"), ("<script>x</script>", "x"), ("<!-- c -->x", "x"), ("x <a href='", "x "), ("&lt;b&gt;", "&lt;b&gt;"), (5, 5), (None, None)],
)
def test_strip_tags(text: object, plain: object) -> None:
    assert strip_tags(text) == plain


def test_texts_moments_versions() -> None:
    assert __("Hello :name", {"name": "Ada"}) == "Hello Ada"
    moment = now()
    assert moment.tzinfo is UTC
    assert moment.toISOString().endswith("Z")  # type: ignore[attr-defined]
    assert moment.addDays(7) - moment == timedelta(days=7)  # type: ignore[attr-defined]
    assert type(moment.add_days(1).sub_days(1)) is type(moment)
    assert len(moment.toDateTimeString()) == 19  # type: ignore[attr-defined]
    assert version_compare("1.9", "1.10", "<")
    assert version_compare("1.0", "1.0.0") == 0
    assert version_compare("2", "1.9") == 1


def test_everything_named_is_there() -> None:
    for name in sdk.__all__:
        assert hasattr(sdk, name)
    assert sdk.generateStrongPassword is sdk.generate_strong_password
    assert sdk.ExternalServiceException is sdk.ExternalServiceError
