"""Health checks of modules, their jobs and the products that they provision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.domain.module_states import ModuleStatus
from puqpanel.domain.task_states import TaskStatus
from puqpanel.domain.texts import _, _n
from puqpanel.infra.clock import now
from puqpanel.infra.db import engine_for
from puqpanel.infra.program import PROGRAM
from puqpanel.infra.settings import Settings
from puqpanel.models import Module, Product, ServiceDifference, Task
from puqpanel.operations.catalog.products import modules_without_settings
from puqpanel.operations.oversight.check import Check
from puqpanel.operations.provisioning import observations

FAILING = 3
"""Failures of a module's jobs, without a success, after which the check warns."""
RECENT = timedelta(hours=1)
MAX_COUNTED = 1000
NAMES = 5
"""Names in the text of a check."""


def modules(settings: Settings) -> Check:
    """Check that all active modules are loaded and called."""
    broken = sa.or_(
        Module.status.in_((ModuleStatus.RESTRICTED, ModuleStatus.ERROR)),
        sa.and_(Module.status == ModuleStatus.ACTIVE, Module.circuit_open_reason != ""),
    )
    with engine_for(settings.database_url).connect() as connection:
        rows = connection.execute(sa.select(Module.type, Module.name).where(broken)).all()
    if not rows:
        return Check("modules", "ok", _("All active modules work."))
    names = sorted(f"{module_type}/{name}" for module_type, name in rows)
    text = _("Some active modules do not work: %(names)s.", names=_first(names))
    return Check(
        "modules",
        "warn",
        text,
        _("The Modules page and `%(program)s module list` say why.", program=PROGRAM),
    )


def jobs(settings: Settings) -> Check:
    """Check that each module whose jobs failed within the last hour also completed one.

    If none succeeds, the provider is probably unreachable. Comparisons of services do not count.
    """
    ended = sa.and_(
        Task.ended_at >= now() - RECENT,
        Task.status.in_((TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.LOST)),
    )
    retrying = sa.and_(Task.status == TaskStatus.RETRYING, Task.attempt >= FAILING)
    outcomes: dict[str, tuple[int, int]] = {}
    with engine_for(settings.database_url).connect() as connection:
        for where in (ended, retrying):
            query = sa.select(Task.module, Task.status, sa.func.count()).where(
                where, Task.module != "", Task.job != observations.BATCH_JOB
            )
            for module, status, count in connection.execute(
                query.group_by(Task.module, Task.status)
            ):
                completed, failed = outcomes.get(module, (0, 0))
                if status == TaskStatus.COMPLETED:
                    completed += count
                else:
                    failed += count
                outcomes[module] = completed, failed
    failing = [
        module
        for module, (completed, failed) in sorted(outcomes.items())
        if failed >= FAILING and not completed
    ]
    if not failing:
        return Check("jobs", "ok", _("There is no module whose recent jobs all failed."))
    text = _(
        "All recent jobs of some modules failed: %(names)s. Their providers may be unreachable.",
        names=_first(failing),
    )
    return Check("jobs", "warn", text, _("The Tasks page shows the reasons."))


def products(settings: Settings) -> Check:
    """Check that the module settings of all products on sale are saved."""
    unconfigured = (
        Product.active,
        Product.module != "",
        ~Product.configured,
        Product.module.not_in(modules_without_settings()),
    )
    with engine_for(settings.database_url).connect() as connection:
        names = connection.scalars(
            sa.select(Product.name).where(*unconfigured).order_by(Product.name).limit(NAMES + 1)
        ).all()
    if not names:
        return Check("products", "ok", _("All products on sale are configured."))
    text = _("Some products on sale are not configured: %(names)s.", names=_first(names))
    return Check("products", "warn", text, _("Open each product and save its module settings."))


def differences(settings: Settings) -> Check:
    """Check that no service differs from what its provider reported."""
    rows = sa.select(ServiceDifference.id).limit(MAX_COUNTED + 1).subquery()
    with engine_for(settings.database_url).connect() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(rows)) or 0
    if not count:
        return Check("differences", "ok", _("No service differs from its provider."))
    text = _n(
        "%(num)s service differs from its provider.",
        "%(num)s services differ from their providers.",
        min(count, MAX_COUNTED),
    )
    remedy = _("Open the Differences page to review and resolve them.")
    return Check("differences", "warn", text, remedy, {"count": count})


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES]) + (", …" if len(names) > NAMES else "")
