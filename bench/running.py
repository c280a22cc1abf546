"""A new panel that runs with `puqpanel up`, for benchmarks from outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from puqpanel.infra.settings import ROOT

START_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Running:
    """A running panel.

    Args:
        pid: of `up`.
        url: its address.
        instance: its folder.
        environment: its environment variables.
    """

    pid: int
    url: str
    instance: Path
    environment: dict[str, str]


@contextmanager
def running(**more: str) -> Iterator[Running]:
    """Start a panel in a temporary folder, and stop it at the end.

    Args:
        more: further environment variables.
    """
    with tempfile.TemporaryDirectory(prefix="pqb-", dir="/tmp") as folder:
        instance, log = Path(folder) / "i", Path(folder) / "log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PUQPANEL_")}
        environment |= {"PYTHONPATH": str(ROOT), "PUQPANEL_INSTANCE": str(instance), **more}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "puqpanel", "up", "--port", "0"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while b"Press Ctrl+C to stop" not in log.read_bytes():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text())
                time.sleep(0.2)
            found = re.search(r"running at (http://\S+)", log.read_text())
            assert found is not None
            yield Running(process.pid, found[1].rstrip("/"), instance, environment)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
