"""HTTP client for modules: limited in time and size, and never retrying unsafe requests."""

from __future__ import annotations

import io
import socket
import time
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    NewConnectionError,
)
from urllib3.util.connection import create_connection
from urllib3.util.retry import Retry

from puqpanel.domain.errors import UserError
from puqpanel.infra.addresses import NameUnknown, resolve_reachable

Policy = Callable[[str, int], list[tuple[str, int]]]
"""Returns the addresses to connect to for a host and port; raises UserError if there are none."""
TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
MAX_BYTES = 10 * 1024 * 1024
USER_AGENT = "puqpanel-module/1.0"
# Raised before anything was sent.
_NOT_SENT = (ConnectTimeoutError, NewConnectionError)
# OpenSSL's reasons if the server's first bytes are not of TLS.
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
    "PACKET_LENGTH_TOO_LONG",
    "HTTP_REQUEST",
)
_LATE = "The response was not complete in time."
# Safe methods, which have no side effects.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSED_BEFORE_SENDING = (
    requests.ConnectTimeout,
    requests.exceptions.SSLError,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of a request.

    Args:
        status_code: HTTP status; 0 without a complete response.
        body: Bytes of the response, at most 10 MB.
        headers: Headers of the response.
        error: A sentence if there is no complete response, else empty.
        lost: Whether the server may have processed the request although its response was lost.
        duration_ms: Duration of the request.
        encoding: The declared charset of the body, or empty.
        slow: Whether the request timed out, so that another one would probably time out too.
    """

    status_code: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    lost: bool = False
    duration_ms: int = 0
    encoding: str = ""
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """Shorter limits for one request that a page waits for.

    Args:
        connect: Seconds to connect.
        read: Seconds between two bytes of the response.
        until: Deadline of the whole request, in `time.monotonic()` time.
    """

    connect: float
    read: float
    until: float


class Wire:
    """A session with one provider.

    Args:
        verify: Whether to verify certificates, or the path of a CA file.
        timeout: Seconds between two bytes of a response; a whole response may take twice as long.
        connect_timeout: Seconds to connect.
        auth: User name and password for HTTP Basic.
        headers: Headers of every request.
        policy: Called for every connection, including redirects, and returns the addresses to
            connect to; None allows all but link-local addresses and metadata services.
    """

    def __init__(
        self,
        *,
        verify: bool | str = True,
        timeout: float = TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.timeout, self.connect_timeout = timeout, connect_timeout
        self.session = requests.Session()
        # Ignore the machine's proxy and netrc settings: credentials go only where the caller says.
        self.session.trust_env = False
        self.session.verify = verify
        if verify is False:
            # Turning verification off is deliberate. The filter is global, because a warnings
            # context is not thread-safe.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        self.session.auth = auth
        self.session.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}
        )
        # send() decides what to retry.
        retry = Retry(total=0, read=False, respect_retry_after_header=False)
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, _Guarded(policy or resolve_reachable, retry))

    def send(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: Any = None,
        params: Any = None,
        headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
        follow: int = 0,
    ) -> Reply:
        """Send a request; network errors are part of the reply instead of exceptions.

        A failed connection is retried once, because nothing was sent, unless there is a `limit`.
        Redirects are returned like other responses, unless `follow` is the number of redirects that
        a GET or HEAD may follow. Headers of the session and credentials are sent only to the origin
        of `url`.
        """
        started = time.monotonic()
        deadline = started + self.connect_timeout + 2 * self.timeout
        if limit:
            deadline = min(deadline, limit.until)
        first_url = url
        private_headers = [
            name for name in self.session.headers if name.lower() not in ("user-agent", "accept")
        ]
        redirects = follow if method.upper() in ("GET", "HEAD") else 0
        for remaining in range(redirects, -1, -1):
            same_origin = _origin(url) == _origin(first_url)
            reply = self._send(
                method,
                url,
                json=json,
                data=data,
                params=params,
                headers=headers,
                limit=limit,
                deadline=deadline,
                remove_headers=() if same_origin else (*private_headers, *(headers or {})),
            )
            reply_headers = {name.lower(): value for name, value in reply.headers.items()}
            location = reply_headers.get("location", "")
            if not remaining or reply.status_code not in _REDIRECTS or not location:
                break
            url, params = urljoin(url, location), None
        return replace(reply, duration_ms=int((time.monotonic() - started) * 1000))

    def _send(
        self,
        method: str,
        url: str,
        *,
        json: Any,
        data: Any,
        params: Any,
        headers: Mapping[str, str] | None,
        limit: Limit | None,
        deadline: float,
        remove_headers: Collection[str],
    ) -> Reply:
        """Send a request without following redirects.

        If `remove_headers` is not empty, these headers, cookies and credentials are left out.
        """
        arguments = {
            "json": json,
            "params": params,
            "headers": dict(headers or {}),
            "allow_redirects": False,
            "stream": True,
        }
        if remove_headers:
            arguments |= {
                "headers": dict.fromkeys(remove_headers),
                "auth": lambda request: request,
                "cookies": None,
            }
        for last in (True,) if limit else (False, True):
            seconds = max(0.05, deadline - time.monotonic())
            arguments["timeout"] = (
                min(self.connect_timeout, seconds, limit.connect if limit else seconds),
                min(self.timeout, seconds, limit.read if limit else seconds),
            )
            arguments["data"] = _Body(data, deadline) if isinstance(data, bytes) and data else data
            reply, unsent = self._send_once(method, url, arguments, deadline)
            if last or not unsent:
                break
        return reply

    def _send_once(
        self, method: str, url: str, arguments: Mapping[str, Any], deadline: float
    ) -> tuple[Reply, bool]:
        """Return the reply, and whether a retry is safe because nothing was sent."""
        safe = method.upper() in _SAFE_METHODS
        try:
            with self.session.request(method, url, **arguments) as response:
                body, problem = self._read(response, deadline)
                reply = Reply(
                    0 if problem else response.status_code,
                    body,
                    dict(response.headers),
                    problem,
                    lost=bool(problem) and not safe,
                    encoding=_charset(response.headers.get("Content-Type", "")),
                    slow=problem == _LATE,
                )
                return reply, False
        except requests.RequestException as error:
            unsent = _is_unsent(error)
            reply = Reply(
                0,
                error=_message(error),
                lost=not unsent and not isinstance(error, _REFUSED_BEFORE_SENDING),
                slow=isinstance(error, requests.Timeout) or "timed out" in str(error),
            )
            return reply, unsent
        except HTTPError as error:  # raised while reading the response
            slow = "timed out" in str(error)
            reply = Reply(
                0,
                error=_LATE if slow else "The connection was closed during the response.",
                lost=not safe,
                slow=slow,
            )
            return reply, False
        except (ValueError, TypeError, UnicodeError) as error:
            return Reply(0, error=f"Invalid request: {error}."), False

    def _read(self, response: requests.Response, deadline: float) -> tuple[bytes, str]:
        parts: list[bytes] = []
        size = 0
        # read1 returns the available bytes. Reading whole blocks of a slow response would exceed
        # the deadline.
        while part := response.raw.read1(64 * 1024, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                return b"", "The response exceeded 10 MB."
            if time.monotonic() > deadline:
                return b"", _LATE
        if _is_cut(response.raw):
            return b"", "The response was incomplete."
        return b"".join(parts), ""

    def close(self) -> None:
        """Close all connections."""
        self.session.close()


def _charset(content_type: str) -> str:
    # not response.encoding, which is Latin-1 for every text without a charset
    header = Message()
    header["Content-Type"] = content_type
    return header.get_content_charset() or ""


def _is_cut(raw: Any) -> bool:
    """Return whether compressed content ended early, which urllib3 does not report."""
    inflater = getattr(getattr(raw, "_decoder", None), "_obj", None)
    return raw.tell() > 0 and inflater is not None and not inflater.eof


class _Refused(NewConnectionError):
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
        raise _Refused(connection, str(error)) from error
    except UserError as error:
        raise _Refused(connection, str(error)) from error
    limit: Any = connection.timeout
    problem: HTTPError = NewConnectionError(connection, "no address")
    for address in addresses:
        try:
            return create_connection(address, limit, socket_options=connection.socket_options)
        except TimeoutError:
            problem = ConnectTimeoutError(connection, "timed out")
        except OSError as error:
            problem = NewConnectionError(connection, str(error))
    raise problem


class _Guarded(HTTPAdapter):
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
        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _connect(self, policy)

        class Secure(HTTPSConnection):
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


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower()
    except ValueError:
        return "", url


class _Body(io.BytesIO):
    """A body that is sent in blocks.

    A single piece would have to be sent within the connect timeout.
    """

    def __init__(self, content: bytes, deadline: float) -> None:
        super().__init__(content)
        self.deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next block, or raise TimeoutError after the deadline."""
        if time.monotonic() > self.deadline:
            raise TimeoutError("timed out")
        return super().read(size)


