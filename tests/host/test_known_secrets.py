"""Secrets that a call can read are masked in all it leaves behind, whatever form they have."""

from __future__ import annotations

import base64
import html
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import markupsafe
import pytest
import requests
import sqlalchemy as sa
from jinja2.utils import htmlsafe_json_dumps

from puqpanel.app import Panel
from puqpanel.host import calls, registry
from puqpanel.infra import known_secrets, redact
from puqpanel.infra.crypto import EncryptedJSON, EncryptedText
from puqpanel.infra.db import session
from puqpanel.jobs.modules import outcome_of
from puqpanel.models import ModuleLog, Task
from puqpanel.sdk import decrypt, encrypt
from tests.sample import write_module

SECRET = """zażółć&"plain's words/42+ż"""
RAW = SECRET.encode()
FORMS = [
    SECRET,
    quote(SECRET),
    quote(SECRET).lower(),
    quote(SECRET, safe=""),
    quote(SECRET, safe="!'()*"),
    quote_plus(SECRET),
    requests.Request("GET", "https://x.example", params={"q": SECRET}).prepare().url.split("=")[1],
    requests.Request("GET", f"https://x.example/{SECRET}").prepare().url.split("e/")[1],
    json.dumps(SECRET)[1:-1],
    json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    re.sub("u0[0-9a-f]{3}", lambda found: "u" + found[0][1:].upper(), json.dumps(SECRET)[1:-1]),
    json.dumps(SECRET)[1:-1].replace("&", "\\u0026"),
    str(htmlsafe_json_dumps(SECRET))[1:-1],
    json.dumps(SECRET, ensure_ascii=False)[1:-1],
    repr(SECRET)[1:-1],
    html.escape(SECRET),
    html.escape(SECRET, quote=False),
    str(markupsafe.escape(SECRET)),
    base64.b64encode(RAW).decode().rstrip("="),
    base64.urlsafe_b64encode(RAW).decode().rstrip("="),
]
SOURCE = """
from puqpanel.sdk import Payment, Result, forms

class SettingsForm(forms.Form):
    phrase = forms.SecretField("Phrase")

class Pay(Payment):
    SettingsForm = SettingsForm

    def leak(self, text):
        self.log_info("leak", {"said": text}, f"so: {text}")
        return Result.error(f"refused: {text}", data={"said": [text]})

    def fail(self, text):
        raise ValueError(f"no: {text}")

    def make(self, text):
        self.module_data["api_key"] = text
        return Result.success("made", data={"said": text})

    def make_and_fail(self, text):
        self.module_data["api_key"] = text
        raise ValueError(f"made {text}")
"""


@pytest.fixture
def module(tmp_path: Path, panel: Panel) -> Iterator[Any]:
    write_module(tmp_path / "modules", SOURCE, type="Payment", name="Pay")
    found = registry.load(tmp_path / "modules", [("Payment", "Pay", "1.0.0")])
    yield found.modules["Payment/Pay"]
    registry.dispose(found)


def invoke(module: Any, method: str, text: str, **data: str) -> calls.Called:
    return calls.invoke(calls.Call(module, method, (text,), stored={"module_data": data}))


@pytest.mark.parametrize("form", FORMS)
def test_a_declared_secret_is_masked_in_logs_and_outcomes(module: Any, form: str) -> None:
    called = invoke(module, "leak", form, phrase=SECRET)
    outcome = outcome_of(called, Task())
    failed = invoke(module, "fail", form, phrase=SECRET)
    with session() as current:
        rows = current.execute(sa.select(ModuleLog.request, ModuleLog.response)).all()
    assert len(rows) == 2
    for text in (
        called.result.message,
        str(outcome.message),
        json.dumps(outcome.output, ensure_ascii=False),
        failed.error,
        str(rows),
    ):
        assert form not in text and SECRET not in text


def test_a_generated_secret_is_masked_too(module: Any) -> None:
    outcome = outcome_of(invoke(module, "make", "made-of-words"), Task())
    assert "made-of-words" not in json.dumps(outcome.output)


def test_forms_are_read_once_for_all_calls_of_a_module(tmp_path: Path, panel: Panel) -> None:
    counting = """
READ = []

class Counting(type(forms.Form)):
    def __dir__(cls):
        READ.append(cls)
        return super().__dir__()

class SettingsForm(forms.Form, metaclass=Counting):"""
    source = SOURCE.replace("\nclass SettingsForm(forms.Form):", counting)
    write_module(tmp_path / "modules", source, type="Payment", name="Pay")
    found = registry.load(tmp_path / "modules", [("Payment", "Pay", "1.0.0")])
    module = found.modules["Payment/Pay"]
    read = sys.modules[module.cls.__module__].READ
    assert "•••" in invoke(module, "leak", SECRET, phrase=SECRET).result.message
    times = len(read)
    assert "•••" in invoke(module, "leak", SECRET, phrase=SECRET).result.message
    assert times and len(read) == times
    registry.dispose(found)


