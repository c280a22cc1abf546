"""What was read from the folders of installed modules, so that pages need not read them all."""

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from puqpanel.infra.db import Model
from puqpanel.models.columns import Key, Sentence, Word
from puqpanel.models.searchable import Searchable


class InstalledModule(Searchable, Model):
    """A folder under modules/, as it was when it was read last.

    Attributes:
        title: the name in config.py.
        about: description, author and their translations, for the search.
        place: sorts by type, then by name.
        refused: whether it cannot be loaded.
        invalid: whether one of its files has a syntax error.
        missing: whether the folder is gone.
        state: fingerprint of its files.
    """

    __tablename__ = "installed_modules"
    __table_args__ = (sa.UniqueConstraint("type", "name"),)
    searched = ("name", "title", "about")
    id: Mapped[Key]
    type: Mapped[Word]
    name: Mapped[str] = mapped_column(sa.String(255))
    title: Mapped[str] = mapped_column(sa.String(255), index=True)
    about: Mapped[Sentence]
    place: Mapped[str] = mapped_column(sa.String(260), index=True)
    refused: Mapped[bool] = mapped_column(default=False)
    invalid: Mapped[bool] = mapped_column(default=False)
    missing: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(sa.String(64), default="")
