"""Loads a module in a separate process, to find out whether loading crashes or hangs.

A single-threaded process forks, which is fast because everything is already imported. One with
several threads starts `python -m puqpanel.host.probe FOLDER TYPE NAME` instead.
"""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import selectors
import signal
import sys
import threading
import time
from pathlib import Path

from puqpanel.host.contract.refusal import Refused
from puqpanel.host.loader import load_module
from puqpanel.host.sanitize import sentence
from puqpanel.infra import crypto

TIMEOUT_SECONDS = 30.0
ANSWER = "puqpanel-probe:"
"""The beginning of the line in which the process prints the refusal as JSON."""


def probe(folder: Path, type: str, name: str) -> str:
    """Return why a module cannot be loaded, as a sentence; empty if it can.

    Args:
        folder: the module's.
        type: of the module.
        name: of the module.
    """
    try:
        pid, reading = _start(str(folder), type, name)
    except (OSError, ValueError) as error:
        return f"{name} could not be tested: {sentence(str(error))}"
    until = time.monotonic() + TIMEOUT_SECONDS
    try:
        output = _read(reading, until)
    except BaseException:  # such as Ctrl+C
        _end(pid, 0.0)
        raise
    finally:
        os.close(reading)
    code = _end(pid, until)
    if output is None:
        return (
            f"Loading {name} did not finish within {TIMEOUT_SECONDS:.0f} seconds; look for an"
            " infinite loop or a blocking call."
        )
    for line in reversed(output.decode("utf-8", "replace").splitlines()):
        if line.startswith(ANSWER):
            refusal: str = json.loads(line.removeprefix(ANSWER))
            return refusal
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return (
        f"Loading {name} crashed the process ({how}); a module must not call os._exit() or crash"
        " at import."
    )


def _start(*arguments: str) -> tuple[int, int]:
    """Start the process, in a group of its own.

    Returns:
        Its ID, and the file descriptor of its output.
    """
    reading, writing = os.pipe()
    try:
        if _may_fork():
            pid = os.fork()
            if pid == 0:
                _child(writing, *arguments)
        else:
            pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "puqpanel.host.probe", *arguments],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, writing, 1),
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_RDWR, 0),
                ],
                setpgroup=0,
            )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return pid, reading


def _may_fork() -> bool:
    """Return whether no other thread can hold a lock that the child would wait for."""
    return threading.active_count() == 1


def _child(writing: int, *arguments: str) -> None:
    try:
        os.setpgid(0, 0)
        silent = os.open(os.devnull, os.O_RDWR)
        for stream, target in ((0, silent), (1, writing), (2, silent)):
            os.dup2(target, stream)
        # without this process's keys and database connections, as in a new interpreter
        crypto.forget_keys()
        contextvars.Context().run(main, *arguments)
    finally:
        os._exit(1)


def _read(reading: int, until: float) -> bytes | None:
    """Return what the process prints until it answers or ends; None after the time limit."""
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        while selector.select(max(0.0, until - time.monotonic())):
            piece = os.read(reading, 1 << 16)
            if not piece:
                return bytes(output)
            output += piece
            if _answered(output):
                return bytes(output)
    return None


def _answered(output: bytearray) -> bool:
    # child processes of the module may keep the pipe open
    return ANSWER.encode() in output[output.rfind(b"\n", 0, -1) + 1 :] and output[-1:] == b"\n"


def _end(pid: int, until: float) -> int:
    """Wait until the process ends or its time is up, kill its group and return its exit code."""
    status = _wait(pid, os.WNOHANG)
    while status is None and time.monotonic() < until:
        time.sleep(0.005)
        status = _wait(pid, os.WNOHANG)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if status is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # it may have left its group
        status = _wait(pid, 0)
    return os.waitstatus_to_exitcode(status or 0)


def _wait(pid: int, options: int) -> int | None:
    """Return the process's status; None while it runs."""
    try:
        ended, status = os.waitpid(pid, options)
    except ChildProcessError:  # the system collects it, because SIGCHLD is ignored
        return 0
    return status if ended else None


def main(folder: str, type: str, name: str) -> None:
    """Load a module in this process, print the refusal, if any, and exit."""
    # the process that waits for this one may be gone by then
    signal.alarm(int(TIMEOUT_SECONDS) + 5)
    refusal = ""
    try:
        load_module(Path(folder), type, name)
    except Refused as error:
        refusal = str(error)
    os.write(1, f"\n{ANSWER}{json.dumps(refusal)}\n".encode())
    # threads that the module started must not keep this process alive
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:4])
