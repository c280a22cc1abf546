"""The first start of a panel in a terminal: the prompt for the first staff account."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import environment, processes


class Terminal:
    """`puqpanel up` in its own pseudo-terminal."""

    def __init__(self, instance: Path) -> None:
        self.instance = instance
        self.text = ""
        self.controller, terminal = pty.openpty()
        env = environment(instance, PUQPANEL_WEB_PROCESSES="1", PUQPANEL_WORKERS="1")
        command = [sys.executable, "-m", "puqpanel", "up", "--port", "0"]
        # The panel leads a new session with this controlling terminal, so Ctrl+C typed into it
        # reaches the same processes as for a user.
        launch = (
            "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
            " os.execv(sys.argv[1], sys.argv[1:])"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", launch, *command],
            env=env,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)

    def expect(self, pattern: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self.controller], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.controller, 4096).decode()
                except OSError:  # the process closed the terminal
                    assert re.search(pattern, self.text), self.text

    def type(self, text: str) -> None:
        os.write(self.controller, text.encode())


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "instance")
    yield terminal
    terminal.process.terminate()
    try:
        terminal.process.wait(60)
    finally:
        for pid in processes(terminal.instance):
            os.kill(pid, 9)
        terminal.process.wait()
        os.close(terminal.controller)


def test_the_prompt_never_shows_the_password(terminal: Terminal, tmp_path: Path) -> None:
    terminal.expect("E-mail: ")
    terminal.type("Ada@Example.test\n")
    terminal.expect("Password: ")
    terminal.type("a very long secret\n")
    terminal.expect("Confirm password: ")
    terminal.type("a very long secret\n")
    terminal.expect(r"Ctrl\+C to stop")
    assert "Sign in at /admin as ada@example.test" in terminal.text
    assert "secret" not in terminal.text
    with sqlite3.connect(tmp_path / "instance" / "puqpanel.db") as connection:
        assert connection.execute("select email from staff").fetchall() == [("ada@example.test",)]
    connection.close()
    terminal.type("\x03")
    terminal.expect("Stopping")
    assert terminal.process.wait(60) == 0
    assert processes(terminal.instance) == {}


def test_invalid_input_is_prompted_again(terminal: Terminal) -> None:
    terminal.expect("E-mail: ")
    terminal.type("nobody\n")
    terminal.expect("valid e-mail address")
    terminal.expect("(?s)E-mail: .*E-mail: ")
    terminal.type("ada@example.test\n")
    terminal.expect("Password: ")
    terminal.type("short\n")
    terminal.expect("at least")
    terminal.expect("(?s)at least.*Password: ")


@pytest.mark.parametrize("typed", [True, False])
def test_ctrl_c_or_sigterm_at_the_prompt_ends_it(terminal: Terminal, typed: bool) -> None:
    terminal.expect("E-mail: ")
    if typed:
        terminal.type("\x03")
    else:
        terminal.process.terminate()
    assert terminal.process.wait(60) in (0, 130)
    assert processes(terminal.instance) == {}
    assert "Traceback" not in terminal.text


def test_the_prompt_leaves_sigterm_to_the_system(terminal: Terminal) -> None:
    """Python's own handler would wait for a key if the signal came just before `input()` waits."""
    terminal.expect("E-mail: ")
    (prompting,) = (
        pid for pid, command in processes(terminal.instance).items() if "prepare" in command
    )
    status = Path(f"/proc/{prompting}/status").read_text()
    caught = re.search(r"^SigCgt:\s+(\w+)$", status, re.M)
    assert caught and not int(caught[1], 16) & 1 << (signal.SIGTERM - 1)
