"""The mail server of the contract suite: the fake of the panel's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk.testing import Supply
from tests.fakes.smtp import MailServer

# The fault of the mail server for each fault of the suite.
FAULTS = {"500": "full", "429": "full", "drop": "drop", "timeout": "silent"}


class Faults:
    """Makes the mail server fail as the suite requests."""

    silence = 120.0

    def __init__(self, server: MailServer) -> None:
        self.server, self.struck = server, 0

    def fail(self, kind: str, *, times: int = 1, **_: object) -> None:
        """Fail from now on.

        Raises:
            ValueError: A mail server does not fail like that.
        """
        if kind not in FAULTS:
            raise ValueError(f"a mail server has no {kind}")
        self.server.fault = FAULTS[kind]
        self.struck += 1

    def heal(self) -> None:
        """Stop failing."""
        self.server.fault = ""


@contextmanager
def provider() -> Iterator[Supply]:
    """Run a mail server."""
    with MailServer("none", ("panel", "Very-Secret-77")) as server:
        settings = {
            "channel": "smtp",
            "url": "",
            "token": "",
            **{key: value for key, value in server.config().items() if key != "verify"},
        }
        yield Supply(
            faults=Faults(server),
            settings=settings,
            bad_message={"to": "nobody", "subject": "A test", "message": "It works."},
        )
