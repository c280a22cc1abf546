"""Loads a module in a process of its own, to see whether that process survives: `python -m
puqpanel.host.probe FOLDER TYPE NAME`.
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

SECONDS = 30.0
_SAID = "puqpanel-probe:"


def probe(folder: Path, type: str, name: str) -> str:
    """Why a module cannot be loaded, as a sentence; empty where it can.

    Args:
        folder: the module's.
        type, name: which.
    """
    command = [sys.executable, "-m", "puqpanel.host.probe", str(folder), type, name]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"{name} could not be tried: {sentence(str(error))}"
    try:
        said = process.communicate(timeout=SECONDS)[0].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        return (
            f"Loading {name} did not come to an end within {SECONDS:.0f} seconds; look for a loop"
            " or for something that waits."
        )
    finally:
        # whatever it started goes with it
        _end(process)
    for line in reversed(said.splitlines()):
        if line.startswith(_SAID):
            refusal: str = json.loads(line.removeprefix(_SAID))
            return refusal
    return (
        f"Loading {name} ends the process that does it ({_how(process.returncode)}); a module must"
        " not call os._exit() or crash while it is imported."
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    process.wait()


def _how(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def main(folder: str, type: str, name: str) -> None:
    """What the process does: the answer is its last line, so that a module that prints does not
    disturb it.
    """
    from puqpanel.host.loader import Refused, load_module

    # whoever waits for this may be gone by then
    signal.alarm(int(SECONDS) + 5)
    refusal = ""
    try:
        load_module(Path(folder), type, name)
    except Refused as error:
        refusal = str(error)
    sys.stdout.write(f"\n{_SAID}{json.dumps(refusal)}\n")
    sys.stdout.flush()
    # threads that the module started must not keep it
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:4])
