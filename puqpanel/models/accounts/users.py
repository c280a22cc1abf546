"""Users, who sign in at /client; their permissions depend on the client."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Created, Email, Key, Moment, Name, Uuid


class Account:
    """The columns of an account that signs in.

    Attributes:
        language: tag of the language of its pages; empty to follow the browser.
        zone: IANA time zone of its pages; empty to follow the browser.
    """

    id: Mapped[Key]
    uuid: Mapped[Uuid]
    email: Mapped[Email] = mapped_column(unique=True)
    name: Mapped[Name]
    password_hash: Mapped[str] = mapped_column(sa.String(200))
    active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(sa.String(35), default="")
    zone: Mapped[str] = mapped_column(sa.String(64), default="")
    last_login_at: Mapped[Moment | None]
    created_at: Mapped[Created]


class User(Account, Model):
    """An account that signs in at /client."""

    __tablename__ = "users"
