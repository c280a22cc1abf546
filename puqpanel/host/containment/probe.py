"""Loads a module in a process of its own, to see whether that process survives.

The process runs `python -m puqpanel.host.loader FOLDER TYPE NAME`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from puqpanel.host.sanitize import sentence

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
    command = [sys.executable, "-m", "puqpanel.host.loader", str(folder), type, name]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{name} could not be tested: {sentence(str(error))}"
    try:
        output = process.communicate(timeout=TIMEOUT_SECONDS)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        return (
            f"Loading {name} did not finish within {TIMEOUT_SECONDS:.0f} seconds; look for an"
            " infinite loop or a blocking call."
        )
    finally:
        _kill(process)  # with everything it started
    for line in reversed(output.splitlines()):
        if line.startswith(ANSWER):
            refusal: str = json.loads(line.removeprefix(ANSWER))
            return refusal
    code = process.returncode
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return (
        f"Loading {name} crashed the process ({how}); a module must not call os._exit() or crash"
        " at import."
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()
