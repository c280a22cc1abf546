"""Maintenance: the panel's own periodic work, which runs as tasks.

The scheduler adds a task for each entry that is due and does nothing else, so that a slow entry
delays neither the dispatch nor the recovery of tasks. A run is skipped while the previous one has
not ended. The list of tasks shows their tasks under a tab of their own and deleted after an hour,
because there are several a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from puqpanel.domain.principals import AUTOMATION
from puqpanel.domain.texts import _
from puqpanel.host.contract.timetable import Work
from puqpanel.infra.settings import Settings
from puqpanel.models.billing.books import LONGEST
from puqpanel.operations.accounts import session_pruning
from puqpanel.operations.automation import charging, dunning, renewals
from puqpanel.operations.billing import (
    books_checks,
    payment_events,
    payment_polls,
    vat_numbers,
)
from puqpanel.operations.modules import loading, module_log, parking
from puqpanel.operations.ordering import carts, changes, endings, offers
from puqpanel.operations.oversight import tasks
from puqpanel.operations.provisioning import observations, reconciliation
from puqpanel.operations.system import audit
from puqpanel.operations.system.settings import number as days

JOB, QUEUE = "MaintenanceJob", "System"
PRUNE_SECONDS = 20.0
"""Maximum time of deleting in one run; a worker should be free for other tasks soon."""
EVENT_DAYS = 90
"""Days that events of gateways are kept after they were read."""
Action = Callable[[Settings], int]


def _prune_module_log(_: Settings) -> int:
    return _batches(lambda: module_log.prune(days("retention.module_log_days")))


def _prune_tasks(_: Settings) -> int:
    return _batches(lambda: tasks.prune(days("retention.task_days")))


def _batches(prune: Callable[[], int]) -> int:
    """Delete batches until nothing is left or the time is over; return the number of rows."""
    total, end = 0, time.monotonic() + PRUNE_SECONDS
    while (count := prune()) and time.monotonic() < end:
        total += count
    return total + count


_TABLE: tuple[tuple[Work, Action], ...] = (
    (
        Work(_("Re-enqueue parked tasks").source, "", every=15, timeout=120),
        lambda settings: parking.unpark_served(),
    ),
    (
        Work(_("Rescan modules").source, "", every=30, timeout=300),
        lambda settings: loading.rescan(actor=AUTOMATION, modules_dir=settings.modules_dir),
    ),
    (
        Work(_("Reconcile services without a task").source, "", every=60, timeout=120),
        lambda settings: reconciliation.settle_orphans(),
    ),
    (
        Work(_("Compare services with their providers").source, "", every=60, timeout=120),
        lambda settings: observations.schedule_batches(),
    ),
    (
        Work(_("Apply service changes").source, "", every=60, timeout=120),
        lambda settings: changes.carry_out_due(),
    ),
    (
        Work(_("End cancelled services").source, "", every=60, timeout=120),
        lambda settings: endings.carry_out_due(),
    ),
    (
        Work(_("End overdue sessions").source, "", every=60, timeout=120),
        lambda settings: _batches(session_pruning.prune),
    ),
    (Work(_("Prune the module log").source, "", every=300, timeout=120), _prune_module_log),
    (
        Work(_("Prune failed sign-ins").source, "", every=300, timeout=120),
        lambda settings: _batches(lambda: audit.prune_refusals(days("retention.refusal_days"))),
    ),
    (
        Work(_("Close expired offers").source, "", every=300, timeout=120),
        lambda settings: offers.expire_due(),
    ),
    (
        Work(_("Charge saved payment methods").source, "", every=3600, timeout=600),
        lambda settings: charging.run_automatically(),
    ),
    (
        Work(_("Check pending payments").source, "", every=60, timeout=120),
        lambda settings: payment_polls.schedule_due(),
    ),
    (
        Work(_("Prune payment events").source, "", every=3600, timeout=120),
        lambda settings: _batches(lambda: payment_events.prune(EVENT_DAYS)),
    ),
    (
        Work(_("Renew services").source, "", every=3600, timeout=3600),
        lambda settings: renewals.run_automatically(),
    ),
    (
        Work(_("Process unpaid invoices").source, "", every=3600, timeout=3600),
        lambda settings: dunning.run_automatically(),
    ),
    (
        Work(_("Prune expired carts").source, "", every=3600, timeout=120),
        lambda settings: _batches(carts.prune),
    ),
    (
        Work(_("Check pending VAT numbers").source, "", cron="20 */4 * * *", timeout=300),
        lambda settings: vat_numbers.check_pending(),
    ),
    (
        Work(books_checks.TITLE, "", cron="40 2 * * *", timeout=int(LONGEST.total_seconds())),
        lambda settings: books_checks.run(),
    ),
    (Work(_("Prune tasks").source, "", every=300, timeout=120), _prune_tasks),
)
ENTRIES: Mapping[str, tuple[Work, Action]] = MappingProxyType(
    {work.name: (work, action) for work, action in _TABLE}
)
"""Name → its schedule, and the action.

It returns the number of rows or modules that it changed, or of problems that it found.
"""
