"""The firm's name, logo and colours on pages."""

from __future__ import annotations

from flask import url_for

from puqpanel.domain.colours import accents, rgb
from puqpanel.operations.system import settings


def name() -> str:
    """Return the name of the firm."""
    return settings.text("firm.name")


def logo_url() -> str:
    """Return the URL of the firm's logo; empty if there is none."""
    digest = settings.text("firm.logo")
    return url_for("public.brand.logo", digest=digest) if digest else ""


def sheet_url() -> str:
    """Return the URL of the style sheet with the firm's colours; empty if there is none."""
    colour = settings.text("firm.colour")
    return url_for("public.brand.sheet", colour=colour.removeprefix("#")) if colour else ""


def sheet(colour: str) -> str:
    """Return the style sheet of a brand colour, for both themes.

    Args:
        colour: Such as `#3451d1`.
    """
    rules = []
    for theme, tokens in accents(colour).items():
        selector = f'[data-bs-theme="{theme}"]'
        lines = [f"  --{token}: {value};" for token, value in tokens.items()]
        hover = tokens["accent-hover"] if theme == "light" else tokens["accent-ink"]
        lines.append(f"  --bs-link-color-rgb: {rgb(tokens['accent-ink'])};")
        lines.append(f"  --bs-link-hover-color-rgb: {rgb(hover)};")
        rules.append("\n".join([f"{selector} {{", *lines, "}"]))
    return "\n".join(rules) + "\n"
