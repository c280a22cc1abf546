"""Whatever a module gives to the log is masked, cut and stored, and never breaks the module."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.host import calls, logs
from puqpanel.host.loader import load_module, unload
from puqpanel.infra.db import session
from puqpanel.models import ModuleLog
from puqpanel.sdk.module import Module
from tests.sample import write_module


class Nasty:
    def __str__(self) -> str:
        raise RuntimeError("no text")


LOOP: dict[str, Any] = {"a": 1}
LOOP["self"] = LOOP
DEEP: Any = "x"
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("", ""),
        ([], ""),
        ({}, ""),
        ("plain", "plain"),
        ("api_key=abcdef&x=1", "api_key=•••&x=1"),
        ({"password": "p", "n": 1}, '{\n "password": "•••",\n "n": 1\n}'),
        (ValueError("token: abc"), "ValueError: token: •••"),
        (b"bytes", '"(5 bytes)"'),
        ("nul\x00", "nul�"),
    ],
)
def test_as_text(value: Any, text: str) -> None:
    assert logs.as_text(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "x" * 50_000_000,
        "Bearer " * 50_000,
        "<" * 200_000,
        "://" * 60_000,
        "token" * 40_000,
        {"a": ["y" * 100_000] * 100_000},
        LOOP,
        DEEP,
        {"k" * 1000: {1, 2}},
        ["ż" * 70_000],
    ],
    ids=lambda value: type(value).__name__,
)
def test_large_round_and_deep(value: Any) -> None:
    started = time.monotonic()
    text = logs.as_text(value)
    assert len(text.encode()) <= logs.MAX_BYTES
    assert time.monotonic() - started < 5


def test_a_row_and_no_row(panel: Panel) -> None:
    module = Module()
    module.log_info("a" * 500, {"x": 1})
    module.log_error("bad", Nasty(), Nasty())
    module.log_debug("debug")
    rows = session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id)).all()
    assert (rows[0].level, len(rows[0].action)) == ("info", 200)
    assert rows[-1].level == "debug"


def test_without_a_panel_nothing_breaks() -> None:
    Module().log_info("alone", {"password": "p"})


MB = 1024 * 1024
LARGE: dict[str, Any] = {
    "text": lambda: "x" * (50 * MB),
    "wide text": lambda: "ż" * (25 * MB),
    "bytes": lambda: b"x" * (50 * MB),
    "json": lambda: '{"token": "' + "x" * (50 * MB) + '"}',
    "list": lambda: ["x" * 1000] * 50_000,
    "one field": lambda: {"body": "x" * (50 * MB)},
    "many fields": lambda: {f"field_{n}": "x" * 100 for n in range(200_000)},
    "pairs": lambda: [[n, str(n)] for n in range(200_000)],
    "error": lambda: ValueError("x" * (50 * MB)),
    "long key": lambda: {"k" * (50 * MB): 1},
    "set": lambda: set(range(500_000)),
    "nested": lambda: {"a": {"b": [{"c": "x" * (50 * MB)}]}},
}


@pytest.mark.parametrize("shape", LARGE)
def test_fifty_megabytes_cost_little(panel: Panel, shape: str) -> None:
    payload = LARGE[shape]()
    module = Module()
    module.log_info("before")
    tracemalloc.start()
    try:
        module.log_info("large", payload, payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MB, f"{peak / MB:.1f} MB were needed to log it"
    row = session().scalars(sa.select(ModuleLog).where(ModuleLog.action == "large")).one()
    assert 0 < len(row.request.encode()) <= logs.MAX_BYTES
    assert row.request == row.response


NOISY = """
from puqpanel.sdk import Product


class Echo(Product):
    def loud(self):
        self.log_debug("x" * 50_000_000, {"body": "y" * 50_000_000}, "z" * 50_000_000)
        return {"status": "success"}

    def broken(self):
        raise ValueError("x" * 50_000_000)
"""


def test_a_loud_call_goes_on(panel: Panel, tmp_path: Path) -> None:
    loaded = load_module(write_module(tmp_path, NOISY), "Product", "Echo")
    assert calls.invoke(calls.Call(loaded, "loud")).result.ok
    failed = calls.invoke(calls.Call(loaded, "broken"))
    assert failed.raised and "ValueError" in failed.error
    assert len(failed.error) < 2000
    rows = session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id)).all()
    assert [row.level for row in rows] == ["debug", "error"]
    assert all(
        len(text.encode()) <= logs.MAX_BYTES
        for row in rows
        for text in (row.action, row.request, row.response)
    )
    unload(loaded.package)
