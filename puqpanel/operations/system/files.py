"""Uploaded images: checked, and stored under the digest of their content."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from puqpanel.domain.images import check_image
from puqpanel.infra.db import session, transaction
from puqpanel.models import StoredFile


@transaction()
def store_image(content: bytes) -> str:
    """Store an image and return its digest.

    Raises:
        UserError: It is too large or not an image that may be shown.
    """
    image = check_image(content)
    digest = hashlib.sha256(image.content).hexdigest()
    if find_file(digest) is None:
        session().add(
            StoredFile(digest=digest, content_type=image.content_type, content=image.content)
        )
        session().flush()
    return digest


def find_file(digest: str) -> StoredFile | None:
    """Return a stored file, or None."""
    return session().scalar(sa.select(StoredFile).where(StoredFile.digest == digest))


@transaction()
def delete_file(digest: str) -> None:
    """Delete a file that is no longer used."""
    session().execute(sa.delete(StoredFile).where(StoredFile.digest == digest))
