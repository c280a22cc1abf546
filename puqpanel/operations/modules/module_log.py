"""Reading the module log, and keeping it from growing for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from puqpanel.infra.clock import now
from puqpanel.infra.db import release, session, transaction
from puqpanel.models import ModuleLog

BATCH = 2000


def newest(key: str, *, level: str = "", limit: int = 50) -> Sequence[ModuleLog]:
    """Return a module's last lines, oldest first.

    Args:
        key: the module's.
        level: only these: info, error or debug.
        limit: how many at most.
    """
    module_type, _, name = key.partition("/")
    which = sa.select(ModuleLog).where(ModuleLog.type == module_type, ModuleLog.name == name)
    if level:
        which = which.where(ModuleLog.level == level)
    return session().scalars(which.order_by(ModuleLog.id.desc()).limit(limit)).all()[::-1]


def prune(days: int) -> int:
    """Remove lines older than `days`, a batch a call, so that no transaction is long.

    0 keeps everything.

    Returns:
        How many lines were removed.
    """
    if not days:
        return 0
    old = (
        session()
        .scalars(
            sa.select(ModuleLog.id)
            .where(ModuleLog.at < now() - timedelta(days=days))
            .order_by(ModuleLog.id)
            .limit(BATCH)
        )
        .all()
    )
    release()
    if old:
        with transaction() as current:
            current.execute(
                sa.delete(ModuleLog)
                .where(ModuleLog.id.in_(old))
                .execution_options(synchronize_session=False)
            )
    return len(old)
