"""BulkJob: apply an action to many services or tasks."""

from __future__ import annotations

from puqpanel.models import Task
from puqpanel.operations.oversight import bulk
from puqpanel.tasks.outcome import Outcome


class BulkJob:
    """Request the action for each row; an interrupted attempt is continued."""

    def run(self, task: Task) -> Outcome:
        """Request what is not yet requested."""
        bulk.work(task)
        return Outcome("completed")

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the rows record their own results."""
