"""A module is loaded in a process of its own: forked, or started if there are other threads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from puqpanel.app import Panel
from puqpanel.host import probe
from puqpanel.infra import crypto
from tests.sample import write_module

PLUGIN = """
    {before}
    from puqpanel.sdk import Plugin

    class Echo(Plugin):
        pass
"""


@pytest.fixture(params=["forked", "started"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to make the process, whatever threads earlier tests left."""
    monkeypatch.setattr(probe, "_may_fork", lambda: request.param == "forked")


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("", ""),
        ("print('x' * 200_000)", ""),
        ("import os; os.close(1); os._exit(3)", "(exit code 3)"),
        ("import os; os.abort()", "(signal 6)"),
        ("raise ValueError('away')", "ValueError: away"),
        ("import sys; sys.exit(0)", "SystemExit"),
        ("import subprocess; subprocess.Popen(['sleep', '60'])", ""),
        ("import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()", ""),
    ],
)
def test_what_a_module_does_at_import_ends_only_that_process(
    tmp_path: Path, before: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 120.0)  # the machine may be busy
    folder = write_module(tmp_path, PLUGIN.format(before=before), type="Plugin")
    refusal = probe.probe(folder, "Plugin", "Echo")
    if said:
        assert said in refusal
    else:
        assert refusal == ""


@pytest.mark.usefixtures("ways")
def test_it_is_loaded_without_the_keys_of_this_process(tmp_path: Path, panel: Panel) -> None:
    before = "from puqpanel.sdk import encrypt; encrypt('x')"
    folder = write_module(tmp_path, PLUGIN.format(before=before), type="Plugin")
    assert "keys have not been loaded" in probe.probe(folder, "Plugin", "Echo")
    assert crypto.decrypt(crypto.encrypt("y")) == "y"


@pytest.mark.usefixtures("ways")
def test_an_interruption_ends_it_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    asked: list[float] = []
    end = probe._end
    monkeypatch.setattr(probe, "_read", interrupt)
    monkeypatch.setattr(probe, "_end", lambda pid, until: (asked.append(until), end(pid, until))[1])
    folder = write_module(tmp_path, PLUGIN.format(before="import time; time.sleep(300)"))
    with pytest.raises(KeyboardInterrupt):
        probe.probe(folder, "Product", "Echo")
    assert asked == [0.0]


@pytest.mark.usefixtures("ways")
def test_a_module_that_never_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "TIMEOUT_SECONDS", 1.0)
    before = "import os, time; os.close(1); time.sleep(300)"
    folder = write_module(tmp_path, PLUGIN.format(before=before), type="Plugin")
    pids: list[int] = []
    start = probe._start
    monkeypatch.setattr(
        probe, "_start", lambda *given: (pids.append((pair := start(*given))[0]), pair)[1]
    )
    assert probe.probe(folder, "Plugin", "Echo")
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
