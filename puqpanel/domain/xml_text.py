"""Characters that XML can't have, or that reorder the text around them."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Embeddings, overrides and isolates. Marks (U+200E, U+200F), which change no order, are kept."""


def in_order(text: str) -> str:
    """Return a text without characters that reorder it, so that it reads as it is stored."""
    return _BIDI.sub("", text)


def xml_text(text: str) -> str:
    """Return a text as documents show it, without white space around.

    Characters that XML does not allow are removed, and those that reorder text.
    """
    return _FORBIDDEN.sub("", in_order(text)).strip()
