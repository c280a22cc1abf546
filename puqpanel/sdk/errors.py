"""Errors that modules raise and catch, with the methods by which the texts ask them."""

from puqpanel.domain import errors
from puqpanel.host.contract.names import bind


@bind
class Asked(Exception):
    """An error whose text and number have a method too."""

    code = 0

    def get_message(self) -> str:
        """Its text, as `str()` gives it."""
        return str(self)

    def get_code(self) -> int:
        """Its number; 0 where it has none."""
        return self.code


class SchemaError(errors.UserError):
    """A module's table cannot be created, changed or used as requested; the text says why."""


class ExternalServiceError(Asked, errors.ExternalServiceError):
    """An outside service refused or did not answer; the text is read by people and names no
    secret.
    """

    def __init__(self, message: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.code = code
