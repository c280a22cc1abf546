"""What a module prints is masked line by line."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from puqpanel.host.containment import output_redaction
output_redaction.install()
output_redaction.install()
print("password=hunter2-canary", end="")
print(" and more")
print("token: abcdef-canary", file=sys.stderr)
print("plain words")
sys.stdout.write("unfinished")
"""


def test_a_printed_secret_is_masked() -> None:
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60
    )
    assert "canary" not in process.stdout + process.stderr
    assert "and more\nplain words\nunfinished" in process.stdout
