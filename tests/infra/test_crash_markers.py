"""Crash markers: a killed process leaves one, a process that exits normally does not."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from puqpanel.infra import crash_markers
from puqpanel.infra.settings import ROOT

PROCESS = """
import sys, threading, time
from pathlib import Path
from puqpanel.infra import crash_markers
crash_markers.keep(Path(sys.argv[1]))
def work():
    with crash_markers.during("Plugin/Slow loading"):
        print("now", flush=True)
        time.sleep(60)
if sys.argv[2] == "thread":
    threading.Thread(target=work, daemon=True).start()
    sys.stdin.readline()
else:
    work()
"""


@pytest.fixture(autouse=True)
def no_markers(tmp_path: Path) -> None:
    crash_markers.left_behind(tmp_path)


def run(folder: Path, mode: str) -> subprocess.Popen[bytes]:
    """Start a process that is marked as loading a module."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder), mode],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    return process


@pytest.mark.parametrize(
    ("number", "markers"),
    [
        (signal.SIGKILL, ["Plugin/Slow loading"]),
        (signal.SIGABRT, ["Plugin/Slow loading"]),
        (signal.SIGTERM, []),
        (signal.SIGINT, []),
    ],
)
def test_only_a_crash_leaves_a_marker(tmp_path: Path, number: int, markers: list[str]) -> None:
    process = run(tmp_path, "main")
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number
    assert crash_markers.left_behind(tmp_path) == markers


def test_a_normal_exit_with_a_running_thread_leaves_no_marker(tmp_path: Path) -> None:
    process = run(tmp_path, "thread")
    process.communicate(b"\n", timeout=30)
    assert process.returncode == 0
    assert crash_markers.left_behind(tmp_path) == []
