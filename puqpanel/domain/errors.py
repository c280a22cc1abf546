"""Errors whose text is shown to people.

The text of a `UserError` is safe to show; any other exception is shown as a reference number.
"""

from __future__ import annotations


class PanelError(Exception):
    """Base class of the panel's own errors."""


class UserError(PanelError):
    """An error that the user can fix; its text says how."""


class NotFoundError(UserError):
    """The object does not exist or belongs to someone else; both must look the same."""


class ConflictError(UserError):
    """The object's state does not allow the operation."""


class InProgressError(ConflictError):
    """The requested operation is running or has just completed; nothing is wrong."""


class PermissionDenied(UserError):
    """The user is signed in but not allowed to do this."""


class ExternalServiceError(UserError):
    """An external service failed or did not answer; the text contains no secret."""


class InvalidInput(UserError):
    """Validation errors of a form.

    Args:
        errors: messages by field name; the empty name holds errors of no single field.
        message: summary shown above the form.
    """

    def __init__(
        self, errors: dict[str, list[str]], message: str = "Some fields are invalid."
    ) -> None:
        super().__init__(message)
        self.errors = errors
