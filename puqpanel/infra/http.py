"""Requests to outside services on behalf of modules: bounded in time and size, never repeated where repeating is not safe."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util.retry import Retry

TIMEOUT = 30.0
CONNECT_TIMEOUT = 10.0
MAX_BYTES = 10 * 1024 * 1024
AGENT = "puqpanel-module/1.0"
# Nothing of these was sent when they are raised.
_NOT_SENT = (ConnectTimeoutError, NameResolutionError, NewConnectionError)
_LATE = "The answer did not end in time."
# Asking these again changes nothing, whatever became of the first time.
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request.

    Args:
        status_code: 0 where no whole answer came.
        body: the answer's bytes, at most 10 MB.
        headers: the answer's.
        error: one sentence where no whole answer came, else empty.
        lost: the request may have reached the other side, but its answer did not reach us: the work may be done.
        duration_ms: how long it took.
        encoding: of the text.
        slow: nothing, or not enough, came in the time there was: asking again now would wait as long again.
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
    """

    def __init__(
        self, *, verify: bool | str = True, timeout: float = TIMEOUT, connect_timeout: float = CONNECT_TIMEOUT,
        auth: tuple[str, str] | None = None, headers: Mapping[str, str] | None = None,
    ) -> None:
        self.timeout, self.connect_timeout = timeout, connect_timeout
        self.session = requests.Session()
        # the machine's proxy and netrc settings are not the provider's: credentials go where the caller says
        self.session.trust_env = False
        self.session.verify = verify
        if verify is False:
            # who switched the check off need not be told with each request; once for all, since a context of warnings is no thread's own
            warnings.simplefilter("ignore", InsecureRequestWarning)
        self.session.auth = auth
        self.session.headers.update({"User-Agent": AGENT, "Accept": "application/json", **(headers or {})})
        # what is tried again, `send()` decides
        retry = Retry(total=0, read=False, respect_retry_after_header=False)
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=retry))

    def send(
        self, method: str, url: str, *, json: Any = None, data: Any = None, params: Any = None, headers: Mapping[str, str] | None = None,
        limit: Limit | None = None,
    ) -> Reply:
        """One request; redirects are not followed, they would carry credentials elsewhere. Never raises for what the network does.

        A connection that never stood is tried once more, because nothing was sent over it; not under a `limit`.
        """
        started = time.monotonic()
        ends = min(started + self.connect_timeout + 2 * self.timeout, limit.until if limit else float("inf"))
        what = {"json": json, "params": params, "headers": dict(headers or {}), "allow_redirects": False, "stream": True}
        for last in (True,) if limit else (False, True):
            left = max(0.05, ends - time.monotonic())
            what["timeout"] = (min(self.connect_timeout, left, limit.connect if limit else left), min(self.timeout, left, limit.read if limit else left))
            what["data"] = _Body(data, ends) if isinstance(data, bytes) and data else data
            reply, unsent = self._once(method, url, what, started, ends)
            if last or not unsent:
                break
        return reply

    def _once(self, method: str, url: str, what: Mapping[str, Any], started: float, ends: float) -> tuple[Reply, bool]:
        """The reply, and whether trying again is safe because nothing was sent."""
        try:
            with self.session.request(method, url, **what) as answer:
                body, problem = self._read(answer, ends)
                lost = bool(problem) and method.upper() not in _REPEATABLE
                return Reply(
                    0 if problem else answer.status_code, body, dict(answer.headers), problem, lost, _since(started),
                    answer.encoding or "utf-8", problem == _LATE,
                ), False
        except requests.RequestException as error:
            unsent = _never_sent(error)
            sent = not isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.InvalidURL, requests.exceptions.MissingSchema,
                                          requests.exceptions.InvalidSchema, requests.exceptions.InvalidHeader)) and not unsent
            slow = isinstance(error, requests.Timeout) or "timed out" in str(error)
            return Reply(0, error=_sentence(error), lost=sent, duration_ms=_since(started), slow=slow), unsent
        except HTTPError as error:  # while the answer was read
            slow = "timed out" in str(error)
            sentence = _LATE if slow else "The connection was cut before the whole answer came."
            return Reply(0, error=sentence, lost=method.upper() not in _REPEATABLE, duration_ms=_since(started), slow=slow), False
        except (ValueError, TypeError, UnicodeError) as error:
            return Reply(0, error=f"The request could not be made: {error}.", duration_ms=_since(started)), False

    def _read(self, answer: requests.Response, ends: float) -> tuple[bytes, str]:
        parts: list[bytes] = []
        size = 0
        # read1 hands out what has come: an answer that drips would keep a read of a whole block waiting past every limit
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


class _Body(io.BytesIO):
    """Bytes that are sent block by block: in one piece, all of them would have to be sent in the time meant for reaching the other side."""

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
    seen: set[int] = set()
    todo: list[Any] = [error]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, _NOT_SENT):
            return True
        todo += [x for x in (*getattr(one, "args", ()), getattr(one, "reason", None), getattr(one, "__cause__", None)) if isinstance(x, BaseException)]
    return False


def _sentence(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "The certificate of the other side is not trusted."
    if isinstance(error, requests.ConnectTimeout):
        return "The other side could not be reached in time."
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "The other side did not answer in time."
    if isinstance(error, requests.ConnectionError):
        return "The other side could not be reached." if _never_sent(error) else "The connection was cut before the answer came."
    return f"The request failed ({type(error).__name__})."
