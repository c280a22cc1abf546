"""ExportJob: make the PDFs of an export."""

from __future__ import annotations

from puqpanel.models import Task
from puqpanel.operations.billing import exports
from puqpanel.tasks.outcome import Outcome


class ExportJob:
    """Make PDFs until all are there; each is kept, so an interrupted attempt is continued.

    Documents that fail are tried again, as the server may have been busy; then the task fails, and
    names them.
    """

    def run(self, task: Task) -> Outcome:
        """Make as many as fit into an attempt."""
        result = exports.make_pdfs(exports.selection_of(task.data))
        text = exports.sentence(result)
        if result.missing and (result.made or not result.failed):
            return Outcome("again", text, blame=False)
        if result.failed:
            return Outcome("retry", text, output=result.failed, blame=False)
        return Outcome("completed", text, blame=False)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the PDFs are kept with their documents."""
