"""HTTP to providers: `session(base_url="https://…", bearer=…)`, bounded in time, logged with
secrets masked.

A failure is an answer, not an exception: `answer.ok` is False and `answer.error` a sentence.
`answer.lost` says that the request may have done its work although no answer came: look before
repeating it.

Where somebody's page waits, which is every call that is no task's, limits are short: 3 s to reach
the other side, 6 s for an answer, 10 s for all requests of the call together, and who let one of
them time out is not asked again. What may take longer belongs into a job.
"""

import json as jsonlib
import time
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

from puqpanel.host import context, logs
from puqpanel.host.contract.names import bind
from puqpanel.infra.addresses import AddressRefused, NameUnknown, resolve_public
from puqpanel.infra.http import CONNECT_TIMEOUT, TIMEOUT, Limit, Policy, Reply, Wire
from puqpanel.infra.redact import DEPTH, MASK, mask_secrets, redact_text, secret_name

__all__ = [
    "AddressRefused",
    "Answer",
    "Body",
    "Client",
    "NameUnknown",
    "Policy",
    "public_only",
    "resolve_public",
    "session",
]

_TEXT = 64 * 1024
# Seconds that a request may hold up a page, and all requests of one call together: web processes
# are few, and each serves one request.
PAGE_CONNECT, PAGE_READ, PAGE_TOTAL = 3.0, 6.0, 10.0


@dataclass
class _Patience:
    """How long one call of a module may still wait, and who kept it waiting already."""

    call: context.Context
    until: float
    silent: set[str] = field(default_factory=set)


_patience: ContextVar[_Patience | None] = ContextVar("patience", default=None)


@bind
@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes: ok, a whole answer with a status of 200 to 299; status, `success` or `error`;
    http_code, 0 where no answer came; data, the JSON of the answer or None; text and content, the
    same as text and as bytes; error, a sentence; lost, the work may be done although no answer
    came; headers.
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
        # The texts' clients answer dictionaries of status, data, error and http_code.
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
        """As a dictionary's."""
        try:
            return self[key]
        except KeyError:
            return default

    def json(self) -> Any:
        """The JSON of the answer, or None."""
        return self.data

    def get_status_code(self) -> int:
        """`http_code`, by the texts' name."""
        return self.http_code

    def get_body(self) -> "Body":
        """`text`, by the texts' name."""
        return Body(self.text)


@bind
class Body(str):
    """The text of an answer; the texts ask it once more."""

    def get_contents(self) -> str:
        """The text."""
        return str(self)


class Client:
    """One provider.

    Paths are joined to the base address; an absolute address is taken as it is only without a base.
    """

    def __init__(self, base_url: str, wire: Wire, secrets: Sequence[str] = ()) -> None:
        self.base_url = base_url.rstrip("/")
        self.wire = wire
        self.secrets = [text for text in secrets if text]

    def get(self, path: str = "", **options: Any) -> Answer:
        """Args: params, headers, expected."""
        return self.request("GET", path, **options)

    def post(self, path: str = "", **options: Any) -> Answer:
        """Args: json or data, params, headers, expected."""
        return self.request("POST", path, **options)

    def put(self, path: str = "", **options: Any) -> Answer:
        """As `post`."""
        return self.request("PUT", path, **options)

    def patch(self, path: str = "", **options: Any) -> Answer:
        """As `post`."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str = "", **options: Any) -> Answer:
        """As `post`."""
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
    ) -> Answer:
        """One request, written to the module log.

        Never raises for what the network or the provider does.

        Args: json, data (text, bytes, a dictionary or pairs) and params are sent; log_body=False
        keeps what was sent and answered out of the log, for customers' files; expected are statuses
        that are an answer here and no error of the log's, as 404 is to “is it there?”. The answer
        itself is the same: `ok` stays False. follow is how many redirects a GET or HEAD may follow,
        without credentials once they lead to another host; else a redirect is an answer.
        """
        url = (
            f"{self.base_url}/{path.lstrip('/')}"
            if self.base_url and path
            else self.base_url or path
        )
        reply = _patiently(
            self.wire,
            url,
            method=method.upper(),
            json=json,
            data=data,
            params=params,
            headers=headers,
            follow=follow,
        )
        answer = _answer(reply)
        body = (data if json is None else json) if log_body else "(not kept)"
        asked = {"request": f"{method.upper()} {url}", "query": params, "body": body}
        shown = answer if log_body else replace(answer, data=None, text="(not kept)")
        _log(asked, url, reply, shown, self.secrets, fine=answer.ok or answer.http_code in expected)
        return answer

    def close(self) -> None:
        """Lets go of the connections."""
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
    """A client for one provider.

    Args: bearer or auth (user name, password) are the credentials; verify=False accepts any
    certificate; timeouts in seconds, `timeout` also as (connect, read); secrets are texts of six
    characters or more to mask in the module log wherever they stand; policy says which addresses
    may be connected to: `public_only()` where the address comes from people, None (any) where it is
    the module's.
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
    told = [str(value).rpartition(" ")[2] for name, value in sent.items() if secret_name(name)]
    return Client(base_url or "", wire, [auth[1] if auth else "", *told, *secrets])


