"""Parse responses of an OCS server.

Servers answer in JSON or XML, in version 1 or 2 of the API, with a status code inside the body.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree

from puqpanel.sdk.http import parse_json

# Status codes inside the body.
CODE_OK, CODE_OK_V2 = 100, 200
CODE_INVALID, CODE_EXISTS, CODE_FAILED, CODE_NO_GROUP, CODE_HINT = 101, 102, 103, 104, 107
CODE_SERVER_ERROR, CODE_UNAUTHORIZED, CODE_NOT_FOUND, CODE_UNKNOWN = 996, 997, 998, 999
MAX_BODY_CHARACTERS = 2_000_000
MAX_MESSAGE_CHARACTERS = 300


class Outcome(StrEnum):
    """What a response means for the caller."""

    OK = "ok"
    NOT_FOUND = "not_found"  # no such user
    EXISTS = "exists"  # the user name is taken
    DENIED = "denied"  # wrong credentials, or not enough rights
    RATE_LIMITED = "rate_limited"  # nothing was done; retry later
    MAINTENANCE = "maintenance"  # nothing was done; retry after the maintenance
    REJECTED = "rejected"  # the server understood the request and refused it
    UNKNOWN = "unknown"  # no response, or an unreadable one: the request may have been applied


class Problem(StrEnum):
    """What a response without an OCS body tells about the connection."""

    TLS_PORT = "tls_port"  # plain HTTP was sent to a port that expects TLS
    UNTRUSTED_DOMAIN = "untrusted_domain"  # Nextcloud does not accept this host name
    WEB_PAGE = "web_page"  # a page for people instead of a response of the API


_PAGES = {
    Problem.TLS_PORT: re.compile(
        r"HTTP request was sent to HTTPS|plain HTTP to an SSL|HTTP request to an HTTPS", re.I
    ),
    Problem.UNTRUSTED_DOMAIN: re.compile(r"untrusted domain|trusted_domains", re.I),
    Problem.WEB_PAGE: re.compile(r"<!DOCTYPE html|<html", re.I),
}
_MAINTENANCE_PAGE = re.compile(r"maintenance mode|update needed", re.I)


@dataclass(frozen=True)
class OcsResponse:
    """One response of the server.

    Attributes:
        outcome: What it means.
        code: The status code inside the body; 0 without one.
        http: The HTTP status; 0 without a response.
        message: The server's message on one line, or the reason why there is no response.
        data: The payload.
        problem: What a response without an OCS body tells about the connection.
        seconds: How long the request took.
    """

    outcome: Outcome
    code: int = 0
    http: int = 0
    message: str = ""
    data: Any = None
    problem: Problem | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Return whether the server did what was requested."""
        return self.outcome is Outcome.OK

    @property
    def uncertain(self) -> bool:
        """Return whether the request may have been applied, fully or in part.

        A refusal is certain only in an OCS body: a proxy may have replaced any other response.
        """
        if self.outcome in (Outcome.RATE_LIMITED, Outcome.MAINTENANCE):
            return False
        return (
            not self.code
            or self.outcome is Outcome.UNKNOWN
            or self.code in (CODE_INVALID, CODE_FAILED, CODE_SERVER_ERROR, CODE_UNKNOWN)
        )

    @property
    def retryable(self) -> bool:
        """Return whether the same request may succeed later."""
        return self.outcome in (Outcome.RATE_LIMITED, Outcome.MAINTENANCE, Outcome.UNKNOWN)


