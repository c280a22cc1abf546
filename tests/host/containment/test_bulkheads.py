"""Requests that wait for one module leave threads for others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from puqpanel.app import Panel, connect
from puqpanel.host import calls, registry
from puqpanel.host.containment import bulkheads
from puqpanel.infra.settings import Settings
from puqpanel.models import Task
from tests.sample import write_module

SOURCE = """
from puqpanel.sdk import Plugin

class {name}(Plugin):
    waiting = None
    def answer(self):
        return "here"
    def fail(self):
        raise SystemExit(3)
    def nested(self, invoke):
        return invoke()
    def wait(self, arrived, leave):
        arrived.release()
        leave.wait(30)
        return "done"
"""


@pytest.fixture
def modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panel: Panel
) -> Iterator[registry.Registry]:
    for name in ("Slow", "Quick"):
        write_module(tmp_path / "modules", SOURCE.format(name=name), type="Plugin", name=name)
    monkeypatch.setattr(bulkheads, "_most", 2)
    found = registry.load(
        tmp_path / "modules", [("Plugin", name, "1.0.0") for name in ("Slow", "Quick")]
    )
    yield found
    registry.dispose(found)


def test_a_full_bulkhead_refuses_at_once_and_only_its_module(
    panel: Panel, modules: registry.Registry
) -> None:
    slow, quick = modules.modules["Plugin/Slow"], modules.modules["Plugin/Quick"]
    arrived, leave = threading.Semaphore(0), threading.Event()

    def wait() -> calls.Called:
        with panel.app_context():
            return calls.invoke(calls.Call(slow, "wait", (arrived, leave)))

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(wait) for _ in range(2)]
        for _ in waiting:
            assert arrived.acquire(timeout=30)
        called = calls.invoke(calls.Call(slow, "answer"))
        assert (called.busy, called.result.code) == (True, 503)
        assert "is responding slowly" in called.error
        assert calls.invoke(calls.Call(quick, "answer")).value == "here"
        task = Task(id=1, attempt=1, data={})
        assert calls.invoke(calls.Call(slow, "answer", task=task)).value == "here", (
            "tasks have limits of their own"
        )
        leave.set()
        assert [call.result().value for call in waiting] == ["done"] * 2
    assert calls.invoke(calls.Call(slow, "answer")).value == "here"
    assert not any(bulkheads._running.values())


def test_a_burst_of_quick_calls_is_not_refused(
    panel: Panel, modules: registry.Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkheads, "WAIT_SECONDS", 30)
    slow = modules.modules["Plugin/Slow"]
    arrived, leave = threading.Semaphore(0), threading.Event()

    def wait() -> calls.Called:
        with panel.app_context():
            return calls.invoke(calls.Call(slow, "wait", (arrived, leave)))

    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(wait) for _ in range(3)]
        for _ in range(2):
            assert arrived.acquire(timeout=30)
        while not bulkheads._waiting:
            pass
        assert calls.invoke(calls.Call(slow, "answer")).busy, "one waits already"
        leave.set()
        assert [call.result().value for call in waiting] == ["done"] * 3
    assert not bulkheads._waiting


def test_calls_inside_a_call_of_the_module_are_not_counted(modules: registry.Registry) -> None:
    slow = modules.modules["Plugin/Slow"]

    def inner() -> str:
        return str(calls.invoke(calls.Call(slow, "answer")).value)

    def middle() -> str:
        return str(calls.invoke(calls.Call(slow, "nested", (inner,))).value)

    assert calls.invoke(calls.Call(slow, "nested", (middle,))).value == "here"


def test_a_failing_call_frees_its_place(modules: registry.Registry) -> None:
    slow = modules.modules["Plugin/Slow"]
    for _ in range(4):
        assert calls.invoke(calls.Call(slow, "fail")).raised
    assert calls.invoke(calls.Call(slow, "answer")).value == "here"


def test_half_of_the_threads_may_run_a_module(settings: Settings) -> None:
    before = bulkheads._most
    try:
        connect(replace(settings, web_threads=6))
        assert bulkheads._most == 3
    finally:
        bulkheads.limit(before)
