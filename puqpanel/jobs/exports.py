"""ExportJob: make the PDFs of an export."""

from __future__ import annotations

from puqpanel.models import Task
from puqpanel.operations.billing import exports
from puqpanel.tasks.outcome import Outcome


class ExportJob:
    """Make PDFs until all are there; each is kept, so an interrupted attempt is continued."""

    def run(self, task: Task) -> Outcome:
        """Make as many as fit into an attempt."""
        missing = exports.make_pdfs(exports.selection_of(task.data))
        text = exports.sentence(missing)
        return Outcome("again" if missing else "completed", text, blame=False)

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: the PDFs are kept with their documents."""