def parse(http: int, body: str, *, maintenance: bool = False) -> OcsResponse:
    """Parse an HTTP response.

    The code inside the body wins over the HTTP status: version 1 of the API sends HTTP 200 with
    nearly every error.

    Args:
        http: The HTTP status.
        body: The response body.
        maintenance: Whether a header says that the server is in maintenance mode.
    """
    if http == 429:
        return OcsResponse(Outcome.RATE_LIMITED, http=http)
    parsed = _parse_body(body)
    if parsed is None:
        page = body[:20_000]
        if http == 503 and (maintenance or _MAINTENANCE_PAGE.search(page)):
            return OcsResponse(Outcome.MAINTENANCE, http=http)
        problem = next((kind for kind, pattern in _PAGES.items() if pattern.search(page)), None)
        outcome = _outcome_of_status(http, problem)
        return OcsResponse(outcome, http=http, message=f"HTTP {http}", problem=problem)
    code, message, data = parsed
    if http == 503 and (maintenance or code == 503):
        return OcsResponse(Outcome.MAINTENANCE, code, http)
    return OcsResponse(_outcome_of_code(code, http, message), code, http, message, data)


def _outcome_of_status(http: int, problem: Problem | None) -> Outcome:
    """Classify a response without an OCS body."""
    if http in (401, 403):
        return Outcome.DENIED
    if http == 400 and problem in (Problem.TLS_PORT, Problem.UNTRUSTED_DOMAIN):
        return Outcome.REJECTED
    if 300 <= http < 400 or http in (404, 405, 412):
        return Outcome.REJECTED  # a redirect, or no such API at this address
    return Outcome.UNKNOWN


def _outcome_of_code(code: int, http: int, message: str) -> Outcome:
    if http >= 500 or code in (CODE_SERVER_ERROR, CODE_UNKNOWN) or 500 <= code < 600:
        return Outcome.UNKNOWN
    if code in (CODE_OK, CODE_OK_V2):
        return Outcome.OK if 200 <= http < 300 else Outcome.UNKNOWN
    if code in (CODE_UNAUTHORIZED, 401, 403):
        return Outcome.DENIED
    if code == 429:
        return Outcome.RATE_LIMITED
    if code in (404, CODE_NOT_FOUND):
        # 998 also means "unknown route": without the provisioning API, no user is missing.
        return Outcome.REJECTED if message.startswith("Invalid query") else Outcome.NOT_FOUND
    return Outcome.REJECTED


def _parse_body(body: str) -> tuple[int, str, Any] | None:
    """Return the code, message and data of an OCS body, or None if it is not one."""
    body = body.lstrip("\ufeff \r\n\t")
    if len(body) > MAX_BODY_CHARACTERS:
        return None
    try:
        if body.startswith("{"):
            ocs = parse_json(body)["ocs"]
        elif body.startswith("<") and "<!DOCTYPE" not in body[:500] and "<!ENTITY" not in body:
            # Without a document type there are no entities to expand.
            root = ElementTree.fromstring(body)  # noqa: S314
            ocs = _parse_node(root) if root.tag == "ocs" else {}
        else:
            return None
        meta = ocs["meta"]
        message = " ".join(str(meta.get("message") or "").split())[:MAX_MESSAGE_CHARACTERS]
        return int(meta["statuscode"]), message, ocs.get("data")
    except (
        ValueError,
        TypeError,
        KeyError,
        OverflowError,
        AttributeError,
        RecursionError,
        ElementTree.ParseError,
    ):
        return None


def _parse_node(node: ElementTree.Element) -> Any:
    """Return an XML node as the JSON format would contain it; all leaves are text."""
    if len(node) == 0:
        return (node.text or "").strip()
    if all(child.tag == "element" for child in node):
        return [_parse_node(child) for child in node]
    return {child.tag: _parse_node(child) for child in node}


def parse_bool(value: object) -> bool:
    """Return the boolean that a server wrote as true, 1, "1", "true", "yes" or "on"."""
    return str(value).strip().lower() in ("1", "true", "yes", "on")


def parse_names(value: object, key: str = "") -> list[str]:
    """Return a list of names, sent as a list, as a single name, or in a map under `key`."""
    if isinstance(value, dict):
        value = value.get(key, list(value.values()))
    if isinstance(value, list):
        return [str(name) for name in value]
    return [str(value)] if value else []
