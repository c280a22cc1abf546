"""Smaller SDK tools: passwords, encryption, texts, timestamps, and the names of compat."""

from __future__ import annotations

import string
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puqpanel import sdk
from puqpanel.host.contract.names import IMPORTS, python_name
from puqpanel.infra.crypto import KeyFileError
from puqpanel.sdk import __, compat, decrypt, encrypt, now, strip_tags
from puqpanel.sdk.compat import Crypt, generateStrongPassword, version_compare
from puqpanel.sdk.compat.query import Query
from puqpanel.sdk.passwords import SYMBOLS


@given(st.integers(4, 200))
def test_strong_passwords(length: int) -> None:
    password = generateStrongPassword(length)
    assert len(password) == length
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, SYMBOLS):
        assert set(password) & set(kind)


def test_password_length_limits() -> None:
    assert len(generateStrongPassword(1)) == 1
    assert len({generateStrongPassword(10) for _ in range(200)}) == 200
    for length in (0, -1, 5000, True):
        with pytest.raises(ValueError, match="1 to 1024"):
            generateStrongPassword(length)


def test_encryption_round_trip(keys_dir: Path) -> None:
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
    [
        ("<b>bold</b> text", "bold text"),
        ("a < b", "a < b"),
        ("<script>x</script>", "x"),
        ("<!-- c -->x", "x"),
        ("x <a href='", "x "),
        ("&lt;b&gt;", "&lt;b&gt;"),
        (5, 5),
        (None, None),
    ],
)
def test_strip_tags(text: object, plain: object) -> None:
    assert strip_tags(text) == plain


def test_texts_timestamps_and_versions() -> None:
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


def test_everything_in_all_exists() -> None:
    for name in sdk.__all__:
        assert hasattr(sdk, name)
    assert sdk.generateStrongPassword is sdk.generate_strong_password
    assert sdk.ExternalServiceException is sdk.ExternalServiceError


TEXTS = {
    "Blueprint": (
        "id uuid string text integer boolean json enum ipAddress timestamp timestamps foreignId"
        " foreign index"
    ),
    "Cache": "remember tags put flush get forget",
    "Client": "request get post",
    "Controller": "",
    "Crypt": "encryptString decryptString",
    "DB": "table transaction",
    "Event": "dispatch",
    "ExternalServiceException": "getMessage",
    "GuzzleException": "getMessage getCode",
    "InvalidArgumentException": "",
    "JsonResponse": "",
    "Mail": "mailer send",
    "Model": "where first",
    "Notification": "getModuleData getSettingsPage send",
    "NotificationMail": "",
    "Payment": (
        "getModuleData getSettingsPage getClientAreaHtml getReturnUrl getCancelUrl onPaymentSuccess"
        " onPaymentFailed refund"
    ),
    "Plugin": (
        "activate deactivate update view config logInfo logError logDebug adminPermissions"
        " adminSidebar adminWebRoutes adminApiRoutes getCurrentVersion"
    ),
    "Product": (
        "getProductData saveProductData getProductPage getServiceData saveServiceData"
        " getServicePage create suspend unsuspend termination change_package"
        " getClientAreaMenuConfig setServiceUuid view config"
    ),
    "Request": "all",
    "Response": "",
    "Schema": "create table hasTable dropIfExists",
    "Service": "find with_ chunk setProvisionStatus setProvisionData",
    "Task": "add",
    "ValidationException": "getMessage",
    "Validator": "make fails errors",
    "View": "",
    "abort": "",
    "auth": "id",
    "decrypt": "",
    "encrypt": "",
    "generateStrongPassword": "",
    "logModule": "",
    "now": "",
    "response": "json",
    "version_compare": "",
    "view_admin_module": "",
}


@pytest.mark.parametrize("name", TEXTS)
def test_documented_imports_and_methods(name: str) -> None:
    home = sdk if name in sdk.__all__ else compat
    found = getattr(home, name)
    assert name in home.__all__
    missing = [method for method in TEXTS[name].split() if not hasattr(found, method)]
    assert missing == []
    plain = [
        python_name(method)
        for method in TEXTS[name].split()
        if not hasattr(found, python_name(method))
    ]
    assert plain == [], "and in Python's spelling"


def test_vendor_methods_of_results() -> None:
    moment: Any = now()
    for name in ("toISOString", "toDateTimeString", "addDays"):
        assert callable(getattr(moment, name)) and callable(getattr(moment, python_name(name)))
    answer: Any = sdk.http.Answer(True, 200, text="{}")
    assert (answer.getStatusCode(), answer.getBody().getContents(), str(answer.getBody())) == (
        200,
        "{}",
        "{}",
    )
    assert all(
        hasattr(Query, name)
        for name in ("where", "first", "get", "insert", "update", "insertGetId", "insert_get_id")
    )


@pytest.mark.parametrize("name", compat.__all__)
def test_names_of_compat_are_found_in_the_sdk(name: str) -> None:
    assert getattr(sdk, name) is getattr(compat, name)


def test_other_names_are_not_found() -> None:
    assert set(sdk.__all__).isdisjoint(compat.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'GuzzleClient'"):
        sdk.GuzzleClient  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'fence'"):
        from puqpanel.sdk import fence  # type: ignore[attr-defined]  # noqa: F401


def test_import_table_is_complete() -> None:
    assert set(IMPORTS.values()) <= {*sdk.__all__, *compat.__all__}
    assert all(path.rpartition("\\")[2] == name for path, name in IMPORTS.items())
    assert {name for name in TEXTS if name[0].isupper()} == set(IMPORTS.values())
