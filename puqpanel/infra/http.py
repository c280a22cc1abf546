"""Requests to outside services on behalf of modules: bounded in time and size, never repeated
where repeating is not safe.
"""

from __future__ import annotations

import io
import socket
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
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
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.retry import Retry

from puqpanel.domain.errors import UserError

Policy = Callable[[str, int], list[tuple[str, int]]]
"""Answers the addresses of a host that may be connected to; raises UserError where there is
none.
"""
TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
MAX_BYTES = 10 * 1024 * 1024
AGENT = "puqpanel-module/1.0"
# Nothing of these was sent when they are raised.
_NOT_SENT = (ConnectTimeoutError, NameResolutionError, NewConnectionError)
_LATE = "The answer did not end in time."
# Asking these again changes nothing, whatever became of the first time.
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request.

    Args:
        status_code: 0 where no whole answer came.
        body: the answer's bytes, at most 10 MB.
        headers: the answer's.
        error: one sentence where no whole answer came, else empty.
        lost: the request may have reached the other side, but its answer did not reach us: the work
            may be done.
        duration_ms: how long it took.
        encoding: of the text.
        slow: nothing, or not enough, came in the time there was: asking again now would wait as
            long again.
    """

    status_code: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    lost: bool = False
    duration_ms: int = 0
    encoding: str = "utf-8"
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """Shorter limits than the wire's own, for one request that somebody's page waits for.

    Args:
        connect: seconds to reach the other side.
        read: seconds between two bytes of an answer.
        until: when it must be over, answer and all; a moment of `time.monotonic()`.
    """

    connect: float
    read: float
    until: float


class Wire:
    """One session with one provider.

    Args:
        verify: whether the certificate is checked; a path names the authority's file.
        timeout: seconds between two bytes of an answer, and over all of it.
        connect_timeout: seconds to reach the other side.
        auth: user name and password for HTTP Basic.
        headers: sent with every request.
        policy: asked at every connection, a redirect's too, which then goes to the address that it
            answers; None connects to any.
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
        # the machine's proxy and netrc settings are not the provider's: credentials go where the
        # caller says
        self.session.trust_env = False
        self.session.verify = verify
        if verify is False:
            # who switched the check off need not be told with each request; once for all, since a
            # context of warnings is no thread's own
            warnings.simplefilter("ignore", InsecureRequestWarning)
        self.session.auth = auth
        self.session.headers.update(
            {"User-Agent": AGENT, "Accept": "application/json", **(headers or {})}
        )
        # what is tried again, `send()` decides
        retry = Retry(total=0, read=False, respect_retry_after_header=False)
        for scheme in ("https://", "http://"):
            self.session.mount(
                scheme, _Guarded(policy, retry) if policy else HTTPAdapter(max_retries=retry)
            )

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
        """One request. Never raises for what the network does.

        A connection that never stood is tried once more, because nothing was sent over it; not
        under a `limit`. Redirects are answers, unless `follow` says how many of them a GET or HEAD
        may follow; what the session sends with each request, credentials above all, stays with the
        address that was asked.
        """
        started = time.monotonic()
        ends = min(
            started + self.connect_timeout + 2 * self.timeout,
            limit.until if limit else float("inf"),
        )
        first, own = (
            url,
            {
                name: None
                for name in self.session.headers
                if name.lower() not in ("user-agent", "accept")
            },
        )
        for left in range(follow if method.upper() in ("GET", "HEAD") else 0, -1, -1):
            reply = self._send(
                method,
                url,
                json=json,
                data=data,
                params=params,
                headers=headers,
                limit=limit,
                started=started,
                ends=ends,
                anonymous=() if _origin(url) == _origin(first) else (*own, *(headers or {})),
            )
            to = {key.lower(): value for key, value in reply.headers.items()}.get("location", "")
            if not left or reply.status_code not in _REDIRECTS or not to:
                break
            url, params = urljoin(url, to), None
        return reply

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
        started: float,
        ends: float,
        anonymous: Collection[str],
    ) -> Reply:
        """One request without what follows a redirect; `anonymous` are the headers that stay
        behind, and with them the credentials.
        """
        what = {
            "json": json,
            "params": params,
            "headers": dict(headers or {}),
            "allow_redirects": False,
            "stream": True,
        }
        if anonymous:
            what |= {"headers": dict.fromkeys(anonymous), "auth": _nobody, "cookies": None}
        for last in (True,) if limit else (False, True):
            left = max(0.05, ends - time.monotonic())
            what["timeout"] = (
                min(self.connect_timeout, left, limit.connect if limit else left),
                min(self.timeout, left, limit.read if limit else left),
            )
            what["data"] = _Body(data, ends) if isinstance(data, bytes) and data else data
            reply, unsent = self._once(method, url, what, started, ends)
            if last or not unsent:
                break
        return reply

    def _once(
        self, method: str, url: str, what: Mapping[str, Any], started: float, ends: float
    ) -> tuple[Reply, bool]:
        """The reply, and whether trying again is safe because nothing was sent."""
        try:
            with self.session.request(method, url, **what) as answer:
                body, problem = self._read(answer, ends)
                lost = bool(problem) and method.upper() not in _REPEATABLE
                return (
                    Reply(
                        0 if problem else answer.status_code,
                        body,
                        dict(answer.headers),
                        problem,
                        lost,
                        _since(started),
                        answer.encoding or "utf-8",
                        problem == _LATE,
                    ),
                    False,
                )
        except requests.RequestException as error:
            unsent = _never_sent(error)
            sent = (
                not isinstance(
                    error,
                    (
                        requests.ConnectTimeout,
                        requests.exceptions.SSLError,
                        requests.exceptions.InvalidURL,
                        requests.exceptions.MissingSchema,
                        requests.exceptions.InvalidSchema,
                        requests.exceptions.InvalidHeader,
                    ),
                )
                and not unsent
            )
            slow = isinstance(error, requests.Timeout) or "timed out" in str(error)
            return (
                Reply(0, error=_sentence(error), lost=sent, duration_ms=_since(started), slow=slow),
                unsent,
            )
        except HTTPError as error:  # while the answer was read
            slow = "timed out" in str(error)
            sentence = _LATE if slow else "The connection was cut before the whole answer came."
            return (
                Reply(
                    0,
                    error=sentence,
                    lost=method.upper() not in _REPEATABLE,
                    duration_ms=_since(started),
                    slow=slow,
                ),
                False,
            )
        except (ValueError, TypeError, UnicodeError) as error:
            return (
                Reply(
                    0, error=f"The request could not be made: {error}.", duration_ms=_since(started)
                ),
                False,
            )

    def _read(self, answer: requests.Response, ends: float) -> tuple[bytes, str]:
        parts: list[bytes] = []
        size = 0
        # read1 hands out what has come: an answer that drips would keep a read of a whole block
        # waiting past every limit
        while part := answer.raw.read1(64 * 1024, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                return b"", "The answer was longer than 10 MB."
            if time.monotonic() > ends:
                return b"", _LATE
        return b"".join(parts), ""

    def close(self) -> None:
        """Lets go of the connections."""
        self.session.close()


class _Refused(NewConnectionError):
    """The policy allows no address of this host; the text is its sentence."""

    def __init__(self, connection: HTTPConnection, sentence: str) -> None:
        super().__init__(connection, sentence)
        self.sentence = sentence


def _connect(connection: HTTPConnection, policy: Policy) -> socket.socket:
    """A socket to an address that the policy answers; the name is not looked up again.

    Raises as a connection of urllib3's does.
    """
    try:
        found = policy(connection.host, connection.port or connection.default_port)
    except UserError as error:
        raise _Refused(connection, str(error)) from error
    limit: Any = connection.timeout
    for number, address in enumerate(found, 1):
        try:
            return _dial(address, limit, connection.socket_options)
        except TimeoutError as error:
            if number == len(found):
                raise ConnectTimeoutError(connection, "timed out") from error
        except OSError as error:
            if number == len(found):
                raise NewConnectionError(connection, str(error)) from error
    raise NewConnectionError(connection, "no address")


def _dial(address: tuple[str, int], limit: float | None, options: Any) -> socket.socket:
    opened = socket.create_connection(address, timeout=limit)
    for option in options or ():
        opened.setsockopt(*option)
    return opened


class _Guarded(HTTPAdapter):
    """Connections that go where a policy says."""

    def __init__(self, policy: Policy, retry: Retry) -> None:
        self.policy = policy
        super().__init__(max_retries=retry)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **more: Any
    ) -> None:
        """As the adapter's own, with pools whose connections ask the policy."""
        policy = self.policy

        # urllib3 offers no other place at which a connection can be given its address while its
        # name is kept for the certificate.
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

        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _nobody(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Signs a request with nothing."""
    return request


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower(), parts.netloc.lower()
    except ValueError:
        return "", url


class _Body(io.BytesIO):
    """Bytes that are sent block by block: in one piece, all of them would have to be sent in
    the time meant for reaching the other side.
    """

    def __init__(self, content: bytes, ends: float) -> None:
        super().__init__(content)
        self.ends = ends

    def read(self, size: int | None = -1, /) -> bytes:
        """The next block. Raises TimeoutError where there is no time left for it."""
        if time.monotonic() > self.ends:
            raise TimeoutError("timed out")
        return super().read(size)


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)


def _never_sent(error: BaseException) -> bool:
    """Whether a failure came before anything was sent; looked for in what the libraries wrapped."""
    return any(isinstance(one, _NOT_SENT) for one in _inside(error))


def _inside(error: BaseException) -> Iterator[BaseException]:
    """A failure and all that the libraries wrapped into it."""
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [
            x
            for x in (
                *getattr(one, "args", ()),
                getattr(one, "reason", None),
                getattr(one, "__cause__", None),
            )
            if isinstance(x, BaseException)
        ]


def _sentence(error: requests.RequestException) -> str:
    for one in _inside(error):
        if isinstance(one, _Refused):
            return one.sentence
    if isinstance(error, requests.exceptions.SSLError):
        return "The certificate of the other side is not trusted."
    if isinstance(error, requests.ConnectTimeout):
        return "The other side could not be reached in time."
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "The other side did not answer in time."
    if isinstance(error, requests.ConnectionError):
        return (
            "The other side could not be reached."
            if _never_sent(error)
            else "The connection was cut before the answer came."
        )
    return f"The request failed ({type(error).__name__})."
