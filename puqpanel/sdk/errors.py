"""Errors that modules raise and catch."""

from puqpanel.domain import errors
from puqpanel.host.contract.names import bind


@bind
class CodedError(Exception):
    """An error that also has the vendor's `getMessage()` and `getCode()`."""

    code = 0

    def get_message(self) -> str:
        """Return the error's text."""
        return str(self)

    def get_code(self) -> int:
        """Return the error's code; 0 if there is none."""
        return self.code


class SchemaError(errors.UserError):
    """A module's table cannot be created, changed or used as requested; the text says why."""


class ExternalServiceError(CodedError, errors.ExternalServiceError):
    """A provider refused the request or did not answer.

    Args:
        message: what happened, without secrets; shown to staff.
        code: the provider's error code or HTTP status.
    """

    def __init__(self, message: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.code = code
