"""Differences between services and what their providers report."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Key, Reference, Word


class ServiceDifference(Model):
    """A service whose provider reported something else than the panel has.

    Attributes:
        kind: a `domain.differences.DifferenceKind`.
        answer: what the provider reported last: `exists`, `suspended` and `data`.
        since: when it was first reported.
    """

    __tablename__ = "service_differences"
    id: Mapped[Key]
    service_id: Mapped[Reference] = mapped_column(
        sa.ForeignKey("services.id", ondelete="CASCADE"), unique=True
    )
    kind: Mapped[Word]
    answer: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    since: Mapped[Created]
