"""The command that starts the command line, as the user typed it: `./panel` or `puqpanel`."""

from __future__ import annotations

import os
import re
import shlex

PROGRAM = shlex.quote(os.environ.get("PUQPANEL_PROGRAM") or "puqpanel")
"""The command that started this process; `panel` sets it, and child processes inherit it."""

_COMMAND = re.compile(r"(?<=`)puqpanel (?=[a-z])|(?<=: )puqpanel (?=[a-z])")


def as_typed(text: str, program: str = "") -> str:
    """Return a text whose commands can be typed as they stand.

    Args:
        text: a text with commands such as "Run: puqpanel doctor" or "`puqpanel doctor`".
        program: what starts the command line. Default: PROGRAM.
    """
    return _COMMAND.sub(lambda _match: f"{program or PROGRAM} ", text)
