"""Payments whose outcome is awaited: what they pay is not acted upon until it is known."""

from __future__ import annotations

from collections.abc import Collection


def documents_awaiting_payment(document_ids: Collection[int]) -> set[int]:
    """Return the documents with a payment that is pending, unknown or disputed.

    Their services are not suspended or terminated, and their orders not cancelled. Payments are
    recorded once they have succeeded, so that there are none yet.

    Args:
        document_ids: the documents to look at.
    """
    return set()
