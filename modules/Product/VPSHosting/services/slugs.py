"""DigitalOcean's names of images: `ubuntu-24.04` is `ubuntu-24-04-x64` there."""

from __future__ import annotations

import re

_SLUG = re.compile(r"([a-z][a-z-]*?)-(\d+(?:-\d+)*)-x64")


def make_slug(image_id: str) -> str:
    """Return the slug of an image id, such as `ubuntu-24-04-x64` for `ubuntu-24.04`."""
    return f"{image_id.replace('.', '-')}-x64"


def parse_slug(slug: str) -> tuple[str, str] | None:
    """Return family and version; None for GPU images, applications and the like."""
    match = _SLUG.fullmatch(slug)
    return (match[1], match[2].replace("-", ".")) if match else None
