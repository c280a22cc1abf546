"""What a module prints: it reaches the process's output line by line, masked as every log is."""

from __future__ import annotations

import io
from typing import TextIO

from puqpanel.infra.redact import redact_text

LONGEST = 64 * 1024


class Masked(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr` while a module's code runs.

    Args:
        beneath: where the lines go.
    """

    def __init__(self, beneath: TextIO) -> None:
        self._beneath = beneath
        self._line = ""

    def write(self, text: str) -> int:
        """Takes text; whole lines go on at once, secrets in them masked."""
        self._line += text
        *lines, self._line = self._line.split("\n")
        for line in lines:
            self._pass_on(f"{line}\n")
        if len(self._line) > LONGEST:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Lets the unfinished line go on too."""
        if self._line:
            line, self._line = self._line, ""
            self._pass_on(line)
        self._beneath.flush()

    def _pass_on(self, line: str) -> None:
        self._beneath.write(
            line
            if len(line) <= 1
            else redact_text(line[:LONGEST]) + ("\n" if len(line) > LONGEST else "")
        )

    def writable(self) -> bool:
        """It is written to."""
        return True

    def isatty(self) -> bool:
        """Never a terminal: what looks for colours prints none."""
        return False

    def fileno(self) -> int:
        """The number of what lies beneath, for those who start programs."""
        return self._beneath.fileno()
