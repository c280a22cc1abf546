"""Files that people upload, in the database so that every host has them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import MEDIUMBLOB
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Word


class StoredFile(Model):
    """A file, named by the digest of its content."""

    __tablename__ = "files"
    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    content_type: Mapped[Word]
    content: Mapped[bytes] = mapped_column(
        sa.LargeBinary().with_variant(MEDIUMBLOB(), "mysql", "mariadb")
    )
    created_at: Mapped[Created]
