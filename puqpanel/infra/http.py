"""HTTP client for modules: limited in time and size, and never retrying unsafe requests."""

from __future__ import annotations

import io
import re
import time
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import HTTPBasicAuth
from urllib3.exceptions import HTTPError, InsecureRequestWarning
from urllib3.util.retry import Retry

from puqpanel.infra import http_errors
from puqpanel.infra.addresses import resolve_reachable
from puqpanel.infra.deadlines import Deadline
from puqpanel.infra.guarded_adapter import Guarded, Policy

TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
MAX_BYTES = 10 * 1024 * 1024
USER_AGENT = "puqpanel-module/1.0"
_LATE = "The response was not complete in time."
# Safe methods, which have no side effects.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHARSET = re.compile(
    r"utf-?(8|(16|32)(-?[bl]e)?)|(us-)?ascii|(iso-?)?(8859|latin)-?\d{1,2}|(windows|cp|ibm)-?\d{3,4}"
    r"|koi8-?[rtu]|mac-?[a-z]+|big5(-?hkscs)?|gb(k|2312|18030)|hz(-gb-2312)?|shift-?jis|sjis"
    r"|euc-?(jp|kr)|iso-?2022-?(jp|kr)(-\w+)?|johab|tis-?620|viscii"
)
_PARAMETER = re.compile(r";\s*charset\s*=\s*[\"']?([\w:.+-]+)", re.ASCII | re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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


class _Session(requests.Session):
    """Session that leaves redirects to `Wire`.

    requests prepares the next request of a redirect even if it may not follow it: it reads the
    whole body first, and raises for an address that it cannot read.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target, as for a response that is not a redirect."""
        return


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
        self.session = _Session()
        # Ignore the machine's proxy and netrc settings: credentials go only where the caller says.
        self.session.trust_env = False
        self.session.verify = verify
        if verify is False:
            # Turning verification off is deliberate. The filter is global, because a warnings
            # context is not thread-safe.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        # as UTF-8, not as Latin-1, which lacks most letters
        if auth:
            self.session.auth = HTTPBasicAuth(auth[0].encode(), auth[1].encode())
        self.session.headers.update(
            {"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})}
        )
        # send() decides what to retry.
        retry = Retry(total=0, read=False, respect_retry_after_header=False)
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, Guarded(policy or resolve_reachable, retry))

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
        read_body: bool = True,
    ) -> Reply:
        """Send a request; network errors are part of the reply instead of exceptions.

        A failed connection is retried once, because nothing was sent, unless there is a `limit`.
        Redirects are returned like other responses, unless `follow` is the number of redirects that
        a GET or HEAD may follow. Headers of the session and credentials are sent only to the origin
        of `url`. Without `read_body` the connection is closed after the headers.
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
                read_body=read_body,
                keep_redirect=not remaining,
                remove_headers=() if same_origin else (*private_headers, *(headers or {})),
            )
            location = _location(url, reply)
            if not remaining or reply.status_code not in _REDIRECTS or not location:
                break
            url, params = location, None
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
        read_body: bool,
        keep_redirect: bool,
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
            with Deadline(deadline) as limited:
                reply, unsent = self._send_once(
                    method, url, arguments, deadline, read_body, keep_redirect=keep_redirect
                )
            if limited.passed and not unsent:
                reply = Reply(0, error=_LATE, slow=True)
            if reply.error and limited.is_sent and method.upper() not in _SAFE_METHODS:
                reply = replace(reply, lost=True)
            if last or not unsent:
                break
        return reply

    def _send_once(
        self,
        method: str,
        url: str,
        arguments: Mapping[str, Any],
        deadline: float,
        read_body: bool,
        *,
        keep_redirect: bool,
    ) -> tuple[Reply, bool]:
        """Return the reply, and whether a retry is safe because nothing was sent.

        Without `keep_redirect` the body of a redirect is not read.
        """
        safe = method.upper() in _SAFE_METHODS
        try:
            with self.session.request(method, url, **arguments) as response:
                read_body &= keep_redirect or response.status_code not in _REDIRECTS
                body, problem = self._read(response, deadline) if read_body else (b"", "")
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
            unsent = http_errors.is_unsent(error)
            reply = Reply(
                0,
                error=http_errors.message(error),
                lost=http_errors.may_be_processed(error),
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
    named = _PARAMETER.search(content_type)
    charset = named[1].lower().replace("_", "-") if named else ""
    # not every codec: some, such as punycode and unicode-escape, do not encode text
    return charset if _CHARSET.fullmatch(charset) else ""


def _location(url: str, reply: Reply) -> str:
    """Return the absolute address of a redirect; empty without one that can be read."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    location = headers.get("location", "")
    with suppress(UnicodeError):  # headers are read as Latin-1, but servers send UTF-8
        location = location.encode("latin-1").decode()
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def _is_cut(raw: Any) -> bool:
    """Return whether compressed content ended early, which urllib3 does not report."""
    inflater = getattr(getattr(raw, "_decoder", None), "_obj", None)
    return raw.tell() > 0 and inflater is not None and not inflater.eof


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
