"""Files that people upload, in the database so that every host has them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Word


class _Content(sa.types.TypeDecorator[bytes]):
    """Up to 16 MB; MySQL's BLOB would hold 64 KB."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name not in ("mysql", "mariadb"):
            return super().load_dialect_impl(dialect)
        from sqlalchemy.dialects.mysql import MEDIUMBLOB

        return dialect.type_descriptor(MEDIUMBLOB())


class StoredFile(Model):
    """A file, named by the digest of its content."""

    __tablename__ = "files"
    digest: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    content_type: Mapped[Word]
    content: Mapped[bytes] = mapped_column(_Content)
    created_at: Mapped[Created]
