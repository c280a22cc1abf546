"""Lists as CSV, streamed."""

from __future__ import annotations

from itertools import chain
from typing import Any

from flask import Response, request, stream_with_context

from puqpanel.infra.db import session
from puqpanel.web.lists import Listing


def csv_wanted() -> bool:
    """Whether the address asks for CSV."""
    return request.args.get("format") == "csv"


def csv_answer(listing: Listing, name: str, *, scope: Any = None) -> Response:
    """What a list shows, as a file.

    It begins with a byte order mark: without one, spreadsheets take UTF-8 for the encoding of 1990.

    Args:
        listing: the list.
        name: the file's name without its ending.
        scope: as for `Listing.page`.
    """
    lines = stream_with_context(listing.csv(session(), request.args, scope=scope))
    answer = Response(chain(("\ufeff",), lines), mimetype="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
