"""HTTP clients for providers, with timeouts, logging and masked secrets.

`http.session(base_url="https://…", bearer=…)` returns a client. A failure is a return value, not an
exception: `answer.ok` is False and `answer.error` is a sentence. If `answer.lost` is True, the
request may have taken effect although no response arrived: check before repeating it.

In every call that is not a task, a user waits for the page, so limits are short: 3 s to connect, 6
s for a response, 10 s for all requests of the call together. A host that timed out is not contacted
again in that call. Put slower work into a job.

In a task, a provider that responds with 429 or 503 and names a time (`Retry-After`, or the reset of
its rate limit) is not contacted again before that time: the task waits, at most 24 hours at a time
and 48 in total, without counting an attempt. The job only returns its error; one
with `retry=False` fails at once.
"""

import codecs
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from puqpanel.domain.hosts import ascii_host
from puqpanel.host import context, exchange_log
from puqpanel.host.contract.names import bind
from puqpanel.infra.addresses import AddressRefused, NameUnknown, resolve_public
from puqpanel.infra.guarded_adapter import Policy
from puqpanel.infra.http import CONNECT_TIMEOUT, TIMEOUT, Limit, Reply, Wire
from puqpanel.infra.outside_json import parse_json
from puqpanel.infra.rate_limits import wait_until
from puqpanel.infra.redact import redact_text, secret_name, storable

__all__ = [
    "AddressRefused",
    "Answer",
    "Body",
    "Client",
    "NameUnknown",
    "Policy",
    "ascii_host",
    "parse_json",
    "public_only",
    "resolve_public",
    "session",
]

_MAX_LOGGED_CHARS = 64 * 1024
# UTF-32 first: its mark begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# in seconds; half of the threads of a web process may wait for a module, then its pages are refused
PAGE_CONNECT, PAGE_READ, PAGE_TOTAL = 3.0, 6.0, 10.0


@dataclass
class _WaitBudget:
    """The waiting budget of one call of a module, and the hosts that timed out in it."""

    call: context.Context
    until: float
    unresponsive: set[str] = field(default_factory=set)


_budget: ContextVar[_WaitBudget | None] = ContextVar("wait_budget", default=None)


@bind
@dataclass(frozen=True)
class Answer:
    """The outcome of one request.

    Attributes:
        ok: True for a complete response with a status of 200 to 299.
        http_code: the HTTP status; 0 if no response arrived.
        data: the parsed JSON body, or None.
        text: the body as text.
        error: what went wrong, in one sentence; empty if `ok`.
        lost: True if no response arrived but the request may have taken effect.
        headers: the response headers.
        content: the body as bytes.
    """

    ok: bool
    http_code: int = 0
    data: Any = None
    text: str = ""
    error: str = ""
    lost: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def status(self) -> str:
        """`success` or `error`."""
        return "success" if self.ok else "error"

    def __getitem__(self, key: str) -> Any:
        # the vendor's clients return dictionaries with status, data, error and http_code
        if key == "success":
            return self.ok
        if key.startswith("_") or key not in {
            "status",
            "data",
            "error",
            "http_code",
            "ok",
            "text",
            "lost",
            "headers",
            "content",
        }:
            raise KeyError(key)
        return getattr(self, key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return an attribute by name, as from a dictionary."""
        try:
            return self[key]
        except KeyError:
            return default

    def json(self) -> Any:
        """Return the parsed JSON body, or None."""
        return self.data

    def get_status_code(self) -> int:
        """Return `http_code`."""
        return self.http_code

    def get_body(self) -> "Body":
        """Return `text`."""
        return Body(self.text)


@bind
class Body(str):
    """The body of a response, with the vendor's `getContents()`."""

    def get_contents(self) -> str:
        """Return the text."""
        return str(self)


class Client:
    """A client for one provider; create it with `session`.

    Paths are appended to the base address. Absolute addresses are used as they are only if there is
    no base address.
    """

    def __init__(self, base_url: str, wire: Wire, secrets: Sequence[str] = ()) -> None:
        self.base_url = base_url.rstrip("/")
        self.wire = wire
        self.secrets = [text for text in secrets if text]

    def get(self, path: str = "", **options: Any) -> Answer:
        """Send a GET request; the options are those of `request`."""
        return self.request("GET", path, **options)

    def post(self, path: str = "", **options: Any) -> Answer:
        """Send a POST request; the options are those of `request`."""
        return self.request("POST", path, **options)

    def put(self, path: str = "", **options: Any) -> Answer:
        """Send a PUT request; the options are those of `request`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str = "", **options: Any) -> Answer:
        """Send a PATCH request; the options are those of `request`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str = "", **options: Any) -> Answer:
        """Send a DELETE request; the options are those of `request`."""
        return self.request("DELETE", path, **options)

    def request(
        self,
        method: str,
        path: str = "",
        *,
        json: Any = None,
        data: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        log_body: bool = True,
        expected: Collection[int] = (),
        follow: int = 0,
        read_body: bool = True,
    ) -> Answer:
        """Send one request and write it to the module log.

        Never raises for what the network or the provider does.

            answer = client.get(f"/accounts/{account_id}", expected=[404])
            if answer.http_code == 404:
                return Result.success("It does not exist.")

        Args:
            method: the HTTP method.
            path: the path below the base address.
            json: a body to send as JSON.
            data: a body as text, bytes, a dictionary or pairs.
            params: the query string's parameters.
            headers: further headers.
            log_body: False keeps both bodies out of the log, for customers' files.
            expected: error statuses that the log should not show as errors; `ok` stays False.
            follow: how many redirects a GET or HEAD may follow, without credentials once they leave
                the host; otherwise a redirect is returned.
            read_body: False returns as soon as the status and the headers have arrived, whatever
                follows them.
        """
        url = (
            f"{self.base_url}/{path.lstrip('/')}"
            if self.base_url and path
            else self.base_url or path
        )
        reply = _send_within_budget(
            self.wire,
            url,
            method=method.upper(),
            json=json,
            data=data,
            params=params,
            headers=headers,
            follow=follow,
            read_body=read_body,
        )
        answer = _answer(reply)
        _note_limit(method.upper(), url, reply)
        body = (data if json is None else json) if log_body else "(not logged)"
        shown = answer.text[:_MAX_LOGGED_CHARS] if answer.data is None else answer.data
        exchange_log.write(
            {"request": f"{method.upper()} {url}", "query": params, "body": body},
            {"error": answer.error, "lost": answer.lost}
            if reply.error
            else {"status": answer.http_code, "body": shown if log_body else "(not logged)"},
            url=url,
            success=answer.ok or answer.http_code in expected,
            duration_ms=reply.duration_ms,
            secrets=self.secrets,
        )
        return answer

    def close(self) -> None:
        """Close the connections."""
        self.wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def session(
    base_url: str | None = "",
    *,
    bearer: str | None = "",
    auth: tuple[str, str] | None = None,
    verify: bool | str = True,
    headers: Mapping[str, str] | None = None,
    timeout: float | tuple[float, float] = TIMEOUT,
    connect_timeout: float = CONNECT_TIMEOUT,
    secrets: Sequence[str] = (),
    policy: Policy | None = None,
) -> Client:
    """Create a client for one provider.

    Args:
        base_url: the address to which paths are appended.
        bearer: a token for the Authorization header.
        auth: user name and password for basic authentication.
        verify: False accepts any certificate; text is the path of a CA bundle.
        headers: headers of every request.
        timeout: seconds to wait for a response, or a pair of connect and read timeouts.
        connect_timeout: seconds to wait for a connection.
        secrets: texts of six characters or more that the module log masks wherever they occur.
        policy: which addresses may be connected to. Use `public_only()` if users enter the address;
            None allows any.
    """
    if isinstance(timeout, tuple):
        connect_timeout, timeout = timeout
    sent = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **(headers or {})}
    wire = Wire(
        verify=verify,
        timeout=timeout,
        connect_timeout=connect_timeout,
        auth=auth,
        headers=sent,
        policy=policy,
    )
    tokens = [str(value).rpartition(" ")[2] for name, value in sent.items() if secret_name(name)]
    return Client(base_url or "", wire, [auth[1] if auth else "", *tokens, *secrets])


