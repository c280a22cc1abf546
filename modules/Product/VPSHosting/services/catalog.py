"""The systems to choose from: kept in a table, checked against what DigitalOcean offers when
staff ask for it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import db, now

from ..models.images import Image
from .slugs import take_apart

DEFAULT = "ubuntu-20.04"


class ImageError(Exception):
    """A server cannot be made with this image; the text is a sentence for staff."""


def find(image_id: str) -> Image | None:
    """The image of that id, or of that slug."""
    image: Image | None = db.session.scalar(
        sa.select(Image).where(sa.or_(Image.image_id == image_id, Image.slug == image_id))
    )
    return image


def all_images() -> list[Image]:
    """All of them, by family, the newest version first."""
    rows = db.session.scalars(sa.select(Image)).all()
    return sorted(
        rows,
        key=lambda one: (
            one.os_family,
            [-int(part) for part in one.version.split(".") if part.isdecimal()],
        ),
    )


def choices() -> dict[Any, Any]:
    """All of them to choose from; those that new servers cannot be made with say so, at the
    end, so that a stored choice is never shown as another.
    """
    images = all_images()
    found = {one.image_id: one.name for one in images if one.usable}
    return found | {
        one.image_id: f"{one.name} ({'switched off' if one.offered else 'offered no more'})"
        for one in images
        if not one.usable
    }


def usable(image_id: str) -> Image:
    """The image to make a server with.

    Raises:
        ImageError: there is none of that name, it is switched off, or DigitalOcean offers it no
            more.
    """
    image = find(image_id)
    if image is None:
        raise ImageError(
            f"There is no image called {image_id}. Choose another one in the settings of the"
            " service or the product."
        )
    if not image.offered:
        raise ImageError(
            f"DigitalOcean offers {image.name} no more. Choose another image in the settings of the"
            " service or the product."
        )
    if not image.active:
        raise ImageError(
            f"{image.name} is switched off on the Images page. Choose another image in the settings"
            " of the service or the product."
        )
    return image


def refresh(offered: list[dict[str, Any]]) -> tuple[int, int]:
    """Bring the table up to what DigitalOcean offers; nothing is removed, and what staff switched
    off stays off.

    Returns:
        How many images are new, and how many are offered no more.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in offered:
        slug = one.get("slug")
        if (
            isinstance(slug, str)
            and take_apart(slug)
            and one.get("status", "available") == "available"
        ):
            found[slug] = one
    moment, new, gone = now(), 0, 0
    with db.transaction() as session:
        known = {image.slug: image for image in session.scalars(sa.select(Image))}
        for slug, image in known.items():
            gone += image.offered and slug not in found
            image.offered, image.checked_at = slug in found, moment
        for slug, one in found.items():
            if slug in known:
                continue
            family, version = take_apart(slug) or ("", "")
            name = (
                f"{one.get('distribution') or family}"
                f" {str(one.get('name') or version).removesuffix(' x64')}"
            )
            session.add(
                Image(
                    image_id=f"{family}-{version}"[:80],
                    slug=slug[:100],
                    name=name[:120],
                    os_family=family[:60],
                    version=version[:40],
                    active=True,
                    offered=True,
                    checked_at=moment,
                )
            )
            new += 1
    return new, gone
