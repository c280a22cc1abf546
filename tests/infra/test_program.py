"""Commands in messages are printed as the reader can type them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from puqpanel.infra.processes import environment
from puqpanel.infra.program import as_typed
from puqpanel.infra.settings import ROOT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run: puqpanel db upgrade", "Run: ./panel db upgrade"),
        ("see `puqpanel module texts`.", "see `./panel module texts`."),
        ("`puqpanel up`, or `puqpanel web`", "`./panel up`, or `./panel web`"),
        ("puqpanel is running; a puqpanel module", "puqpanel is running; a puqpanel module"),
        ("import puqpanel.sdk and `puqpanel.sdk`", "import puqpanel.sdk and `puqpanel.sdk`"),
    ],
)
def test_commands_in_a_text(text: str, expected: str) -> None:
    assert as_typed(text, "./panel") == expected


@pytest.mark.parametrize(
    ("program", "printed"),
    [("./panel", "./panel"), ("/srv/my panel/panel", "'/srv/my panel/panel'")],
)
def test_every_command_prints_the_program_that_was_typed(
    program: str, printed: str, tmp_path: Path
) -> None:
    def run(*arguments: str) -> str:
        env = environment(
            {"PUQPANEL_PROGRAM": program, "PUQPANEL_INSTANCE": str(tmp_path / "instance")},
            without="PUQPANEL_",
        )
        command = [sys.executable, "-m", "puqpanel", *arguments]
        done = subprocess.run(
            command, env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    assert f"Usage: {printed} " in run("--help")
    assert f"`{printed} up --demo`" in run("--help")
    assert f"Usage: {printed} module" in run("module", "--help")
    assert f"Try '{printed} db --help'" in run("db", "--wrong")
    assert f"Run: {printed} db upgrade" in run("module", "list")
    assert f"Run: {printed} up, or {printed} db upgrade" in run("doctor")
