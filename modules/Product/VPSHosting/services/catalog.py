"""The catalogue of images: a table that staff update from DigitalOcean."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from puqpanel.sdk import __, db, now

from ..models.images import Image
from .slugs import parse_slug

DEFAULT = "ubuntu-24.04"


class ImageError(Exception):
    """A server can't be created with this image.

    Attributes:
        reason: Why, as a sentence for staff.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            __(
                ":reason Choose another image in the settings of the service or the product.",
                {"reason": reason},
            )
        )
        self.reason = reason


def find(image_id: str) -> Image | None:
    """Return the image with this id or slug."""
    image: Image | None = db.session.scalar(
        sa.select(Image).where(sa.or_(Image.image_id == image_id, Image.slug == image_id))
    )
    return image


def all_images() -> list[Image]:
    """Return all images by family, newest version first."""
    return sorted(db.session.scalars(sa.select(Image)).all(), key=_sort_key)


def _sort_key(image: Image) -> tuple[str, list[int]]:
    numbers = [int(part) for part in image.version.split(".") if part.isdecimal()]
    return image.os_family, [-number for number in numbers]


def choices() -> dict[Any, Any]:
    """Return the choices of a form: usable images, then the others with their state.

    The others are included so that the form shows a saved choice that is no longer usable.
    """
    images = all_images()
    usable = {image.image_id: image.name for image in images if image.usable}
    others = {
        image.image_id: __(
            ":name (inactive)" if image.offered else ":name (withdrawn)", {"name": image.name}
        )
        for image in images
        if not image.usable
    }
    return usable | others


def find_usable(image_id: str) -> Image:
    """Return an image that a new server can be created with.

    Raises:
        ImageError: It does not exist, is inactive, or is no longer offered.
    """
    image = find(image_id)
    if image is None:
        raise ImageError(__("Image :name not found.", {"name": image_id}))
    if not image.offered:
        raise ImageError(__("DigitalOcean no longer offers :name.", {"name": image.name}))
    if not image.active:
        raise ImageError(__(":name is inactive.", {"name": image.name}))
    return image


def refresh(offered: list[dict[str, Any]]) -> tuple[int, int]:
    """Update the table from DigitalOcean's list; keep all rows and what staff deactivated.

    Args:
        offered: The images that DigitalOcean offers.

    Returns:
        How many images are new, and how many are no longer offered.
    """
    by_slug = {
        image["slug"]: image
        for image in offered
        if isinstance(image.get("slug"), str)
        and parse_slug(image["slug"])
        and image.get("status", "available") == "available"
    }
    checked_at, withdrawn = now(), 0
    with db.transaction() as session:
        existing = {image.slug: image for image in session.scalars(sa.select(Image))}
        for slug, image in existing.items():
            withdrawn += image.offered and slug not in by_slug
            image.offered, image.checked_at = slug in by_slug, checked_at
        new_slugs = [slug for slug in by_slug if slug not in existing]
        for slug in new_slugs:
            image = _new_image(slug, by_slug[slug])
            image.checked_at = checked_at
            session.add(image)
    return len(new_slugs), withdrawn


def _new_image(slug: str, details: dict[str, Any]) -> Image:
    family, version = parse_slug(slug) or ("", "")
    distribution = details.get("distribution") or family
    release = str(details.get("name") or version).removesuffix(" x64")
    return Image(
        image_id=f"{family}-{version}"[:80],
        slug=slug[:100],
        name=f"{distribution} {release}"[:120],
        os_family=family[:60],
        version=version[:40],
        active=True,
        offered=True,
    )
