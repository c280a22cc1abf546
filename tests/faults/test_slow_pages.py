"""A module that hangs in pages holds up some processes and never all: the last one refuses to
wait for it and serves everybody else.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from puqpanel.host import calls, registry
from puqpanel.host.containment import crash_markers
from puqpanel.infra.settings import ROOT
from tests.sample import write_module

SOURCE = (
    "from puqpanel.sdk import Plugin\n\nclass {name}(Plugin):\n    def answer(self):\n       "
    " return 'here'\n"
)
HANGS = """
import sys, time
from pathlib import Path
from puqpanel.host.containment import crash_markers
crash_markers.open_marker(Path(sys.argv[1]))
with crash_markers.marked("Plugin/Slow page()"):
    print("waiting", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panel: object
) -> Iterator[registry.Registry]:
    for name in ("Slow", "Quick"):
        write_module(tmp_path / "modules", SOURCE.format(name=name), type="Plugin", name=name)
    monkeypatch.setattr(crash_markers, "_pages", {})
    monkeypatch.setattr(crash_markers, "_folders", {})
    monkeypatch.setattr(calls, "SLOW_SECONDS", 0.05)
    monkeypatch.setitem(calls._limits, "slow_processes", 1)
    crash_markers.open_marker(tmp_path / "run")
    found = registry.load(
        tmp_path / "modules", [("Plugin", name, "1.0.0") for name in ("Slow", "Quick")]
    )
    yield found
    registry.dispose(found)


def test_a_second_process_does_not_wait_for_it_too(slow: registry.Registry, tmp_path: Path) -> None:
    modules = slow.modules
    assert calls.invoke(calls.Call(modules["Plugin/Slow"], "answer")).value == "here"
    hanging = subprocess.Popen(
        [sys.executable, "-c", HANGS, str(tmp_path / "run")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert hanging.stdout is not None and hanging.stdout.readline() == b"waiting\n"
        while crash_markers.count_others("Plugin/Slow ", calls.SLOW_SECONDS) < 1:
            pass
        called = calls.invoke(calls.Call(modules["Plugin/Slow"], "answer"))
        assert (called.result.code, "is responding slowly" in called.error) == (503, True)
        assert calls.invoke(calls.Call(modules["Plugin/Quick"], "answer")).value == "here"
    finally:
        hanging.kill()
        hanging.communicate()
    assert calls.invoke(calls.Call(modules["Plugin/Slow"], "answer")).value == "here", (
        "the dead wait for nothing"
    )
    assert crash_markers.collect(tmp_path / "run") == ["Plugin/Slow page()"]
