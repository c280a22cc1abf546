"""Colours: contrast, and the accent colours derived from a brand colour."""

from __future__ import annotations

from puqpanel.domain.texts import Text, _

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


def under_white(colour: str) -> Text | str:
    """Return why white text on a colour cannot be read; empty if it can."""
    ratio = contrast(colour, WHITE)
    if ratio >= READABLE:
        return ""
    return _(
        "White text on this colour has a contrast of %(ratio)s:1 and needs %(least)s:1. "
        "Choose a darker colour.",
        ratio=round(ratio, 1),
        least=READABLE,
    )


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def accents(brand: str) -> dict[str, dict[str, str]]:
    """Return the accent colours derived from a brand colour, by theme.

    Args:
        brand: A colour that passes `under_white`.

    Returns:
        `light` and `dark`, each with the name and value of its tokens.
    """
    light, dark = "#f5f6f8", "#15181e"
    weak = {"light": mix(brand, WHITE, 0.9), "dark": mix(brand, "#0e1014", 0.78)}
    filled = _lightened(brand, WHITE, READABLE)
    ink = {
        "light": _until_readable(brand, BLACK, light, weak["light"]),
        "dark": _until_readable(brand, WHITE, dark, weak["dark"]),
    }
    return {
        "light": {
            "accent": brand,
            "accent-hover": mix(brand, BLACK, 0.18),
            "accent-ink": ink["light"],
            "accent-weak": weak["light"],
            "focus": brand,
        },
        "dark": {
            "accent": filled,
            "accent-hover": mix(filled, BLACK, 0.15),
            "accent-ink": ink["dark"],
            "accent-weak": weak["dark"],
            "focus": ink["dark"],
        },
    }


def rgb(colour: str) -> str:
    """Return a colour as Bootstrap's variables have it, `52, 81, 209`."""
    return ", ".join(map(str, _channels(colour)))


def _until_readable(
    colour: str, towards: str, first: str, second: str, ratio: float = READABLE
) -> str:
    """Mix a colour with another until it can be read on two backgrounds."""
    for step in range(21):
        mixed = mix(colour, towards, step / 20)
        if min(contrast(mixed, first), contrast(mixed, second)) >= ratio:
            return mixed
    return towards


def _lightened(colour: str, text: str, ratio: float) -> str:
    """Return a colour a little lighter, as far as a text on it can still be read."""
    steps = (mix(colour, WHITE, step / 20) for step in (4, 3, 2, 1))
    return next((mixed for mixed in steps if contrast(mixed, text) >= ratio), colour)
