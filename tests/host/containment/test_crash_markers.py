"""A killed process leaves its crash marker; one that exits normally leaves none."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from puqpanel.host.containment import crash_markers
from puqpanel.infra.settings import ROOT

PROCESS = """
import signal, sys, threading, time
# a shell may have started the tests with the signal ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from puqpanel.host.containment import crash_markers
crash_markers.open_marker(Path(sys.argv[1]))
def work():
    with crash_markers.marked("Plugin/Slow loading"):
        print("now", flush=True)
        time.sleep(60)
if sys.argv[2] == "thread":
    threading.Thread(target=work, daemon=True).start()
    sys.stdin.readline()
else:
    work()
"""


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path) -> None:
    crash_markers.collect(tmp_path)


def run(folder: Path, how: str) -> subprocess.Popen[bytes]:
    """A process in the middle of something."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(folder), how],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"now\n"
    return process


@pytest.mark.parametrize(
    ("number", "left"),
    [
        (signal.SIGKILL, [["Plugin/Slow loading"]]),
        (signal.SIGABRT, [["Plugin/Slow loading"]]),
        (signal.SIGTERM, []),
        (signal.SIGINT, []),
    ],
)
def test_who_is_told_to_end_blames_nobody(tmp_path: Path, number: int, left: list[str]) -> None:
    process = run(tmp_path, "main")
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number
    assert crash_markers.collect(tmp_path) == left


def test_what_was_given_up_is_not_blamed_at_the_end(tmp_path: Path) -> None:
    process = run(tmp_path, "thread")
    process.communicate(b"\n", timeout=30)
    assert process.returncode == 0
    assert crash_markers.collect(tmp_path) == []
