"""Whatever a module gives to the log is masked, cut and stored, and never breaks the module."""

from __future__ import annotations

import time
from typing import Any

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.host import logs
from puqpanel.host.contract.base import ModuleBase
from puqpanel.infra.db import session
from puqpanel.models import ModuleLog


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
        (None, ""), ("", ""), ([], ""), ({}, ""), ("plain", "plain"), ("api_key=abcdef&x=1", "api_key=•••&x=1"), ({"password": "p", "n": 1}, '{\n "password": "•••",\n "n": 1\n}'),
        (ValueError("token: abc"), "ValueError: token: •••"), (b"bytes", '"(5 bytes)"'), ("nul\x00", "nul�"),
    ],
)
def test_as_text(value: Any, text: str) -> None:
    assert logs.as_text(value) == text


@pytest.mark.parametrize("value", ["x" * 50_000_000, "Bearer " * 50_000, "<" * 200_000, "://" * 60_000, "token" * 40_000, {"a": ["y" * 100_000] * 100_000}, LOOP, DEEP, {"k" * 1000: {1, 2}}, ["ż" * 70_000]], ids=lambda value: type(value).__name__)
def test_large_round_and_deep(value: Any) -> None:
    started = time.monotonic()
    text = logs.as_text(value)
    assert len(text.encode()) <= logs.LIMIT
    assert time.monotonic() - started < 5


def test_a_row_and_no_row(panel: Panel) -> None:
    module = ModuleBase()
    module.log_info("a" * 500, {"x": 1})
    module.log_error("bad", Nasty(), Nasty())
    module.log_debug("debug")
    rows = session().scalars(sa.select(ModuleLog).order_by(ModuleLog.id)).all()
    assert (rows[0].level, len(rows[0].action)) == ("info", 200)
    assert rows[-1].level == "debug"


def test_without_a_panel_nothing_breaks() -> None:
    ModuleBase().log_info("alone", {"password": "p"})
