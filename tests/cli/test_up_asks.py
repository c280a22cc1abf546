"""The first start of a panel in a terminal: it asks for the first staff account, and takes a
change of mind.
"""

from __future__ import annotations

import os
import pty
import re
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import environment, processes


class Terminal:
    """`puqpanel up` with a terminal of its own."""

    def __init__(self, instance: Path) -> None:
        self.instance = instance
        self.text = ""
        self.ours, theirs = pty.openpty()
        env = environment(instance, PUQPANEL_WEB_PROCESSES="1", PUQPANEL_WORKERS="1")
        command = [sys.executable, "-m", "puqpanel", "up", "--port", "0"]
        # a session of its own, led by the panel, whose terminal this is: Ctrl-C typed into it
        # reaches what a person's would
        launch = (
            "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
            " os.execv(sys.argv[1], sys.argv[1:])"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", launch, *command],
            env=env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)

    def expect(self, pattern: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < deadline, self.text
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.ours, 4096).decode()
                except OSError:  # the other end is closed
                    assert re.search(pattern, self.text), self.text

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "instance")
    yield terminal
    terminal.process.terminate()
    try:
        terminal.process.wait(40)
    finally:
        for pid in processes(terminal.instance):
            os.kill(pid, 9)
        terminal.process.wait()
        os.close(terminal.ours)


def test_it_asks_and_never_shows_the_password(terminal: Terminal, tmp_path: Path) -> None:
    terminal.expect("E-mail: ")
    terminal.type("Ada@Example.test\n")
    terminal.expect("Password: ")
    terminal.type("a very long secret\n")
    terminal.expect("Once more: ")
    terminal.type("a very long secret\n")
    terminal.expect("Ctrl-C stops it")
    assert "Sign in at /admin as ada@example.test" in terminal.text
    assert "secret" not in terminal.text
    with sqlite3.connect(tmp_path / "instance" / "puqpanel.db") as connection:
        assert connection.execute("select email from staff").fetchall() == [("ada@example.test",)]
    connection.close()
    terminal.type("\x03")
    terminal.expect("Stopping")
    assert terminal.process.wait(40) == 0
    assert processes(terminal.instance) == {}


def test_what_cannot_be_taken_is_asked_again(terminal: Terminal) -> None:
    terminal.expect("E-mail: ")
    terminal.type("nobody\n")
    terminal.expect("no e-mail address")
    terminal.expect("(?s)E-mail: .*E-mail: ")
    terminal.type("ada@example.test\n")
    terminal.expect("Password: ")
    terminal.type("short\n")
    terminal.expect("at least")
    terminal.expect("(?s)at least.*Password: ")


@pytest.mark.parametrize("typed", [True, False])
def test_ctrl_c_and_a_signal_at_the_question_end_it(terminal: Terminal, typed: bool) -> None:
    terminal.expect("E-mail: ")
    if typed:
        terminal.type("\x03")
    else:
        terminal.process.terminate()
    assert terminal.process.wait(20) in (0, 130)
    assert processes(terminal.instance) == {}
    assert "Traceback" not in terminal.text
