"""Uploaded images: checked, and stored under the digest of their content."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa

from puqpanel.domain.images import check_image
from puqpanel.infra.db import session, transaction
from puqpanel.models import Company, Setting, StoredFile


@transaction()
def store_image(content: bytes) -> str:
    """Store an image and return its digest.

    Raises:
        UserError: It is too large or not an image that may be shown.
    """
    image = check_image(content)
    digest = hashlib.sha256(image.content).hexdigest()
    # whoever deletes it at this moment locks it too
    stored = sa.select(StoredFile.digest).where(StoredFile.digest == digest).with_for_update()
    if session().scalar(stored) is None:
        session().add(
            StoredFile(digest=digest, content_type=image.content_type, content=image.content)
        )
        session().flush()
    return digest


def find_file(digest: str) -> StoredFile | None:
    """Return a stored file, or None."""
    return session().scalar(sa.select(StoredFile).where(StoredFile.digest == digest))


@transaction()
def delete_unused(digest: str) -> None:
    """Delete an image unless a setting or a company uses it: equal images are one file."""
    current = session()
    current.flush()
    stored = sa.select(StoredFile.digest).where(StoredFile.digest == digest)
    current.execute(stored.with_for_update())
    companies = sa.select(Company.id).where(Company.logo == digest)
    settings = sa.select(Setting.name).where(Setting.value == json.dumps(digest))
    if not any(current.execute(users.limit(1)).first() for users in (companies, settings)):
        current.execute(sa.delete(StoredFile).where(StoredFile.digest == digest))
