"""Characters that XML, and so electronic invoices, can't have."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """Return a text without characters that XML does not allow, and without white space around."""
    return _FORBIDDEN.sub("", text).strip()
