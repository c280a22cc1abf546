"""Errors that mean something to the reader of a page.

A UserError's text is safe to show; anything else gets a reference number.
"""

from __future__ import annotations


class PanelError(Exception):
    """The root of the panel's own errors."""


class UserError(PanelError):
    """Something the person can mend; its text is a sentence for them."""


class NotFoundError(UserError):
    """No such thing, or not theirs: the two must look alike."""


class ConflictError(UserError):
    """The thing is not in a state in which this can be done."""


class InProgressError(ConflictError):
    """What was requested is running already, or has just completed: nothing is wrong."""


class PermissionDenied(UserError):
    """The person is known but may not do this."""


class ExternalServiceError(UserError):
    """An outside service refused or did not answer; the text names no secret."""


class InvalidInput(UserError):
    """Fields that need another look.

    Args:
        errors: field name → sentences; the empty name holds what belongs to no field.
        message: one sentence over all of them.
    """

    def __init__(
        self, errors: dict[str, list[str]], message: str = "Some fields are invalid."
    ) -> None:
        super().__init__(message)
        self.errors = errors