def _is_unsent(error: requests.RequestException) -> bool:
    return isinstance(_cause(error), _NOT_SENT)


def _cause(error: requests.RequestException) -> object:
    """Return urllib3's error, which requests wraps in its own and urllib3 in MaxRetryError."""
    wrapped = error.args[0] if error.args else None
    return getattr(wrapped, "reason", wrapped)


def _message(error: requests.RequestException) -> str:
    cause = _cause(error)
    if isinstance(cause, _Refused):
        return cause.refusal
    if isinstance(error, requests.ConnectTimeout):
        return "Connecting to the server timed out."
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "The server did not respond in time."
    if isinstance(error, requests.exceptions.SSLError):
        return _tls_message(str(cause))
    if isinstance(error, requests.ConnectionError):
        if _is_unsent(error):
            return "Could not connect to the server."
        if "BadStatusLine('\\x15\\x03" in str(cause):  # an alert of TLS
            return "The server expects TLS (https) on this port."
        if "BadStatusLine(" in str(cause):
            return "The server does not use HTTP on this port."
        return "The server closed the connection without a response."
    return f"The request failed ({type(error).__name__})."


def _tls_message(cause: str) -> str:
    """Return a sentence for OpenSSL's reason why there is no TLS connection."""
    if any(reason in cause for reason in _NO_TLS):
        return "The server does not use TLS (https) on this port; it may expect plain HTTP."
    if "CERTIFICATE_VERIFY_FAILED" not in cause and "CertificateError" not in cause:
        return "The server ended the TLS handshake."
    if "expired" in cause:
        return "The server's certificate has expired."
    if "mismatch" in cause or "doesn't match" in cause:
        return "The server's certificate is for another host name."
    return "The server's certificate is not trusted."
