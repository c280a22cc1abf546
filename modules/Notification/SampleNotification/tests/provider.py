"""What stands for a mail server in the contract suite: the one of the panel's own tests, which
speaks real SMTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puqpanel.sdk.testing import Supply
from tests.fakes.smtp import MailServer

#: How a mail server shows what the suite asks for.
WAYS = {"500": "full", "429": "full", "drop": "drop", "timeout": "silent"}


class Faults:
    """The mail server, told to fail in the suite's words."""

    silence = 120.0

    def __init__(self, server: MailServer) -> None:
        self.server, self.struck = server, 0

    def fail(self, kind: str, *, times: int = 1, **_: object) -> None:
        """From now on. Raises ValueError for what no mail server does."""
        if kind not in WAYS:
            raise ValueError(f"a mail server has no {kind}")
        self.server.fault = WAYS[kind]
        self.struck += 1

    def heal(self) -> None:
        """As ever."""
        self.server.fault = ""


@contextmanager
def provider() -> Iterator[Supply]:
    """A mail server of the probe's own."""
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
