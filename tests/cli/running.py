"""The command line as a person runs it: real processes, found again by the instance folder in
their environment.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(instance: Path, **more: str) -> dict[str, str]:
    """What a panel of its own is started with: nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUQPANEL_")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PUQPANEL_INSTANCE": str(instance),
        "PYTHONWARNINGS": "ignore",
        **more,
    }


def puqpanel(
    instance: Path, *arguments: str, given: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "puqpanel", *arguments],
        env=environment(instance, **more),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def processes(instance: Path) -> dict[int, str]:
    """Process id → command line, of everything that runs for an instance (zombies aside)."""
    marker = f"PUQPANEL_INSTANCE={instance}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit():
                continue
            # the queue server writes its title over its environment, but works in the instance
            # folder
            if marker in (folder / "environ").read_bytes().split(b"\0") or os.readlink(
                folder / "cwd"
            ).startswith(f"{instance}/"):
                found[int(folder.name)] = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                )
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], object], seconds: float = 30.0, what: str = "it") -> None:
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:.0f} s"
        time.sleep(0.1)


class Up:
    """A running `puqpanel up` on a port of its own."""

    def __init__(self, instance: Path, *arguments: str, **more: str) -> None:
        self.instance = instance
        self.log = instance.with_name(instance.name + ".log")
        self.log.touch()
        self._begin = self.log.stat().st_size
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "puqpanel", "up", "--port", "0", *arguments],
                env=environment(instance, **more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    @property
    def output(self) -> str:
        """All that it has said; an earlier run's words are left out."""
        return self.log.read_bytes()[self._begin :].decode()

    def ready(self) -> Up:
        """Waits until it has printed its address."""
        wait_for(
            lambda: "Ctrl-C stops it" in self.output or self.process.poll() is not None,
            90,
            "the start",
        )
        assert self.process.poll() is None, self.output
        return self

    @property
    def address(self) -> str:
        """Where it serves."""
        found = re.findall(r"running at (http://\S+)", self.output)
        return str(found[-1])

    def child(self, word: str) -> int:
        """The process id of the one child whose command line has this word."""
        matches = self.children(word)
        assert len(matches) == 1, (word, processes(self.instance))
        return matches[0]

    def children(self, word: str) -> list[int]:
        """The process ids of all children whose command line has this word."""
        return [
            pid
            for pid, command in processes(self.instance).items()
            if word in command and _parent(pid) == self.process.pid
        ]

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 40) -> int:
        """Sends a signal and waits for the end."""
        self.process.send_signal(sig)
        return self.process.wait(seconds)

    def destroy(self) -> None:
        """Leaves nothing behind, whatever happened."""
        for pid in [self.process.pid, *processes(self.instance)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0