def public_only(allow: Collection[str] = ()) -> Policy:
    """Return a policy that allows public addresses only, checked at every connection and redirect.

    Args:
        allow: networks that are allowed too, `["10.0.0.0/8"]`, besides those of the
            PUQPANEL_MONITORING_ALLOW setting.
    """
    return lambda host, port: resolve_public(host, port, allow)


def _send_within_budget(wire: Wire, url: str, **options: Any) -> Reply:
    """Send a request within the waiting budget of the current call."""
    budget = _budget_of(context.current())
    if budget is None:
        return wire.send(url=url, **options)
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    if host in budget.unresponsive or time.monotonic() >= budget.until:
        return Reply(
            0,
            error="The provider timed out a moment ago, so it was not contacted again.",
            slow=True,
        )
    reply = wire.send(url=url, **options, limit=Limit(PAGE_CONNECT, PAGE_READ, budget.until))
    if reply.slow:
        budget.unresponsive.add(host)
    return reply


def _budget_of(call: context.Context | None) -> _WaitBudget | None:
    if call is None or call.task_id is not None:
        return None
    budget = _budget.get()
    if budget is None or budget.call is not call:
        budget = _WaitBudget(call, time.monotonic() + PAGE_TOTAL)
        _budget.set(budget)
    return budget


def _note_limit(method: str, url: str, reply: Reply) -> None:
    """Record in the current call until when the provider refuses a request, for its task."""
    call = context.current()
    if call is None or call.task_id is None or not reply.status_code:
        return
    key = method, url.partition("?")[0]
    if until := wait_until(reply.status_code, reply.headers):
        call.limits[key] = until
    else:
        call.limits.pop(key, None)  # the module repeated it, and it was not refused again


def _answer(reply: Reply) -> Answer:
    text = _decoded(reply)
    if reply.error:
        return Answer(False, 0, error=reply.error, lost=reply.lost, headers=reply.headers)
    try:
        data = parse_json(text) if text.strip() else None
    except ValueError:
        data = None
    ok = 200 <= reply.status_code < 300
    return Answer(
        ok,
        reply.status_code,
        data,
        storable(text),
        "" if ok else _reason(reply.status_code, data),
        False,
        reply.headers,
        reply.body,
    )


def _decoded(reply: Reply) -> str:
    """Decode by the byte order mark, the declared charset, or as UTF-8 before Latin-1."""
    for mark, encoding in _MARKS:
        if reply.body.startswith(mark):
            return reply.body.decode(encoding, "replace")
    if reply.encoding:
        with suppress(LookupError, ValueError):
            return reply.body.decode(reply.encoding, "replace")
    try:
        return reply.body.decode()
    except UnicodeDecodeError:
        return reply.body.decode("latin-1")


def _reason(code: int, data: Any) -> str:
    """Return a sentence for an error response, with the provider's message if there is one."""
    message = ""
    if isinstance(data, Mapping):
        for key in ("message", "error", "detail", "error_description"):
            if isinstance(data.get(key), str) and data[key].strip():
                message = redact_text(" ".join(data[key].split())[:300])
                break
    return f"The provider returned HTTP {code}{': ' + message if message else ''}."
