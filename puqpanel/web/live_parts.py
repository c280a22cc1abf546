"""Parts of pages that reload themselves while a task runs."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

OUTDATED = {"HX-Trigger-After-Settle": "pageOutdated"}
"""Header of a part after which the rest of the page is outdated; see static/js/live.js."""


def answer(part: str, *, busy: bool) -> ResponseReturnValue:
    """Return a part of a page; once nothing runs, the page reloads unless a form was edited.

    Args:
        part: Its HTML; while busy, with an element that requests it again.
        busy: Whether a task that it shows is running.
    """
    return part if busy else (part, OUTDATED)
