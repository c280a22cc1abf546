"""Column types that many tables share."""

import uuid
from datetime import datetime
from typing import Annotated

import sqlalchemy as sa
from sqlalchemy.orm import mapped_column

from puqpanel.domain.texts import Text, verbatim
from puqpanel.infra.clock import now
from puqpanel.infra.db import StoredText, UtcDateTime


def new_uuid() -> str:
    """Return a random UUID as 36 characters of text."""
    return str(uuid.uuid4())


Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Type of ids: 64 bits everywhere. SQLite numbers rows by itself only in an INTEGER column."""

Key = Annotated[int, mapped_column(Id, primary_key=True)]
Reference = Annotated[int, mapped_column(Id)]
"""The id of another row, with or without a foreign key."""
Uuid = Annotated[str, mapped_column(sa.String(36), unique=True, default=new_uuid)]
Name = Annotated[str, mapped_column(sa.String(200))]
Email = Annotated[str, mapped_column(sa.String(254))]
Word = Annotated[str, mapped_column(sa.String(40))]
Sentence = Annotated[str, mapped_column(sa.Text, default="")]
Message = Annotated[Text, mapped_column(StoredText, default=verbatim(""))]
"""A text of the panel, or of a provider, shown in the language of the viewer."""
Moment = Annotated[datetime, mapped_column(UtcDateTime)]
Created = Annotated[datetime, mapped_column(UtcDateTime, default=now)]
