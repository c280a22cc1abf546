"""Responses of DigitalOcean's API: what they mean, and how to explain them to staff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from puqpanel.sdk import __
from puqpanel.sdk.http import Answer

MAX_MESSAGE_CHARACTERS = 300


class Outcome(StrEnum):
    """What a response means for the caller."""

    OK = "ok"
    NOT_FOUND = "not_found"  # no such server, key or snapshot
    DENIED = "denied"  # wrong token, or not enough scopes
    RATE_LIMITED = "rate_limited"  # nothing was done; retry later
    REJECTED = "rejected"  # DigitalOcean understood the request and refused it
    UNKNOWN = "unknown"  # no response, or an unreadable one: the request may have been applied


@dataclass(frozen=True)
class ApiResponse:
    """One response of the API.

    Attributes:
        outcome: What it means.
        http: The HTTP status; 0 without a response.
        message: DigitalOcean's message, or why there is no response.
        data: The object or list that was requested.
    """

    outcome: Outcome
    http: int = 0
    message: str = ""
    data: Any = None

    @property
    def ok(self) -> bool:
        """Return whether DigitalOcean did what was requested."""
        return self.outcome is Outcome.OK

    @property
    def not_found(self) -> bool:
        """Return whether the requested object does not exist."""
        return self.outcome is Outcome.NOT_FOUND

    @property
    def uncertain(self) -> bool:
        """Return whether the request may have been applied."""
        return self.outcome is Outcome.UNKNOWN

    @property
    def retryable(self) -> bool:
        """Return whether the same request may succeed later."""
        return self.outcome in (Outcome.RATE_LIMITED, Outcome.UNKNOWN)

    @property
    def rejected(self) -> bool:
        """Return whether DigitalOcean refused the request, for example of a locked server."""
        return self.outcome is Outcome.REJECTED


def parse(answer: Answer, key: str = "", kind: type = dict) -> ApiResponse:
    """Classify an HTTP response.

    Args:
        answer: The response.
        key: The key of the requested object in the body; empty for a deletion, which returns 204
            without a body.
        kind: The type of the requested object: dict or list.
    """
    code = answer.http_code
    if not code:
        return ApiResponse(Outcome.UNKNOWN, message=answer.error)
    body = answer.data if isinstance(answer.data, Mapping) else {}
    if 200 <= code < 300:
        return _parse_success(code, body, key, kind)
    text = body.get("message")
    message = " ".join(text.split())[:MAX_MESSAGE_CHARACTERS] if isinstance(text, str) else ""
    if code in (401, 403):
        return ApiResponse(Outcome.DENIED, code, message)
    if code == 429:
        return ApiResponse(Outcome.RATE_LIMITED, code, message)
    if code == 404 and body.get("id") == "not_found":
        return ApiResponse(Outcome.NOT_FOUND, code, message)
    if code >= 500 or code == 408:
        return ApiResponse(Outcome.UNKNOWN, code, message)
    # This includes a 404 without the API's body: a wrong address, not a missing server.
    return ApiResponse(Outcome.REJECTED, code, message)


def _parse_success(code: int, body: Mapping[str, Any], key: str, kind: type) -> ApiResponse:
    if not key:
        return ApiResponse(Outcome.OK if code == 204 else Outcome.UNKNOWN, code)
    data = body.get(key)
    if isinstance(data, kind):
        return ApiResponse(Outcome.OK, code, "", data)
    return ApiResponse(Outcome.UNKNOWN, code)


def explain(response: ApiResponse, account: str) -> str:
    """Return a sentence for staff about a response that is not ok.

    Args:
        response: The response.
        account: The account's name.
    """
    # `:detail` follows a word directly: it is empty, or starts with a colon.
    detail = f": {response.message.rstrip('.')}" if response.message else ""
    values = {"account": account, "detail": detail}
    match response.outcome:
        case Outcome.DENIED if response.http == 401:
            return __(
                "DigitalOcean rejected the API token of :account. Check it on its page.", values
            )
        case Outcome.DENIED:
            return __(
                "The API token of :account lacks a scope:detail. Its page lists the scopes it"
                " needs.",
                values,
            )
        case Outcome.RATE_LIMITED:
            return __(":account reached DigitalOcean's rate limit. Try again later.", values)
        case Outcome.NOT_FOUND:
            return __("The server no longer exists at DigitalOcean.")
        case Outcome.REJECTED if _is_other_site(response):
            return __("No DigitalOcean API found at the URL of :account.", values)
        case Outcome.REJECTED:
            return __("DigitalOcean rejected the request:detail.", values)
    if response.http >= 500 or response.http == 408:
        return __("DigitalOcean reported an internal error:detail.", values)
    if response.http:
        return __("DigitalOcean sent an unreadable response:detail.", values)
    return __("Could not connect to DigitalOcean:detail.", values)


def _is_other_site(response: ApiResponse) -> bool:
    return 300 <= response.http < 400 or (response.http == 404 and not response.message)
