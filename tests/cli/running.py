"""Run the command line in processes, and find them by their instance directory."""

from __future__ import annotations

import atexit
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import structlog

from puqpanel.cli import main

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
    instance: Path, *arguments: str, given: str = "", real: bool = False, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a command and wait for it.

    Args:
        instance: its instance directory.
        arguments: of the command line.
        given: its standard input.
        real: start Python anew. Without, the command runs in a fork of this process, which has
            imported everything already.
        more: further environment variables.
    """
    if not real:
        return _forked(arguments, environment(instance, **more), given)
    return subprocess.run(
        [sys.executable, "-m", "puqpanel", *arguments],
        env=environment(instance, **more),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _forked(
    arguments: Sequence[str], env: Mapping[str, str], given: str
) -> subprocess.CompletedProcess[str]:
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as stdout,
        tempfile.TemporaryFile() as stderr,
    ):
        stdin.write(given.encode())
        stdin.seek(0)
        pid = os.fork()
        if pid == 0:
            _become(arguments, env, [stdin.fileno(), stdout.fileno(), stderr.fileno()])
        deadline = time.monotonic() + 120
        while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise subprocess.TimeoutExpired(list(arguments), 120)
            time.sleep(0.005)
        status = os.waitstatus_to_exitcode(ended[1])
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(list(arguments), status, *texts)


def _become(arguments: Sequence[str], env: Mapping[str, str], files: Sequence[int]) -> NoReturn:
    """Turn this fork into a new command, without what pytest left in it."""
    code: object = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False, encoding="utf-8", buffering=1)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(env)
        atexit._clear()
        weakref.finalize._registry.clear()  # type: ignore[attr-defined]
        warnings.simplefilter("ignore")
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()
        sys.argv = ["puqpanel", *arguments]
        try:
            main()
            code = 0
        except SystemExit as left:
            code = left.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
                code = 1
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)


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
    condition: Callable[[], object], seconds: float = 60.0, what: str = "the condition"
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
            300,
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

    def stop(self, sig: int = signal.SIGTERM, seconds: float = 90) -> int:
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
