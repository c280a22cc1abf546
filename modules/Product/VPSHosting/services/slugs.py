"""How DigitalOcean writes the names of systems: `ubuntu-24.04` is `ubuntu-24-04-x64`."""

from __future__ import annotations

import re

_SLUG = re.compile(r"([a-z][a-z-]*?)-(\d+(?:-\d+)*)-x64")


def slug_of(image_id: str) -> str:
    """`ubuntu-20.04` as DigitalOcean writes it: `ubuntu-20-04-x64`."""
    return f"{image_id.replace('.', '-')}-x64"


def take_apart(slug: str) -> tuple[str, str] | None:
    """Family and version of a slug; None for what is no plain system (a GPU image, an
    application).
    """
    match = _SLUG.fullmatch(slug)
    return (match[1], match[2].replace("-", ".")) if match else None