def public_only(allow: Collection[str] = ()) -> Policy:
    """A policy for `session`: the open internet only, whatever a name leads to, at every connection
    and redirect; see `resolve_public`.

    Args: allow, networks that are open besides, as `["10.0.0.0/8"]`; those of
    PUQPANEL_MONITORING_ALLOW are always.
    """
    return lambda host, port: resolve_public(host, port, allow)


def _patiently(wire: Wire, url: str, **what: Any) -> Reply:
    """Sends; in a call that a page waits for, with short limits, and not at all to who let it
    wait before.
    """
    patience = _patience_of(context.current())
    if patience is None:
        return wire.send(url=url, **what)
    try:
        host = urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    if host in patience.silent or time.monotonic() >= patience.until:
        return Reply(
            0,
            error="The other side did not answer in time just now, so it was not asked again.",
            slow=True,
        )
    reply = wire.send(url=url, **what, limit=Limit(PAGE_CONNECT, PAGE_READ, patience.until))
    if reply.slow:
        patience.silent.add(host)
    return reply


def _patience_of(call: context.Context | None) -> _Patience | None:
    if call is None or call.task_id is not None:
        return None
    known = _patience.get()
    if known is None or known.call is not call:
        known = _Patience(call, time.monotonic() + PAGE_TOTAL)
        _patience.set(known)
    return known


def _answer(reply: Reply) -> Answer:
    text = (
        reply.body.decode(reply.encoding, "replace")
        if _known(reply.encoding)
        else reply.body.decode("utf-8", "replace")
    )
    if reply.error:
        return Answer(False, 0, error=reply.error, lost=reply.lost, headers=reply.headers)
    try:
        data = jsonlib.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        data = None
    ok = 200 <= reply.status_code < 300
    return Answer(
        ok,
        reply.status_code,
        data,
        text,
        "" if ok else _reason(reply.status_code, data),
        False,
        reply.headers,
        reply.body,
    )


def _known(encoding: str) -> bool:
    try:
        "".encode(encoding)
    except LookupError:
        return False
    return True


def _reason(code: int, data: Any) -> str:
    """A sentence out of an error answer: what the provider says, if it says it in one of the
    usual places.
    """
    said = ""
    if isinstance(data, Mapping):
        for key in ("message", "error", "detail", "error_description"):
            if isinstance(data.get(key), str) and data[key].strip():
                said = redact_text(" ".join(data[key].split())[:300])
                break
    return f"The other side answered {code}{': ' + said if said else ''}."


def _log(
    asked: Mapping[str, Any],
    url: str,
    reply: Reply,
    answer: Answer,
    secrets: Sequence[str],
    *,
    fine: bool,
) -> None:
    call = context.current()
    if call is None:
        return
    shown = answer.data if answer.data is not None else answer.text[:_TEXT]
    response = (
        {"error": answer.error, "lost": answer.lost}
        if reply.error
        else {"status": answer.http_code, "body": shown}
    )
    logs.write(
        type=call.type,
        name=call.name,
        level="info" if fine else "error",
        action=_masked(f"{str(asked['request']).split(' ', 1)[0]} {url.split('?', 1)[0]}", secrets)[
            :200
        ],
        request=_masked(
            {key: value for key, value in asked.items() if value not in (None, "", b"")}, secrets
        ),
        response=_masked(response, secrets),
        duration_ms=reply.duration_ms,
    )


def _masked(value: Any, secrets: Sequence[str], depth: int = 0) -> Any:
    """A copy with the given secrets masked, and with `{"key": "password", "value": …}` and
    pairs masked by what they name.
    """
    if isinstance(value, str):
        return mask_secrets(value, secrets)
    if isinstance(value, bytes):
        return _masked(value.decode("utf-8", "replace"), secrets)
    if depth > DEPTH:
        return value
    if isinstance(value, Mapping):
        copy = {key: _masked(one, secrets, depth + 1) for key, one in value.items()}
        if secret_name(str(value.get("key", ""))) and "value" in copy:
            copy["value"] = MASK
        return copy
    if isinstance(value, (list, tuple)):
        # Pairs, as forms are sent: shown by name, so that the name decides what is masked.
        if value and all(
            isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[0], str)
            for one in value
        ):
            return [_masked({name: one}, secrets, depth + 1) for name, one in value]
        return [_masked(one, secrets, depth + 1) for one in value]
    return value
