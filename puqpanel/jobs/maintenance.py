"""MaintenanceJob: run an entry of the panel's own schedule."""

from __future__ import annotations

from puqpanel.domain.texts import _
from puqpanel.infra.settings import Settings
from puqpanel.models import Task
from puqpanel.operations.oversight import maintenance
from puqpanel.tasks.outcome import Outcome

_settings: list[Settings] = []


def use(settings: Settings) -> None:
    """Set the settings of this process, for the directory of modules."""
    _settings[:] = [settings]


class MaintenanceJob:
    """Run the entry that the task names. A failed run is not retried; the next one follows."""

    def run(self, task: Task) -> Outcome:
        """Run the entry."""
        entry = maintenance.ENTRIES.get(str(task.data.get("entry")))
        if entry is None:
            return Outcome("completed", _("The panel no longer has this job."))
        changed = entry[1](_settings[0])
        return Outcome("completed", output={"changed": changed})

    def settle(self, task: Task, outcome: Outcome) -> None:
        """Do nothing: no service or module depends on the outcome."""
