"""Colours: contrast, and the accent colours of pages derived from one brand colour."""

from __future__ import annotations

WHITE, BLACK = "#ffffff", "#000000"
READABLE = 4.5
"""Contrast of text and its background, as WCAG AA requires it."""


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, 1 to 21.

    Args:
        first: A colour such as `#3451d1`.
        second: Another one.
    """
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def mix(first: str, second: str, share: float) -> str:
    """Return a mixture of two colours.

    Args:
        first: A colour such as `#3451d1`.
        second: Another one.
        share: Share of the second, 0 to 1.
    """
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def under_white(colour: str) -> str:
    """Return why white text on a colour cannot be read; empty if it can."""
    ratio = contrast(colour, WHITE)
    if ratio >= READABLE:
        return ""
    return (
        f"White text on this colour has a contrast of {ratio:.1f}:1 and needs {READABLE}:1."
        " Choose a darker colour."
    )


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
