"""A config.py that is tried in a process of its own leaves none behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from puqpanel.host import config_probe
from puqpanel.infra.processes import alive


def test_the_process_ends_though_nobody_waits_for_it(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text("while True:\n    pass\n")
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", config_probe._CHILD, str(path), "mark", "1"],
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while child.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert child.returncode < 0 and not alive(child.pid)


def test_what_ends_its_process_is_told_and_what_holds_values_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    path.write_text("import os\nos._exit(4)\n")
    assert config_probe.ending(path) == "exit code 4"
    path.write_text("CONFIG = {'name': 'A', 'version': '1.0.0'}\n")
    assert config_probe.ending(path) == ""
