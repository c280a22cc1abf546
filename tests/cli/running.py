"""Run the command line in real processes, and find them by their instance directory."""

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
    """Return an environment for an instance, without the caller's settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("PUQPANEL_")
    }
    return {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "PUQPANEL_INSTANCE": str(instance),
        "PYTHONWARNINGS": "ignore",
        **more,
    }


def puqpanel(
    instance: Path, *arguments: str, given: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command and wait for it."""
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
    """Return process id → command line of an instance's processes, except zombies."""
    marker = f"PUQPANEL_INSTANCE={instance}".encode()
    commands = {}
    for folder in Path("/proc").iterdir():
        try:
            if not folder.name.isdigit():
                continue
            # The queue server overwrites its environment with its title, but its working directory
            # is in the instance directory.
            if marker in (folder / "environ").read_bytes().split(b"\0") or os.readlink(
                folder / "cwd"
            ).startswith(f"{instance}/"):
                commands[int(folder.name)] = (
                    (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                )
        except OSError:
            continue
    return commands


def wait_for(
    condition: Callable[[], object], seconds: float = 30.0, what: str = "the condition"
) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {seconds:.0f} s"
        time.sleep(0.1)


class Up:
    """A running `puqpanel up` on a free port."""

    def __init__(self, instance: Path, *arguments: str, **more: str) -> None:
        self.instance = instance
        self.log = instance.with_name(instance.name + ".log")
        self.log.touch()
        self._offset = self.log.stat().st_size
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
        """The output of this run."""
        return self.log.read_bytes()[self._offset :].decode()

    def ready(self) -> Up:
        """Wait until it prints its address."""
        wait_for(
            lambda: "Press Ctrl+C to stop" in self.output or self.process.poll() is not None,
            90,
            "the start",
        )
        assert self.process.poll() is None, self.output
        return self

    @property
    def address(self) -> str:
        """The URL of the panel."""
        urls = re.findall(r"running at (http://\S+)", self.output)
        return str(urls[-1])

    def child(self, word: str) -> int:
        """Return the process id of the only child whose command line contains the word."""
        matches = self.children(word)
        assert len(matches) == 1, (word, processes(self.instance))
        return matches[0]

    def children(self, word: str) -> list[int]:
        """Return the process ids of the children whose command line contains the word."""
        return [
            pid
            for pid, command in processes(self.instance).items()
            if word in command and _parent(pid) == self.process.pid
        ]

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 40) -> int:
        """Send a signal, wait, and return the exit code."""
        self.process.send_signal(sig)
        return self.process.wait(seconds)

    def destroy(self) -> None:
        """Kill every process of the instance."""
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
