"""What a handler says of one attempt, and the shape of a handler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from puqpanel.infra.redact import redact, redact_text
from puqpanel.models import Task

LONGEST, LARGEST = 4000, 64 * 1024
"""Characters of a message, and of an output as JSON."""
Kind = Literal[
    "completed", "failed", "retry", "exception", "again", "timeout", "park", "lost", "cancelled"
]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    Args:
        kind: completed; failed (for good); retry (while tries remain); exception (the same, and
            counted); again (not done yet: once more after the backoff, no try used up); timeout;
            park (cannot run now: kept until somebody lets it go on); lost (nobody knows);
            cancelled.
        message: one sentence for staff.
        output: what the job answered; kept with the attempt.
        blame: whether it counts against the module whose job it was: not where a provider was away,
            or a whole worker vanished.

    Both come from outside: secrets are masked here, and what could not be stored is cut, since a
    result that cannot be written down would leave its task to be taken for lost.
    """

    kind: Kind
    message: str = ""
    output: Any = None
    blame: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", redact_text(self.message)[:LONGEST])
        output = redact(self.output)
        text = json.dumps(output)
        object.__setattr__(
            self, "output", output if len(text) <= LARGEST else {"cut": text[:LONGEST]}
        )


class Handler(Protocol):
    """The two halves of one kind of job, given to the engine by `jobs`."""

    def run(self, task: Task) -> Outcome:
        """Does the work, outside any transaction; `task.in_doubt` says that an earlier attempt
        vanished in mid-job.
        """

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Records what it means, inside the transaction that closes the task; `task` already
        has its new status.
        """


Handlers = dict[str, Handler]
