"""Characters that the fonts of documents have.

A PDF/A must not contain characters without a glyph, so typst refuses them. The fonts have Latin,
Greek, Cyrillic, Arabic, Hebrew, Devanagari, Georgian and Thai; other characters are transliterated
on paper. The XML keeps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from struct import calcsize, unpack_from
from typing import Any
from unicodedata import normalize

from anyascii import anyascii

from puqpanel.domain.xml_text import in_order

_LONG_WORD = re.compile(r"\S{30,}")
_BREAK = "\u200b"


def printable(text: str) -> str:
    """Return a text with characters that the fonts lack transliterated: 北京 becomes BeiJing."""
    text = normalize("NFC", in_order(text))
    characters = _characters()
    if characters.issuperset(text):
        return text
    return "".join(each if each in characters else _transliterated(each) for each in text)


def breakable(text: str) -> str:
    """Return a text in which words that may be wider than a column can be broken into lines."""
    return _LONG_WORD.sub(lambda found: _BREAK.join(re.findall(".{1,10}", found[0])), text)


def _transliterated(character: str) -> str:
    return character if character == "\n" else anyascii(character) if character >= " " else ""


@cache
def _characters() -> frozenset[str]:
    from pymupdf_fonts import FiraGO_Regular, NotoSans_Regular

    return _mapped(NotoSans_Regular.fontbuffer) | _mapped(FiraGO_Regular.fontbuffer)


def _mapped(font: bytes) -> frozenset[str]:
    """Return the characters of a TrueType font: the ranges in the format 4 table of its cmap."""
    tables = _records(font, ">4sIII", 12, _number(font, 4))
    cmap = next(offset for tag, _sum, offset, _length in tables if tag == b"cmap")
    encodings = _records(font, ">HHI", cmap + 4, _number(font, cmap + 2))
    starts = [cmap + offset for _platform, _encoding, offset in encodings]
    start = next(start for start in starts if _number(font, start) == 4)
    size = _number(font, start + 6)
    lasts = _records(font, ">H", start + 14, size // 2)
    firsts = _records(font, ">H", start + 16 + size, size // 2)
    return frozenset(
        chr(code)
        for (first,), (last,) in zip(firsts, lasts, strict=True)
        for code in range(max(first, ord(" ")), min(last, 0xFFFD) + 1)
    )


def _number(font: bytes, start: int) -> int:
    return int.from_bytes(font[start : start + 2], "big")


def _records(font: bytes, layout: str, start: int, count: int) -> Iterator[tuple[Any, ...]]:
    return (unpack_from(layout, font, start + calcsize(layout) * at) for at in range(count))
