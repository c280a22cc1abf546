"""Secrets that a call can read are masked in all it leaves behind, whatever form they have."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.host import calls, registry
from puqpanel.infra import redact
from puqpanel.infra.db import session
from puqpanel.jobs.modules import outcome_of
from puqpanel.models import ModuleLog
from tests.sample import write_module

SECRET = 'zażółć&"plain words/42'
FORMS = [
    SECRET,
    quote(SECRET),
    quote(SECRET, safe=""),
    quote_plus(SECRET),
    json.dumps(SECRET)[1:-1],
    json.dumps(SECRET, ensure_ascii=False)[1:-1],
    html.escape(SECRET),
    base64.b64encode(SECRET.encode()).decode().rstrip("="),
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
    outcome = outcome_of(called)
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
    outcome = outcome_of(invoke(module, "make", "made-of-words"))
    assert "made-of-words" not in json.dumps(outcome.output)


def test_short_values_other_fields_and_later_calls_are_not_masked(module: Any) -> None:
    assert invoke(module, "leak", "tiny", phrase="tiny").result.message == "refused: tiny"
    named = invoke(module, "leak", "visible-name", title="visible-name")
    assert named.result.message == "refused: visible-name"
    invoke(module, "leak", "x", phrase=SECRET)
    assert redact.redact_text(f"so: {SECRET}") == f"so: {SECRET}"


def test_masking_of_known_secrets_takes_linear_time() -> None:
    def seconds(length: int) -> float:
        text = ("secret-a" * length)[:length]
        begun = time.perf_counter()
        with redact.knowing() as learn:
            learn(["secret-b" * 20, "secret-a-", "ecret-as" * 9])
            redact.redact_known(text)
        return time.perf_counter() - begun

    seconds(20_000)
    assert seconds(200_000) < 4 * 10 * max(seconds(20_000), 0.001)
