"""The states of a request to end a service."""

from __future__ import annotations

from enum import StrEnum


class EndingStatus(StrEnum):
    """How far a request to end a service is."""

    SCHEDULED = "scheduled"
    """It waits for its day, and can be taken back."""
    STARTED = "started"
    """The module was asked to terminate the service."""
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
