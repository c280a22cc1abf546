"""Uploaded images: recognized by their first bytes, measured without decoding them."""

from __future__ import annotations

from dataclasses import dataclass

from puqpanel.domain.errors import UserError
from puqpanel.domain.texts import _

MAX_BYTES = 512 * 1024
MAX_SIDE = 4000
"""Pixels; a small file can hold an image that fills the memory of a browser."""
TOO_LARGE = _("Upload an image of at most %(side)s × %(side)s pixels.", side=MAX_SIDE)
DAMAGED = _("The image is damaged. Upload another file.")
_NOT_AN_IMAGE = _("Upload a PNG, JPEG, WebP or SVG image.")
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that hold the size."""
_JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a length."""


class ImageError(UserError):
    """An upload is not an image that may be shown."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that was checked.

    Args:
        content_type: Such as `image/png`.
        content: The file; an SVG is written anew.
    """

    content_type: str
    content: bytes


def check_image(content: bytes) -> Image:
    """Return an upload as an image.

    Raises:
        ImageError: It is too large, or not an image of a known type.
    """
    if len(content) > MAX_BYTES:
        raise ImageError(_("Upload an image of at most 512 KB."))
    size: tuple[int, int] | None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, size = "image/png", _png(content)
    elif content.startswith(b"\xff\xd8\xff"):
        kind, size = "image/jpeg", _jpeg(content)
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind, size = "image/webp", _webp(content)
    elif b"<svg" in content[:2000]:
        from puqpanel.domain.svg import clean_svg  # with an XML parser that few processes need

        return Image("image/svg+xml", clean_svg(content))
    else:
        raise ImageError(_NOT_AN_IMAGE)
    if size is None or min(size) < 1:
        raise ImageError(DAMAGED)
    if max(size) > MAX_SIDE:
        raise ImageError(TOO_LARGE)
    return Image(kind, content)


def _big(content: bytes, start: int, length: int) -> int:
    return int.from_bytes(content[start : start + length], "big")


def _little(content: bytes, start: int, length: int) -> int:
    return int.from_bytes(content[start : start + length], "little")


def _png(content: bytes) -> tuple[int, int] | None:
    if content[12:16] != b"IHDR" or len(content) < 33:
        return None
    return _big(content, 16, 4), _big(content, 20, 4)


def _jpeg(content: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 9 < len(content) and content[position] == 0xFF:
        marker = content[position + 1]
        if marker == 0xFF:  # padding
            position += 1
        elif marker in _JPEG_ALONE:
            position += 2
        elif marker in _JPEG_SIZES:
            return _big(content, position + 7, 2), _big(content, position + 5, 2)
        else:
            position += 2 + max(2, _big(content, position + 2, 2))
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    if len(content) < 30:
        return None
    chunk = content[12:16]
    if chunk == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        return _little(content, 26, 2) & 0x3FFF, _little(content, 28, 2) & 0x3FFF
    if chunk == b"VP8L" and content[20] == 0x2F:
        bits = _little(content, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X":
        return _little(content, 24, 3) + 1, _little(content, 27, 3) + 1
    return None
