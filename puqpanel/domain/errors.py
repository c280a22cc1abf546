"""Errors whose text is shown to people.

The text of a `UserError` is safe to show; any other exception is shown as a reference number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from puqpanel.domain.texts import Text, _, verbatim


class PanelError(Exception):
    """Base class of the panel's own errors."""


class UserError(PanelError):
    """An error that the user can fix; its text says how.

    Args:
        text: the text for people, translated when it is shown. Text that is not a `Text`, such as
            a module's or a provider's, is shown as it is.

    Attributes:
        error_code: names the kind of error for programs.
    """

    error_code: ClassVar[str] = "error"

    def __init__(self, text: Text | str) -> None:
        super().__init__(text)
        self.text = text if isinstance(text, Text) else verbatim(text)


class NotFoundError(UserError):
    """The object does not exist or belongs to someone else; both must look the same."""

    error_code = "not_found"


class ConflictError(UserError):
    """The object's state does not allow the operation."""

    error_code = "conflict"


class InProgressError(ConflictError):
    """The requested operation is running or has just completed; nothing is wrong."""

    error_code = "in_progress"


class PermissionDenied(UserError):
    """The user is signed in but not allowed to do this."""

    error_code = "permission_denied"


class ExternalServiceError(UserError):
    """An external service failed or did not answer; the text contains no secret."""

    error_code = "external_service"


class InvalidInput(UserError):
    """Validation errors of a form.

    Args:
        errors: messages by field name; the empty name holds errors of no single field.
        text: summary shown above the form.
    """

    error_code = "invalid_input"

    def __init__(
        self,
        errors: Mapping[str, Sequence[Text | str]],
        text: Text | str = _("Some fields are invalid."),  # noqa: B008  # immutable
    ) -> None:
        super().__init__(text)
        self.messages = errors

    @property
    def errors(self) -> dict[str, list[str]]:
        """The messages by field name, in the language of the viewer."""
        return {name: [str(each) for each in texts] for name, texts in self.messages.items()}
