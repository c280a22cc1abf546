"""The outcome of an attempt, and the protocol of handlers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from puqpanel.domain.texts import Text, verbatim
from puqpanel.infra.redact import redact, redact_message
from puqpanel.models import Task

MAX_MESSAGE_LENGTH = 4000
MAX_OUTPUT_LENGTH = 64 * 1024
"""Characters of the output as JSON."""
Kind = Literal[
    "completed",
    "failed",
    "retry",
    "exception",
    "again",
    "wait",
    "timeout",
    "park",
    "lost",
    "cancelled",
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an attempt.

    Secrets in the message and the output are masked, and both are truncated: an outcome that
    cannot be stored would leave the task running until it counts as lost.

    Args:
        kind: `completed`; `failed` permanently; `retry` while attempts remain; `exception`, the
            same, but counted; `again` after the backoff without using up an attempt, because the
            job is not done yet; `wait`, the same, but until a time that the provider named;
            `timeout`; `park` until it can run, because its module is
            unavailable; `lost`, because the result is unknown; `cancelled`.
        message: A sentence for staff.
        output: What the job returned; stored with the attempt.
        blame: Whether the outcome says something about the module, for its circuit breaker. False
            if the provider was unavailable, the worker died or the module was not called.
        until: When the next attempt starts, for `wait`.
    """

    kind: Kind
    message: Text = verbatim("")  # noqa: RUF009  # immutable
    output: Any = None
    blame: bool = True
    until: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", redact_message(self.message, MAX_MESSAGE_LENGTH))
        output = redact(self.output)
        text = json.dumps(output)
        if len(text) > MAX_OUTPUT_LENGTH:
            output = {"cut": text[:MAX_MESSAGE_LENGTH]}
        object.__setattr__(self, "output", output)


class Handler(Protocol):
    """Runs one kind of job and records its outcome."""

    def run(self, task: Task) -> Outcome:
        """Do the work, outside any transaction.

        `task.in_doubt` is True if an earlier attempt was lost during the job.
        """

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Record the outcome, in the transaction that closes the task.

        `task` already has its new status.
        """


Handlers = dict[str, Handler]
