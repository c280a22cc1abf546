"""Whole lists as files, read in batches to keep memory use constant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.orm import Session

from puqpanel.domain.spreadsheet import csv_line
from puqpanel.web.lists import Args, Listing


def as_csv(listing: Listing, session: Session, args: Args) -> Iterator[str]:
    """Yield all pages as CSV lines.

    Args:
        listing: the list.
        session: as for `Listing.page`.
        args: as for `Listing.page`.
    """
    query = listing.read("", args)
    columns = listing.shown_columns(query)
    yield csv_line([column.label for column in columns])
    for rows in listing.batches(session, query):
        yield "".join(csv_line([column.text(row) for column in columns]) for row in rows)


def as_json(listing: Listing, session: Session, args: Args) -> Iterator[str]:
    """Yield all pages as one JSON array of objects.

    Args:
        listing: the list.
        session: as for `Listing.page`.
        args: as for `Listing.page`.
    """
    query = listing.read("", args)
    chosen = listing.shown_columns(query)
    columns = [(key, column) for key, column in listing.columns.items() if column in chosen]
    separator = "[\n"
    for rows in listing.batches(session, query):
        for row in rows:
            values = {key: column.text(row) for key, column in columns}
            yield separator + json.dumps(values, ensure_ascii=False, default=_json_value)
            separator = ",\n"
    yield "\n]\n" if separator != "[\n" else "[]\n"


def _json_value(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
