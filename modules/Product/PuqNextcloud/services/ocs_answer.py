"""Reading what an OCS server answers: JSON or XML, version 1 or 2, with a status code of its
own inside.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from xml.etree import ElementTree

OK, OK_V2 = 100, 200
INVALID, EXISTS, FAILED, NO_GROUP, HINT = 101, 102, 103, 104, 107
SERVER_ERROR, UNAUTHORISED, NOT_FOUND, UNKNOWN = 996, 997, 998, 999
LONGEST = 2_000_000


class Outcome(StrEnum):
    """What an answer means for the one who asked."""

    OK = "ok"
    MISSING = "missing"  # the user is not there
    EXISTS = "exists"  # the name is taken
    REFUSED = "refused"  # the panel's credentials or rights are not enough
    BUSY = "busy"  # too many requests: nothing was done, come back later
    INVALID = "invalid"  # the server understood and said no
    UNKNOWN = "unknown"  # no answer, or none that can be read: it may have been done


@dataclass(frozen=True)
class OcsAnswer:
    """One answer.

    `message` is the server's own word, or why there was none; `http` is 0 when no answer came.
    """

    outcome: Outcome
    code: int = 0
    http: int = 0
    message: str = ""
    data: Any = None
    wait: int = 0

    @property
    def ok(self) -> bool:
        """The server did it."""
        return self.outcome is Outcome.OK

    @property
    def doubtful(self) -> bool:
        """It may have been done, or half of it: whoever asked must look before asking again."""
        return self.outcome is Outcome.UNKNOWN or self.code in (
            INVALID,
            FAILED,
            SERVER_ERROR,
            UNKNOWN,
        )

    @property
    def later(self) -> bool:
        """Asking the same again later makes sense."""
        return self.outcome in (Outcome.BUSY, Outcome.UNKNOWN)


def read(http: int, text: str, retry_after: str = "") -> OcsAnswer:
    """Make out an HTTP answer.

    The API's own code counts first: version 1 says HTTP 200 to nearly everything.

    Args:
        http: the HTTP status.
        text: the body.
        retry_after: the Retry-After header.
    """
    wait = int(retry_after) if retry_after.isdigit() else 0
    if http == 429:
        return OcsAnswer(Outcome.BUSY, http=http, message="too many requests", wait=wait)
    found = _meta(text)
    if found is None:
        return OcsAnswer(_by_status(http), http=http, message=f"HTTP {http}", wait=wait)
    code, message, data = found
    return OcsAnswer(_by_code(code, http, message), code, http, message, data, wait)


def _by_status(http: int) -> Outcome:
    """What an answer means that has no OCS in it."""
    if http in (401, 403):
        return Outcome.REFUSED
    if 300 <= http < 400 or http in (404, 405, 412):
        return Outcome.INVALID  # another address, or no such API there
    return Outcome.UNKNOWN


def _by_code(code: int, http: int, message: str) -> Outcome:
    if code in (OK, OK_V2):
        return Outcome.OK
    if code in (UNAUTHORISED, 401, 403):
        return Outcome.REFUSED
    if code == 429:
        return Outcome.BUSY
    if code in (404, NOT_FOUND):
        # 998 also says "I know no such route": on a server without the provisioning API no user is
        # missing.
        return Outcome.INVALID if message.startswith("Invalid query") else Outcome.MISSING
    if code in (SERVER_ERROR, UNKNOWN) or 500 <= code < 600 or http >= 500:
        return Outcome.UNKNOWN
    return Outcome.INVALID


def _meta(text: str) -> tuple[int, str, Any] | None:
    """The code, message and data of an OCS answer; None if it is no such thing."""
    text = text.lstrip("\ufeff \r\n\t")
    if len(text) > LONGEST:
        return None
    try:
        if text.startswith("{"):
            ocs = json.loads(text)["ocs"]
        elif text.startswith("<") and "<!DOCTYPE" not in text[:500] and "<!ENTITY" not in text:
            # no document type, so no entities to expand
            root = ElementTree.fromstring(text)  # noqa: S314
            ocs = _value(root) if root.tag == "ocs" else {}
        else:
            return None
        meta = ocs["meta"]
        return int(meta["statuscode"]), str(meta.get("message") or ""), ocs.get("data")
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        ElementTree.ParseError,
    ):
        return None


def _value(node: ElementTree.Element) -> Any:
    """An XML answer as JSON would have said it; all leaves are text.

    An empty node is an empty text.
    """
    if len(node) == 0:
        return (node.text or "").strip()
    if all(child.tag == "element" for child in node):
        return [_value(child) for child in node]
    return {child.tag: _value(child) for child in node}


def truth(value: object) -> bool:
    """Yes or no as servers write it: true, 1, "1", "true", "yes"."""
    return str(value).strip().lower() in ("1", "true", "yes", "on")


def texts(value: object, key: str = "") -> list[str]:
    """A list of names, given as a list, as one name, or in a map under `key`; nothing where
    there is none.
    """
    if isinstance(value, dict):
        value = value.get(key, list(value.values()))
    if isinstance(value, list):
        return [str(one) for one in value]
    return [str(value)] if value else []
