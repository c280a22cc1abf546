"""Pruning of the module log."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from puqpanel.app import Panel
from puqpanel.infra.clock import now
from puqpanel.infra.db import session, transaction
from puqpanel.models import ModuleLog
from puqpanel.operations.modules import module_log


def test_old_log_entries_are_pruned_in_batches(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module_log, "BATCH", 2)
    with transaction() as current:
        current.add_all(
            ModuleLog(
                type="Product",
                name="X",
                level="info",
                action=f"{age} days",
                at=now() - timedelta(days=age),
            )
            for age in (0, 5, 40, 50, 60)
        )
    assert module_log.prune(0) == 0
    assert [module_log.prune(30), module_log.prune(30), module_log.prune(30)] == [2, 1, 0]
    assert session().scalars(sa.select(ModuleLog.action).order_by(ModuleLog.id)).all() == [
        "0 days",
        "5 days",
    ]
