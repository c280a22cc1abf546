"""Uploaded images: types, sizes and what an SVG may hold."""

from __future__ import annotations

import struct
import zlib

import pytest

from puqpanel.domain.errors import UserError
from puqpanel.domain.images import MAX_BYTES, check_image

NEST = "<use href='#n{}'/>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">%s</svg>'


def png(width: int = 4, height: int = 4) -> bytes:
    """Return a PNG whose header has a size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x20\x01\x01\x11\x00\xff\xd9"
)
WEBP = (
    b"RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x0f\x00\x00\x07\x00\x00"
    + b"\0" * 8
)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(png(), "image/png"), (JPEG, "image/jpeg"), (WEBP, "image/webp")],
)
def test_a_bitmap_is_kept_as_it_is(content: bytes, kind: str) -> None:
    image = check_image(content)
    assert (image.content_type, image.content) == (kind, content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Upload a PNG"),
        (b"GIF89a" + b"\0" * 50, "Upload a PNG"),
        (b"<html><script>alert(1)</script>", "Upload a PNG"),
        (b"%PDF-1.7", "Upload a PNG"),
        (png()[:20], "damaged"),
        (png(0, 4), "damaged"),
        (png(50_000, 50_000), "at most 4000"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="99999999"/>', "at most 4000"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" height=" 1e9px"/>', "at most 4000"),
        (JPEG[:22], "damaged"),
        (b"\xff\xd8\xff" + b"\xff" * 5000, "damaged"),
        (WEBP[:20], "damaged"),
        (png() + b"\0" * MAX_BYTES, "512 KB"),
    ],
)
def test_what_is_not_an_image_that_may_be_shown(content: bytes, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check_image(content)


def test_a_drawing_is_kept_without_its_metadata() -> None:
    drawing = (
        '<metadata><x/></metadata><path d="M0 0L9 9" fill="url(#g)" data-x="1"/>'
        "<path stroke=\"url( '#g' )\" style=\"fill: rgb(1, 2, 3)\"/><use href='#g'/>"
        '<defs><linearGradient id="g"><stop offset="0" style="stop-color:#f00"/></linearGradient>'
        "</defs>"
    )
    content = check_image((SVG % drawing).encode()).content
    assert b'<path d="M0 0L9 9" fill="url(#g)" />' in content
    assert b"linearGradient" in content
    assert b"metadata" not in content
    assert b"data-x" not in content
    assert check_image(content).content == content


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<g onload="alert(1)"/>',
        '<g ONCLICK="alert(1)"/>',
        '<a href="javascript:alert(1)"><path d=""/></a>',
        '<use href="https://evil.test/x.svg#a"/>',
        '<use xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="data:image/svg+xml,x"/>',
        '<image href="https://evil.test/x.png"/>',
        "<foreignObject><div/></foreignObject>",
        "<style>@import url(https://evil.test)</style>",
        '<path style="fill:url(https://evil.test/x)"/>',
        "<path fill=\"url( '//evil.test/x')\"/>",
        '<animate attributeName="href" to="javascript:alert(1)"/>',
        '<set attributeName="onload" to="alert(1)"/>',
        "<path style=\"background:image-set('https://evil.test/x' 1x)\"/>",
        f'<path fill="url({" " * 300_000}"/>',
        '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>',
        "<g id='n0'><path/></g>"
        + "".join(f"<g id='n{n + 1}'>{NEST.format(n) * 10}</g>" for n in range(9)),
        "<g>" * 200 + "</g>" * 200,
        "<g/>" * 6000,
        "<unclosed>",
    ],
)
def test_an_svg_that_could_act_is_refused(inside: str) -> None:
    with pytest.raises(UserError):
        check_image((SVG % inside).encode())


@pytest.mark.parametrize(
    "whole",
    [
        '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG % "&a;",
        '<?xml-stylesheet href="https://evil.test/a.css"?>' + SVG % "",
        "<svg><path/></svg>",
        '<html xmlns="http://www.w3.org/1999/xhtml"><svg/></html>',
        "<svg" + "<g>" * 100_000,
    ],
)
def test_a_document_that_is_no_drawing_is_refused(whole: str) -> None:
    with pytest.raises(UserError):
        check_image(whole.encode())


def test_an_svg_in_another_encoding_is_refused() -> None:
    with pytest.raises(UserError, match="UTF-8"):
        check_image(b"<svg \xff\xfe>")
    with pytest.raises(UserError):
        check_image((SVG % "<script/>").encode("utf-7").replace(b"<", b"+ADw-") + b"<svg")
