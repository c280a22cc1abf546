"""Configured modules: gateways (Payment modules) and senders (Notification modules)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.crypto import EncryptedJSON
from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Id, Key, Name, Uuid, Word
from puqpanel.models.searchable import Searchable


class ConfiguredModule(Searchable, Model):
    """A gateway or sender: one configuration of a module.

    Attributes:
        type: type of the module.
        name: name of the module.
        title: display name.
        data: settings, which the module reads as `module_data`; encrypted.
        company_id: the only company that a gateway is offered for; NULL for all.
        currencies: the only currencies that it is offered for, with spaces between; empty for all.
    """

    __tablename__ = "instances"
    searched = ("title", "name")
    __table_args__ = (sa.Index("ix_instances_type_position", "type", "position"),)
    id: Mapped[Key]
    uuid: Mapped[Uuid]
    type: Mapped[Word]
    name: Mapped[str] = mapped_column(sa.String(80))
    title: Mapped[Name]
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=False)
    data: Mapped[dict[str, Any]] = mapped_column(EncryptedJSON, default=dict)
    company_id: Mapped[int | None] = mapped_column(Id, sa.ForeignKey("companies.id"), index=True)
    currencies: Mapped[str] = mapped_column(sa.String(400), default="")
    created_at: Mapped[Created]

    @property
    def module(self) -> str:
        """The module's key, `Payment/SamplePayment`."""
        return f"{self.type}/{self.name}"
