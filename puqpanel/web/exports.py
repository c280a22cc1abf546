"""CSV export of lists, streamed."""

from __future__ import annotations

from itertools import chain
from typing import Any

from flask import Response, request, stream_with_context

from puqpanel.infra.db import session
from puqpanel.web.lists import Listing


def csv_wanted() -> bool:
    """Return whether the request asks for CSV."""
    return request.args.get("format") == "csv"


def csv_answer(listing: Listing, name: str, *, scope: Any = None) -> Response:
    """Return what a list shows as a CSV file.

    The file starts with a byte order mark: spreadsheets do not detect UTF-8 without one.

    Args:
        listing: the list.
        name: the file name without its extension.
        scope: as for `Listing.page`.
    """
    lines = stream_with_context(listing.csv(session(), request.args, scope=scope))
    response = Response(chain(("\ufeff",), lines), mimetype="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
