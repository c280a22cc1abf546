"""The reasons for which sessions end."""

from __future__ import annotations

from enum import StrEnum


class SessionEnd(StrEnum):
    """The reason a session ended; a live session has none."""

    SIGNED_OUT = "signed_out"
    SIGNED_IN_AGAIN = "signed_in_again"
    BY_PERSON = "by_person"
    BY_STAFF = "by_staff"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - not a password
    RIGHTS_CHANGED = "rights_changed"
    DEACTIVATED = "deactivated"
    TOO_MANY = "too_many"
    IDLE = "idle"
    EXPIRED = "expired"