def test_short_values_other_fields_and_later_calls_are_not_masked(module: Any) -> None:
    assert invoke(module, "leak", "tiny", phrase="tiny").result.message == "refused: tiny"
    named = invoke(module, "leak", "visible-name", title="visible-name")
    assert named.result.message == "refused: visible-name"
    invoke(module, "leak", "x", phrase=SECRET)
    assert redact.redact_text(f"so: {SECRET}") == f"so: {SECRET}"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user-1:"])
@pytest.mark.parametrize("after", ["", "!", "!!", " and more"])
def test_base64_of_a_text_with_a_secret_is_masked(before: str, after: str) -> None:
    encoded = base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()
    with known_secrets.collecting([SECRET]):
        masked = known_secrets.mask_known(f"<{encoded}>")
    rest = masked.removeprefix("<").removesuffix(">").split("•••")
    assert len(rest) == 2
    # at most a partly determined character on each side besides the other text
    assert len(rest[0]) <= len(before) * 8 // 6 + 1
    assert len(rest[1].rstrip("=")) <= -(-len(after) * 8 // 6) + 1


def test_lines_of_a_private_key_are_masked() -> None:
    key = "-----BEGIN X-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\nEND\n"
    with known_secrets.collecting([key]):
        masked = redact.redact_text("read AQEFAASCBKcwggSjAgEAAoIB from the key\nEND")
    assert masked == "read ••• from the key\nEND"


def test_nested_secrets_and_numbers_are_found() -> None:
    data = {
        "servers": [{"name": "visible", "root_password": "first-one"}, {"pin": 123456}],
        "phrase": ["second-one", {"deep": "third-one"}],
        "token_set": True,
    }
    found = list(redact.named_secrets(data, ["phrase"]))
    assert found == ["first-one", "123456", "second-one", "third-one"]


def test_only_the_latest_of_many_secrets_are_kept() -> None:
    with known_secrets.collecting():
        known_secrets.learn(f"secret-{number}" for number in range(5000))
        assert known_secrets.mask_known("secret-4999 secret-1000") == "••• secret-1000"
        with known_secrets.collecting(["inner-one"]):
            assert known_secrets.mask_known("secret-4999 inner-one") == "••• •••"
        assert known_secrets.mask_known("inner-one") == "inner-one"
    assert known_secrets.mask_known("secret-4999") == "secret-4999"
    known_secrets.learn(["unheard"])
    assert known_secrets.collected() == ()


def test_encrypted_columns_and_tokens_are_learned(panel: Panel) -> None:
    dialect = session().get_bind().dialect
    text, data, written = EncryptedText(), EncryptedJSON(), EncryptedText()
    stored = text.process_bind_param("column-value", dialect)
    stored_data = data.process_bind_param({"a": {"api_key": "nested-key", "b": "shown"}}, dialect)
    token, both = encrypt("token-value"), encrypt({"password": "token-two", "name": "shown"})
    shown = "column-value nested-key token-value token-two new-value shown"
    with known_secrets.collecting():
        assert redact.redact_text(shown) == shown
        text.process_result_value(stored, dialect)
        data.process_result_value(stored_data, dialect)
        decrypt(token)
        decrypt(both)
        written.process_bind_param("new-value", dialect)
        assert redact.redact_text(shown) == "••• ••• ••• ••• ••• shown"


def test_a_secret_that_a_failed_call_generated_is_masked(module: Any) -> None:
    failed = invoke(module, "make_and_fail", "made-of-words")
    with session() as current:
        rows = current.execute(sa.select(ModuleLog.request, ModuleLog.response)).all()
    assert "made-of-words" not in failed.error + failed.result.message + str(rows)


@pytest.mark.parametrize(
    ("secret", "unit"),
    [
        ("a" * 4095 + "b", "a"),
        ("b" + "a" * 4095, "a"),
        ("ab" * 2000 + "c", "ab"),
        ("a" * 90 + "b", "a"),
        ("%" * 4000 + "x", "%25"),
        ("&" * 4000 + "x", "&amp;"),
        ("secret-b" * 20, "secret-a"),
    ],
)
def test_masking_of_known_secrets_takes_linear_time(secret: str, unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        begun = time.perf_counter()
        with known_secrets.collecting([secret, secret[1:], secret[:-1] + "d"]):
            known_secrets.mask_known(text)
        return time.perf_counter() - begun

    seconds(13_000)
    assert seconds(130_000) < 4 * 10 * max(min(seconds(13_000) for _ in range(3)), 0.005)


def test_the_latest_secrets_stay_known() -> None:
    with known_secrets.collecting():
        for number in range(3 * known_secrets.MOST):
            known_secrets.learn(["the-token-of-the-call", f"another-secret-{number}"])
        assert "the-token-of-the-call" in known_secrets.collected()
        assert len(known_secrets.collected()) == known_secrets.MOST
