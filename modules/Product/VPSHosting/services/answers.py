"""What DigitalOcean's answers mean for the one who asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from puqpanel.sdk.http import Answer


class Outcome(StrEnum):
    """What an answer means."""

    OK = "ok"
    MISSING = "missing"  # there is no such thing
    REFUSED = "refused"  # the token is wrong or may not do this
    BUSY = "busy"  # too many requests: nothing was done, come back later
    INVALID = "invalid"  # understood, and said no
    UNKNOWN = "unknown"  # no answer, or none that can be read: it may have been done


@dataclass(frozen=True)
class Told:
    """One answer.

    `message` is DigitalOcean's own word, or why there was none; `http` is 0 when no answer came;
    `data` is what was asked for.
    """

    outcome: Outcome
    http: int = 0
    message: str = ""
    data: Any = None

    @property
    def ok(self) -> bool:
        """It was done."""
        return self.outcome is Outcome.OK

    @property
    def missing(self) -> bool:
        """There is no such thing."""
        return self.outcome is Outcome.MISSING

    @property
    def doubtful(self) -> bool:
        """It may have been done: whoever asked must look before asking again."""
        return self.outcome is Outcome.UNKNOWN

    @property
    def later(self) -> bool:
        """Asking the same again later makes sense."""
        return self.outcome in (Outcome.BUSY, Outcome.UNKNOWN)

    @property
    def pending_event(self) -> bool:
        """Something else is under way with the server: what was asked for has to wait."""
        return self.outcome is Outcome.INVALID and "pending event" in self.message.lower()


def read(answer: Answer, root: str = "") -> Told:
    """Make an answer out.

    Args:
        answer: what came.
        root: the key that what was asked for stands under; empty where a deletion answers 204 and
            nothing.
    """
    code = answer.http_code
    body = answer.data if isinstance(answer.data, Mapping) else {}
    said = body.get("message")
    message = " ".join(said.split())[:300] if isinstance(said, str) else ""
    if not code:
        return Told(Outcome.UNKNOWN, message=answer.error)
    if 200 <= code < 300:
        if root:
            found = body.get(root)
            return (
                Told(Outcome.OK, code, "", found)
                if isinstance(found, (dict, list))
                else Told(Outcome.UNKNOWN, code)
            )
        return Told(Outcome.OK, code) if code == 204 else Told(Outcome.UNKNOWN, code)
    if code in (401, 403):
        return Told(Outcome.REFUSED, code, message)
    if code == 429:
        return Told(Outcome.BUSY, code, message)
    if code == 404:
        # A 404 that is none of the API's says that the address is wrong, not that a server is gone.
        return Told(
            Outcome.MISSING if body.get("id") == "not_found" else Outcome.INVALID, code, message
        )
    if code >= 500 or code == 408:
        return Told(Outcome.UNKNOWN, code, message)
    return Told(Outcome.INVALID, code, message)


def explain(told: Told, account: str) -> str:
    """Why an answer was no yes, as a sentence for staff.

    Args:
        told: any answer that is not ok.
        account: the account's name.
    """
    said = f": {told.message.rstrip('.')}" if told.message else ""
    match told.outcome:
        case Outcome.REFUSED if told.http == 401:
            return (
                f"DigitalOcean refused the API token of {account}. Check it on the Accounts page."
            )
        case Outcome.REFUSED:
            return (
                f"The API token of {account} may not do this{said}. Give it the scopes that the"
                " Accounts page names."
            )
        case Outcome.BUSY:
            return (
                f"{account} has asked DigitalOcean too often; it goes on when the limit is lifted."
            )
        case Outcome.MISSING:
            return "The server is not at DigitalOcean any more."
        case Outcome.INVALID if 300 <= told.http < 400 or (told.http == 404 and not told.message):
            return f"There is no DigitalOcean API at the address of {account}."
        case Outcome.INVALID:
            return f"DigitalOcean says no{said}."
    if told.http >= 500 or told.http == 408:
        return f"DigitalOcean has an error of its own{said}."
    return (
        f"DigitalOcean gave no answer that can be read{said}."
        if told.http
        else f"DigitalOcean cannot be reached{said}."
    )
