"""Masks secrets in what modules print."""

from __future__ import annotations

import io
import sys
from typing import TextIO

from puqpanel.infra.redact import redact_text

MAX_LINE = 64 * 1024


class MaskedStream(io.TextIOBase):
    """A text stream that masks secrets, line by line.

    Args:
        target: the stream that receives the masked lines.
    """

    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._line = ""

    def write(self, text: str) -> int:
        """Pass whole lines on; keep the rest until its line ends."""
        self._line += text
        *lines, self._line = self._line.split("\n")
        for line in lines:
            self._pass_on(f"{line}\n")
        if len(self._line) > MAX_LINE:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Pass the unfinished line on as well."""
        if self._line:
            line, self._line = self._line, ""
            self._pass_on(line)
        self._target.flush()

    def _pass_on(self, line: str) -> None:
        if len(line) > 1:
            line = redact_text(line[:MAX_LINE]) + ("\n" if len(line) > MAX_LINE else "")
        self._target.write(line)

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False, so that libraries print no colours."""
        return False

    def fileno(self) -> int:
        """Return the target's file descriptor, for child processes."""
        return self._target.fileno()


def install() -> None:
    """Mask this process's standard output and error.

    Called once by processes that run modules, after logging has been configured: log lines are
    masked already and keep their stream.
    """
    if not isinstance(sys.stdout, MaskedStream):
        sys.stdout = MaskedStream(sys.stdout)
    if not isinstance(sys.stderr, MaskedStream):
        sys.stderr = MaskedStream(sys.stderr)
