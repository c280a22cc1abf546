"""Connections to the addresses that a policy returns, for `infra.http`."""

from __future__ import annotations

import socket
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import create_connection
from urllib3.util.retry import Retry

from puqpanel.domain.errors import UserError
from puqpanel.infra import deadlines
from puqpanel.infra.addresses import NameUnknown, resolve_reachable

Policy = Callable[[str, int], list[tuple[str, int]]]
"""Returns the addresses to connect to for a host and port; raises UserError if there are none."""


class Refused(NewConnectionError):
    """The policy allows no address of the host."""

    def __init__(self, connection: HTTPConnection, message: str) -> None:
        super().__init__(connection, message)
        self.refusal = message


def _connect(connection: HTTPConnection, policy: Policy) -> socket.socket:
    """Connect to an address that the policy returns, without resolving the name again."""
    try:
        addresses = policy(connection.host, connection.port or connection.default_port)
    except NameUnknown as error:
        if policy is resolve_reachable:
            raise NewConnectionError(connection, str(error)) from error
        raise Refused(connection, str(error)) from error
    except UserError as error:
        raise Refused(connection, str(error)) from error
    limit: Any = connection.timeout
    problem: HTTPError = NewConnectionError(connection, "no address")
    deadline = deadlines.current()
    for address in addresses:
        if deadline is not None and deadline.passed:
            break
        try:
            return create_connection(address, limit, socket_options=connection.socket_options)
        except TimeoutError:
            problem = ConnectTimeoutError(connection, "timed out")
        except OSError as error:
            problem = NewConnectionError(connection, str(error))
    raise problem


class _Response(HTTPResponse):
    """Response after any number of informational ones, of which http.client skips only 100."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        is_informational = 100 < status < 200 and status != HTTPStatus.SWITCHING_PROTOCOLS
        return version, HTTPStatus.CONTINUE if is_informational else status, reason


class _Watched(HTTPConnection):
    """Connection that is shut down at the deadline of its request."""

    response_class = _Response

    def getresponse(self) -> Any:
        """Return the response, whose status line and headers the deadline applies to."""
        if deadline := deadlines.current():
            deadline.watch(self.sock)
        return super().getresponse()


class Guarded(HTTPAdapter):
    """Adapter that connects to the addresses a policy returns."""

    def __init__(self, policy: Policy, retry: Retry) -> None:
        self.policy = policy
        super().__init__(max_retries=retry)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **options: Any
    ) -> None:
        """Create pools whose connections use the policy."""
        policy = self.policy

        # urllib3 has no other way to set a connection's address and keep its name for the
        # certificate.
        class Plain(_Watched):
            def _new_conn(self) -> socket.socket:
                return _connect(self, policy)

        class Secure(_Watched, HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, policy)

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager = PoolManager(
            num_pools=connections, maxsize=maxsize, block=block, **options
        )
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
