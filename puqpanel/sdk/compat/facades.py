"""Small vendor facades over SDK functions: `DB`, `Crypt`, `auth()` and the response types."""

from collections.abc import Callable
from typing import Any

from flask import Response
from markupsafe import Markup

from puqpanel.host.contract.names import bind
from puqpanel.sdk.compat.query import Query
from puqpanel.sdk.crypt import decrypt, encrypt
from puqpanel.sdk.db import transaction
from puqpanel.sdk.web import CurrentAdmin, auth_id, current_admin

__all__ = ["DB", "Crypt", "JsonResponse", "Response", "View", "auth"]

# Return annotations of ported controllers: `def servers(self, request: Request) -> View`.
JsonResponse = Response
View = Markup


@bind
class DB:
    """Query the module's own tables without models. In new code, use `db`."""

    @staticmethod
    def table(name: str) -> Query:
        """Return a query over one of the module's tables.

        Raises:
            SchemaError: the table does not exist.
        """
        return Query(name)

    @staticmethod
    def transaction(work: Callable[[], Any] | None = None) -> Any:
        """Run `work` in a transaction and return its result; without it, a context manager."""
        if work is None:
            return transaction()
        with transaction():
            return work()


@bind
class Crypt:
    """Encrypt and decrypt values. In new code, use `encrypt` and `decrypt`."""

    encrypt = staticmethod(encrypt)
    decrypt = staticmethod(decrypt)

    @staticmethod
    def encrypt_string(value: str) -> str:
        """Encrypt text."""
        return encrypt(str(value))

    @staticmethod
    def decrypt_string(token: str) -> str:
        """Decrypt text."""
        return str(decrypt(token))


class _Auth:
    """`auth().id()` and `auth().user()`. In new code, use `auth_id()` and `current_admin`."""

    def __call__(self) -> "_Auth":
        return self

    def id(self) -> int | None:
        """Return `auth_id()`."""
        return auth_id()

    def user(self) -> CurrentAdmin:
        """Return `current_admin`."""
        return current_admin


auth = _Auth()
